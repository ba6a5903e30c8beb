"""A store that dies in the middle, for tests of what is left then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from mintage.errors import StoreUnavailableError
from mintage.store import ObjectStore
from mintage.store.part_stream import PartStream


class CrashingStore(ObjectStore):
    """Dies when its n-th object is made: before it takes effect, or after, when the answer is lost."""

    def crash_at(self, number: int, *, after: bool) -> Self:
        self._left, self._after = number, after
        return self

    def create(self, path: str, data: bytes) -> None:
        with self._dying(path):
            super().create(path, data)

    def part(self, path: str) -> PartStream:
        part = super().part(path)
        commit = part.commit

        def dying() -> None:
            with self._dying(path):
                commit()

        part.commit = dying  # type: ignore[method-assign]
        return part

    @contextmanager
    def _dying(self, path: str) -> Iterator[None]:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise StoreUnavailableError(f"crashed before {path}")
        yield
        if self._left < 0:
            raise StoreUnavailableError(f"crashed after {path}")
