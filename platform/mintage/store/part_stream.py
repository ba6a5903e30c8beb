"""A part while it is written: a stream that counts and digests, and is published at once or never."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO, Literal

from mintage.errors import ObjectExistsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Buffer

    from mintage.store._backend import PartSink

_BLOCK_BYTES = 1024 * 1024


class PartStream(io.RawIOBase, BinaryIO):
    """A writable stream whose bytes become an object when `commit` is called, and never otherwise.

    Leaving the `with` block without a commit, by an exception or not, drops everything. After the
    commit, `bytes` and `sha256` tell what was written; the digest is made while writing, from what the
    writer gave and not from what was stored.
    """

    def __init__(self, sink: PartSink, *, uri: str, open_stored: Callable[[], BinaryIO]) -> None:
        super().__init__()
        self._sink = sink
        self._uri = uri
        self._open_stored = open_stored
        self._hash = hashlib.sha256()
        self._written_bytes = 0
        self._state: Literal["open", "broken", "committed"] = "open"

    def write(self, data: Buffer, /) -> int:
        """Append bytes; returns how many. Raises `StoreError` when the store does not take them."""
        self._check_open()
        block = bytes(data)
        # Whether a failed append took some of its bytes is not known, so nothing may follow it.
        self._state = "broken"
        self._sink.append(block)
        self._state = "open"
        self._hash.update(block)
        self._written_bytes += len(block)
        return len(block)

    def commit(self) -> None:
        """Show the part to readers, whole and durable. Raises `ObjectExistsError`, never overwrites.

        When the very same bytes have that name already, an acknowledgement was lost or another
        attempt was faster: that counts as done.
        """
        self._check_open()
        try:
            self._sink.publish()
        except ObjectExistsError:
            if not self._is_stored():
                raise
            self._sink.abandon()
        self._state = "committed"

    @property
    def bytes(self) -> int:
        """Bytes of the committed part."""
        self._check_committed()
        return self._written_bytes

    @property
    def sha256(self) -> str:
        """SHA-256 of the committed part, 64 hex digits."""
        self._check_committed()
        return self._hash.hexdigest()

    def writable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Bytes written so far."""
        return self._written_bytes

    def close(self) -> None:
        """Finish; drops everything when there was no commit. Does nothing the second time."""
        if self.closed:
            return
        super().close()
        if self._state != "committed":
            self._sink.abandon()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StoreError as failure:
            if error is None:
                raise
            # The body's error is the one that matters; that something is left is said beside it.
            error.add_note(f"the unfinished part {self._uri} could not be dropped: {failure}")

    def _is_stored(self) -> bool:
        stored = hashlib.sha256()
        with self._open_stored() as stream:
            while block := stream.read(_BLOCK_BYTES):
                stored.update(block)
        return stored.digest() == self._hash.digest()

    def _check_open(self) -> None:
        if self.closed or self._state != "open":
            state = "closed" if self.closed else self._state
            raise StoreError(f"part {self._uri} is {state}", "write, then commit once, inside the with block")

    def _check_committed(self) -> None:
        if self._state != "committed":
            raise StoreError(f"part {self._uri} is not committed", "call commit() first")
