"""The memory of this process, for tests and trials: other processes see nothing of it."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, BinaryIO

import fsspec

from mintage.errors import ObjectExistsError, ObjectMissingError
from mintage.store._backend import PARTIAL, Backend, PartSink
from mintage.store.object_info import ObjectInfo

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_LOCK = threading.Lock()
"""Makes look-then-write one step: the file system underneath is shared by all stores of the process."""


class MemoryBackend(Backend):
    """Objects of fsspec's memory file system below `root`."""

    def __init__(self, root: str) -> None:
        self._fs = fsspec.filesystem("memory")
        self._root = f"/{root}" if root else ""

    def create(self, path: str, data: bytes) -> None:
        """Look and write under one lock."""
        with _LOCK:
            if self._fs.isfile(self._full(path)):
                raise ObjectExistsError(
                    f"cannot create memory:/{self._full(path)}: it exists already",
                    "objects are never overwritten: choose another name",
                )
            self._fs.pipe_file(self._full(path), data)

    def read(self, path: str, limit_bytes: int, start: int = 0) -> bytes:
        """Copy that range."""
        with _LOCK:
            self._check(path)
            return bytes(self._fs.cat_file(self._full(path), start=start, end=start + limit_bytes))

    def open(self, path: str) -> BinaryIO:
        """A stream over a copy: fsspec's own streams share one position."""
        with _LOCK:
            self._check(path)
            return io.BytesIO(self._fs.cat_file(self._full(path)))

    def size(self, path: str) -> int:
        """Bytes held."""
        with _LOCK:
            self._check(path)
            return int(self._fs.size(self._full(path)))

    def objects(self, folder: str) -> list[ObjectInfo]:
        """All objects whose path begins with the folder's."""
        top = f"{self._root}/{folder}".rstrip("/") + "/"
        with _LOCK:
            found = self._fs.find(top.rstrip("/"), detail=True)
        return [
            ObjectInfo(
                path=name.removeprefix(f"{self._root}/"),
                bytes=int(info["size"]),
                modified=float(info["created"]),
            )
            for name, info in found.items()
            if name.startswith(top) and not name.endswith(PARTIAL)
        ]

    def part(self, path: str) -> PartSink:
        """Collect, then create."""
        return _MemoryPart(self, path)

    def remove(self, path: str) -> None:
        """Forget the object."""
        with _LOCK:
            if self._fs.isfile(self._full(path)):
                self._fs.rm_file(self._full(path))

    def filesystem(self) -> tuple[AbstractFileSystem, str]:
        """That of this process."""
        return self._fs, self._root

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _check(self, path: str) -> None:
        if not self._fs.isfile(self._full(path)):
            raise ObjectMissingError(
                f"cannot read memory:/{self._full(path)}: there is no such object",
                "memory:// is seen by one process only; check the path",
            )


class _MemoryPart(PartSink):
    def __init__(self, backend: MemoryBackend, path: str) -> None:
        self._backend = backend
        self._path = path
        self._buffer = io.BytesIO()

    def append(self, data: bytes) -> None:
        self._buffer.write(data)

    def publish(self) -> None:
        self._backend.create(self._path, self._buffer.getvalue())

    def abandon(self) -> None:
        self._buffer = io.BytesIO()
