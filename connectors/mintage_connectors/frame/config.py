"""Options of tables in memory."""

from __future__ import annotations

from mintage.contracts import ConnectorConfig


class FrameConfig(ConnectorConfig):
    """A table in memory has no options: it is what it is."""
