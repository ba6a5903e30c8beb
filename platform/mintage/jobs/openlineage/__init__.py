"""Telling a catalogue that a run began and how it ended: OpenLineage events, never in the way of the run."""

from mintage.jobs.openlineage.telling import Teller, open_teller

__all__ = ["Teller", "open_teller"]
