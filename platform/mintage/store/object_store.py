"""One folder of a store, and everything that may be done to it.

>>> store = ObjectStore.open("memory://example")
>>> store.create("_mintage/plan.json", b"{}")
>>> with store.part("data/flights/part-000000-a1.parquet") as part:
...     _ = part.write(b"PAR1")
...     part.commit()
>>> [(found.path, found.bytes) for found in store.list("data")]
[('data/flights/part-000000-a1.parquet', 4)]
"""

from __future__ import annotations

import builtins
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from mintage.errors import ObjectExistsError, ObjectMissingError, SpecError, StoreError
from mintage.store._backend import PARTIAL, Backend
from mintage.store.object_info import ObjectInfo, UnfinishedInfo
from mintage.store.part_stream import PartStream
from mintage.store.url_policy import DEFAULT_POLICY, UrlPolicy, check_path, check_uri, scheme_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

REMOVABLE = ("data/", "_mintage/rejects/", "_mintage/sketches/", "_mintage/checkpoints/")
"""Where attempts lie that nothing refers to, and unfinished fits; all else is never removed."""

COLLECTABLE = (*REMOVABLE, "_mintage/model/", "_mintage/prepared/", "_mintage/versions/", ".probe-")
"""Where things may lie that nothing refers to any more. Never a commit, a plan, a head, an attestation."""

MAX_CREATE_BYTES = 5 * 1024**3
"""Largest object that `create` takes: what S3 accepts in one request."""

_PROBE_BYTES = 4096  # a block: smaller files may find room in a disk that is full


class ObjectStore:
    """The objects below one root folder, local or remote. Objects are created once and never change.

    Nothing is opened before it is needed, and nothing that is open is pickled: a store can be sent to
    other processes, where credentials come from their own environment. Threads may share one.
    """

    def __init__(self, uri: str, options: Mapping[str, object]) -> None:
        self._uri = uri
        self._options = dict(options)
        self._opened: tuple[int, Backend] | None = None

    @classmethod
    def open(
        cls, uri: str, *, options: Mapping[str, object] | None = None, policy: UrlPolicy = DEFAULT_POLICY
    ) -> Self:
        """The store at a path, `file://`, `memory://` or `s3://` URI; touches nothing there yet.

        Other schemes that the policy allows can be read only. `options` are those of `s3://`
        (`endpoint_url`, `region`, `profile`, …). Raises `SpecError` for a location or option that is
        not allowed; credentials come from the environment, never from here.
        """
        normal = check_uri(uri, policy)
        _check_options(scheme_of(normal), options or {})
        return cls(normal, options or {})

    @property
    def uri(self) -> str:
        """The root: an absolute path, or `scheme://place/folder`. Holds no credentials."""
        return self._uri

    @property
    def options(self) -> Mapping[str, object]:
        """What it was opened with; holds no credentials."""
        return dict(self._options)

    @property
    def scheme(self) -> str:
        """The kind of place: `file`, `memory`, `s3`, …."""
        return scheme_of(self._uri)

    @property
    def is_shared(self) -> bool:
        """Whether other processes see the same objects; false for `memory://`."""
        return self.scheme != "memory"

    def create(self, path: str, data: bytes) -> None:
        """Create a non-empty object, whole and durable, unless there is one.

        Raises `ObjectExistsError` when other bytes have that name. Returns normally when the very
        same bytes have it: an acknowledgement of ours was lost, or somebody said the same.
        """
        self._check_new(path)
        if not data:
            raise StoreError(
                f"cannot create {self._at(path)}: it would be empty", "give it at least one byte"
            )
        if len(data) > MAX_CREATE_BYTES:
            raise StoreError(
                f"cannot create {self._at(path)}: {len(data)} bytes are too many", "write a part"
            )
        try:
            self._backend.create(path, data)
        except ObjectExistsError:
            if self._backend.read(path, len(data) + 1) != data:
                raise

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """The whole object. `ObjectMissingError` when there is none, `StoreError` when it is larger."""
        data = self._backend.read(check_path(path), max_bytes + 1)
        if len(data) > max_bytes:
            raise StoreError(
                f"{self._at(path)} has more than the {max_bytes} bytes that are expected there",
                "it was not written by this version of Mintage, or it was altered",
            )
        return data

    def read_range(self, path: str, start: int, count: int) -> bytes:
        """`count` bytes from `start` on, or as many as there are: one request, and nothing else is read."""
        return self._backend.read(check_path(path), count, start) if count > 0 else b""

    def open_read(self, path: str) -> BinaryIO:
        """The object as a seekable stream. `ObjectMissingError` when there is none."""
        return self._backend.open(check_path(path))

    def size(self, path: str) -> int:
        """The object's size in bytes. `ObjectMissingError` when there is none."""
        return self._backend.size(check_path(path))

    def exists(self, path: str) -> bool:
        """Whether there is such an object; a folder is none."""
        try:
            self._backend.size(check_path(path))
        except ObjectMissingError:
            return False
        return True

    def leads_outside(self, path: str) -> bool:
        """Whether a symbolic link makes a path lead out of the root; never so in an object store."""
        return self._backend.leads_outside(check_path(path))

    def list(self, prefix: str = "") -> builtins.list[ObjectInfo]:
        """The objects in the folder `prefix` and below it, sorted by path; none when it is not there.

        A slash at the end of the prefix makes no difference; `""` is the root. Unfinished parts are
        not shown.
        """
        folder = prefix.removesuffix("/")
        return sorted(self._backend.objects(check_path(folder) if folder else ""))

    def part(self, path: str) -> PartStream:
        """A stream to write a new object with: visible when it is committed, whole or not at all.

        Use it in a `with` block and commit inside; see `PartStream`.
        """
        self._check_new(path)
        return PartStream(
            self._backend.part(path), uri=self._at(path), open_stored=lambda: self._backend.open(path)
        )

    def filesystem(self) -> tuple[AbstractFileSystem, str]:
        """An fsspec file system and the root as a path of it, for readers such as Arrow's and Ray's.

        To read only: what is written around the store is neither exclusive nor whole. Errors are those
        of fsspec.
        """
        return self._backend.filesystem()

    def discard(self, path: str) -> None:
        """Remove an attempt of one's own that nothing refers to; nothing happens when there is none.

        Raises `StoreError` for a path that is not under one of `REMOVABLE`: whether a commit record
        refers to it is for the caller to know.
        """
        if not check_path(path).startswith(REMOVABLE):
            raise StoreError(
                f"{self._at(path)} must not be removed",
                f"only attempts are removed, from {' and '.join(REMOVABLE)}",
            )
        self._backend.remove(path)

    def collect(self, path: str) -> None:
        """Remove an object that nothing refers to, for good; nothing happens when there is none.

        Raises `StoreError` for a path that is not under one of `COLLECTABLE`: whether anything refers to
        it is for the caller to know.
        """
        if not check_path(path).startswith(COLLECTABLE):
            raise StoreError(
                f"{self._at(path)} must not be removed", f"only what lies under {', '.join(COLLECTABLE)}"
            )
        self._backend.remove(path)

    def unfinished(self) -> builtins.list[UnfinishedInfo]:
        """What somebody began to write and has not finished (yet), sorted by path; no listing shows it.

        Raises `StoreError` when the store does not tell.
        """
        return sorted(self._backend.unfinished())

    def drop(self, one: UnfinishedInfo) -> None:
        """Remove what somebody began to write; nothing happens when it was finished or is gone."""
        self._backend.drop(one.token, one.path)

    def clock(self) -> float:
        """The time of the store, in seconds since 1970: that of an object created for it, and removed again.

        The clock of this machine may be wrong by hours; ages are measured by the one that wrote the times.
        Raises `StoreError` when the store tells no times.
        """
        folder = f".probe-{uuid.uuid4().hex}"
        path = f"{folder}/clock"
        self._backend.create(path, b"?")
        try:
            times = [info.modified for info in self._backend.objects(folder)]
        finally:
            self._backend.remove(path)
        if len(times) != 1 or times[0] is None:
            raise StoreError(
                f"{self._uri} does not tell when objects were written",
                "nothing here can be judged by its age",
            )
        return times[0]

    def probe(self) -> None:
        """Prove that objects can be created, read and removed, and that a second create is refused.

        Raises `StoreError` that says what is wrong and what to do, before any work is lost to it.
        Leaves nothing behind.
        """
        path = f".probe-{uuid.uuid4().hex}"
        try:
            self._probe_at(path)
        except StoreError as failure:
            try:
                self._backend.remove(path)
            except StoreError as second:
                failure.add_note(f"the probe {self._at(path)} may be left: {second}")
            raise
        self._backend.remove(path)

    def _probe_at(self, path: str) -> None:
        first, second = b"1" * _PROBE_BYTES, b"2" * _PROBE_BYTES
        self.create(path, first)
        self._probe_read(path, first)
        try:
            self._backend.create(path, second)
        except ObjectExistsError:
            self._probe_read(path, first)
            return
        raise StoreError(
            f"{self._uri} overwrote an object that was to be created only once",
            "use a store that honours If-None-Match: here two workers could commit the same shard",
        )

    def _probe_read(self, path: str, expected: bytes) -> None:
        try:
            found = self._backend.read(path, _PROBE_BYTES + 1)
        except ObjectMissingError as exc:
            raise StoreError(
                f"{self._uri} does not show an object that was just created there",
                "use a store with read-after-write consistency",
            ) from exc
        except StoreError as exc:
            if exc.retryable:
                raise
            raise StoreError(
                f"{self._uri} can be written but not read: {exc.message}", "give the right to read as well"
            ) from exc
        if found != expected:
            raise StoreError(f"{self._uri} returns other bytes than were written there", "use another store")

    def _check_new(self, path: str) -> None:
        if check_path(path).endswith(PARTIAL):
            raise StoreError(f"{path!r} cannot name an object: {PARTIAL} marks unfinished files", "rename it")

    def _at(self, path: str) -> str:
        return f"{self._uri.rstrip('/')}/{path}"

    @property
    def _backend(self) -> Backend:
        # A forked process must not use its parent's connections.
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), _open_backend(self._uri, self._options))
        return self._opened[1]

    def __reduce__(self) -> tuple[type[ObjectStore], tuple[str, Mapping[str, object]]]:
        return type(self), (self._uri, self._options)

    def __repr__(self) -> str:
        return f"ObjectStore({self._uri!r})"


def _check_options(scheme: str, options: Mapping[str, object]) -> None:
    from mintage.store._s3_options import read_s3_options, refuse_secrets

    if scheme == "s3":
        read_s3_options(options)
        return
    refuse_secrets(options)
    if options:
        raise SpecError(
            f"the store option {next(iter(options))!r} is not known: {scheme} locations have no options",
            "remove it",
        )


def _open_backend(uri: str, options: Mapping[str, object]) -> Backend:
    # Imported when used: the S3 client alone takes longer to import than all of Mintage.
    match scheme_of(uri):
        case "file":
            from mintage.store._local import LocalBackend

            return LocalBackend(Path(uri))
        case "memory":
            from mintage.store._memory import MemoryBackend

            return MemoryBackend(uri.removeprefix("memory://"))
        case "s3":
            from mintage.store._s3 import S3Backend
            from mintage.store._s3_options import read_s3_options

            return S3Backend(uri.removeprefix("s3://"), read_s3_options(options))
        case _:
            from mintage.store._read_only import ReadOnlyBackend

            return ReadOnlyBackend(uri)
