"""What a listing tells of an object."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ObjectInfo:
    """An object of a store: its path relative to the store's root, and its size in bytes."""

    path: str
    bytes: int
    modified: float | None = field(default=None, compare=False)
    """When it was written, in seconds since 1970 by the clock of the store; None when it does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class UnfinishedInfo(ObjectInfo):
    """What somebody began to write under `path` and has not finished; no reader sees it."""

    token: str
    """How the store names it."""
