"""A seekable reader that lets no foreign exception through."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from typing_extensions import Buffer

    Guard = Callable[[], AbstractContextManager[None]]

_BUFFER_BYTES = 128 * 1024


def guarded_reader(raw: io.RawIOBase | BinaryIO, guard: Guard) -> BinaryIO:
    """A buffered stream over `raw`; whatever goes wrong while reading goes through `guard`."""
    return io.BufferedReader(_GuardedReader(raw, guard), _BUFFER_BYTES)


class _GuardedReader(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase | BinaryIO, guard: Guard) -> None:
        super().__init__()
        self._raw = cast("io.RawIOBase", raw)
        self._guard = guard

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int | None:
        with self._guard():
            return self._raw.readinto(buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        with self._guard():
            return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def close(self) -> None:
        if not self.closed:
            super().close()
            with self._guard():
                self._raw.close()
