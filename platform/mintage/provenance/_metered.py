"""A store that counts what is read of it."""

from __future__ import annotations

import builtins
from threading import Lock
from typing import BinaryIO

from mintage.store import ObjectInfo, ObjectStore


class MeteredStore(ObjectStore):
    """Passes everything on to another store; counts the bytes of `read` and `read_range`, and all requests.

    Streams are for parts here: whoever reads one knows its bytes.
    """

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store.uri, {})
        self._store = store
        self._lock = Lock()
        self.bytes_read = 0
        self.requests = 0

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Count the object."""
        return self._count(self._store.read(path, max_bytes=max_bytes))

    def read_range(self, path: str, start: int, count: int) -> bytes:
        """Count the range."""
        return self._count(self._store.read_range(path, start, count))

    def open_read(self, path: str) -> BinaryIO:
        """Count the request."""
        self._count(b"")
        return self._store.open_read(path)

    def size(self, path: str) -> int:
        """Count the request."""
        self._count(b"")
        return self._store.size(path)

    def leads_outside(self, path: str) -> bool:
        """Not a request."""
        return self._store.leads_outside(path)

    def list(self, prefix: str = "") -> builtins.list[ObjectInfo]:
        """Count the request."""
        self._count(b"")
        return self._store.list(prefix)

    def _count(self, data: bytes) -> bytes:
        with self._lock:
            self.requests += 1
            self.bytes_read += len(data)
        return data
