"""Options of JSON lines."""

from __future__ import annotations

from mintage_connectors.text.config import TextConfig


class JsonlConfig(TextConfig):
    """JSON lines have no options of their own: the format leaves nothing to choose."""
