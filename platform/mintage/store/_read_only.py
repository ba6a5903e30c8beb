"""Places that can be read through fsspec, but where exclusive creates are not proven to work."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import fsspec

from mintage.errors import MintageError, StoreError, StoreUnavailableError
from mintage.store._backend import PARTIAL, Backend, PartSink
from mintage.store._failures import os_failure
from mintage.store._reader import guarded_reader
from mintage.store.object_info import ObjectInfo
from mintage.store.url_policy import scheme_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsspec import AbstractFileSystem

_PACKAGES = {"gs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


class ReadOnlyBackend(Backend):
    """Any fsspec file system, to read sources from. Whatever would write is refused."""

    def __init__(self, uri: str) -> None:
        scheme = scheme_of(uri)
        self._uri = uri
        try:
            self._fs = fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False)
        except (ImportError, ValueError) as exc:
            package = _PACKAGES.get(scheme, f"the fsspec package for {scheme}")
            raise StoreError(f"cannot open {uri}: {exc}", f"install it: pip install {package}") from exc

    def create(self, path: str, data: bytes) -> None:
        """Refused."""
        del data
        self._refuse(path)

    def read(self, path: str, limit_bytes: int, start: int = 0) -> bytes:
        """Read from a stream."""
        with self.open(path) as stream:
            stream.seek(start)
            return stream.read(limit_bytes)

    def open(self, path: str) -> BinaryIO:
        """A stream that fetches what is read."""
        uri = f"{self._uri}/{path}"
        with _failures("read", uri):
            return guarded_reader(self._fs.open(uri, "rb"), lambda: _failures("read", uri))

    def size(self, path: str) -> int:
        """The size that the server tells."""
        uri = f"{self._uri}/{path}"
        with _failures("look at", uri):
            size = self._fs.size(uri)
        if size is None:
            raise StoreError(
                f"cannot look at {uri}: the server does not tell its size", "copy it to a store first"
            )
        return int(size)

    def objects(self, folder: str) -> list[ObjectInfo]:
        """What the server lists below the folder."""
        top = f"{self._uri}/{folder}".rstrip("/")
        with _failures("list", top):
            found = self._fs.find(top, detail=True)
            root = self.filesystem()[1] + "/"
            return [
                ObjectInfo(path=str(name).removeprefix(root), bytes=int(info.get("size") or 0))
                for name, info in found.items()
                if not str(name).endswith((PARTIAL, "/"))
            ]

    def part(self, path: str) -> PartSink:
        """Refused."""
        self._refuse(path)

    def remove(self, path: str) -> None:
        """Refused."""
        self._refuse(path)

    def filesystem(self) -> tuple[AbstractFileSystem, str]:
        """The one it reads through."""
        return self._fs, str(self._fs._strip_protocol(self._uri)).rstrip("/")

    def _refuse(self, path: str) -> NoReturn:
        raise StoreError(
            f"cannot write {self._uri}/{path}: {scheme_of(self._uri)}:// locations can only be read",
            "write to a local folder or to s3://, where exclusive creates are proven to work",
        )


@contextmanager
def _failures(action: str, uri: str) -> Iterator[None]:
    try:
        yield
    except MintageError:
        raise
    except Exception as exc:
        # Each of these file systems has errors of its own; none of them may leave the store.
        if _is_lost_connection(exc):
            raise StoreUnavailableError(
                f"cannot {action} {uri}: {exc}", "check the network, then run again"
            ) from exc
        if isinstance(exc, OSError):
            raise os_failure(exc, action, uri) from exc
        raise StoreError(f"cannot {action} {uri}: {type(exc).__name__}: {exc}", "check the location") from exc


def _is_lost_connection(exc: BaseException | None) -> bool:
    # fsspec says that a file is not found when its server is not: the cause tells.
    while exc is not None:
        if isinstance(exc, ConnectionError | TimeoutError):
            return True
        exc = exc.__cause__
    return False
