"""A store that dies in the middle, for tests of what is left then."""

from __future__ import annotations

from typing import Self

from mintage.errors import StoreUnavailableError
from mintage.store import ObjectStore


class CrashingStore(ObjectStore):
    """Dies at its n-th create: before it takes effect, or after, when the answer is lost."""

    def crash_at(self, number: int, *, after: bool) -> Self:
        self._left, self._after = number, after
        return self

    def create(self, path: str, data: bytes) -> None:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise StoreUnavailableError(f"crashed before {path}")
        super().create(path, data)
        if self._left < 0:
            raise StoreUnavailableError(f"crashed after {path}")
