"""What a listing tells of an object."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ObjectInfo:
    """An object of a store: its path relative to the store's root, and its size in bytes."""

    path: str
    bytes: int
