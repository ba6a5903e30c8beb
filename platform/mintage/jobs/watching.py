"""What is seen of a run from outside: its span, its metrics, its log records; sent away where asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mintage.engine import events, measures
from mintage.errors import CancelledError, MintageError
from mintage.jobs.calls import observed_call
from mintage.spec import JobSpec
from mintage.telemetry import add_mark, logger, set_attribute

_LOG = logger(__name__)


@contextmanager
def watched(spec: JobSpec, on_event: events.OnEvent) -> Iterator[events.OnEvent]:
    """A run in its span, counted when it ends; yields who is to hear of its events.

    The job's name and the attributes of the spec are in every span and log record of the body, in this
    process and in its workers; the run's id from the event on that says it.
    """

    def hear(event: events.Event) -> None:
        if isinstance(event, events.RunStarted):
            add_mark("mintage.run", event.run_id)
            set_attribute("mintage.run", event.run_id)
        measures.show_event(event)
        _log(event)
        on_event(event)

    def warn(message: str) -> None:
        on_event(events.Warned(message=message))

    with observed_call("run", {"mintage.job": spec.name, **spec.telemetry.attributes}, warn):
        try:
            yield hear
        except BaseException as exc:
            _ended(exc)
            raise
        _ended(None)


def _ended(error: BaseException | None) -> None:
    if error is None:
        outcome = "succeeded"
    elif isinstance(error, CancelledError) or not isinstance(error, Exception):
        outcome = "cancelled"
    else:
        outcome = type(error).__name__ if isinstance(error, MintageError) else "unexpected"
    measures.count_end(outcome)
    _LOG.info("the run ended: %s", outcome)


def _log(event: events.Event) -> None:
    if isinstance(event, events.PhaseStarted):
        _LOG.info("phase %s: %s", event.phase, event.detail)
    elif isinstance(event, events.ShardRetried):
        _LOG.warning("shard %d is tried again: %s", event.shard, event.reason)
    elif isinstance(event, events.Warned):
        _LOG.warning("%s", event.message)
