"""What a kind of store implements: a few calls on paths that have been checked already."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from mintage.store.object_info import ObjectInfo, UnfinishedInfo

PARTIAL = ".partial"
"""How the name of an unfinished file ends; no listing shows such a file."""


class PartSink(ABC):
    """Takes the bytes of one part, and shows them to readers at once or never."""

    @abstractmethod
    def append(self, data: bytes) -> None:
        """Take more bytes."""

    @abstractmethod
    def publish(self) -> None:
        """Make the part visible; `ObjectExistsError` when something has its name already."""

    @abstractmethod
    def abandon(self) -> None:
        """Drop all bytes taken, when they are not published yet. May be called more than once."""


class Backend(ABC):
    """One kind of store, opened at a root. Every call raises `StoreError` and its subclasses only."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> None:
        """Create an object; `ObjectExistsError` when there is one, whatever it holds."""

    @abstractmethod
    def read(self, path: str, limit_bytes: int, start: int = 0) -> bytes:
        """The object's `limit_bytes` bytes from `start` on, or as many as there are."""

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """The object as a seekable stream."""

    @abstractmethod
    def size(self, path: str) -> int:
        """The object's bytes."""

    @abstractmethod
    def objects(self, folder: str) -> list[ObjectInfo]:
        """The objects below a folder (`""`: the root), in any order."""

    @abstractmethod
    def part(self, path: str) -> PartSink:
        """A sink for a new object."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove an object; nothing happens when there is none."""

    def leads_outside(self, path: str) -> bool:  # noqa: ARG002  # only file systems have links
        """Whether a link makes the path lead out of the root."""
        return False

    def unfinished(self) -> list[UnfinishedInfo]:
        """What was begun and not finished; none where nothing can be left so."""
        return []

    def drop(self, token: str, path: str) -> None:
        """Remove what was begun under `path`; nothing happens when it is gone or finished."""
        del token, path

    @abstractmethod
    def filesystem(self) -> tuple[AbstractFileSystem, str]:
        """An fsspec file system, and the root as a path of it."""
