"""JSON lines, also compressed: one file or a folder of files; parts."""

from mintage_connectors.jsonl.config import JsonlConfig
from mintage_connectors.jsonl.connector import JsonlConnector

__all__ = ["JsonlConfig", "JsonlConnector"]
