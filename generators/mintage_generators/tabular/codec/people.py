"""People who do not exist: first and last names that stay together in every column of a table."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class People:
    """Person i is called `first[pairs[i, 0]] last[pairs[i, 1]]`; pairs: int32, shape (people, 2)."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    pairs: np.ndarray

    def parts(self, persons: np.ndarray) -> tuple[pa.Array, pa.Array]:
        """First and last names of these people."""
        return self._first.take(pa.array(self.pairs[persons, 0])), self._last.take(
            pa.array(self.pairs[persons, 1])
        )

    def plain_parts(self, persons: np.ndarray) -> tuple[pa.Array, pa.Array]:
        """The same in small Latin letters, for addresses and user names."""
        return self._plain_first.take(pa.array(self.pairs[persons, 0])), self._plain_last.take(
            pa.array(self.pairs[persons, 1])
        )

    @cached_property
    def _first(self) -> pa.Array:
        return pa.array(self.first, pa.string())

    @cached_property
    def _last(self) -> pa.Array:
        return pa.array(self.last, pa.string())

    @cached_property
    def _plain_first(self) -> pa.Array:
        return pa.array([plain_letters(name) for name in self.first], pa.string())

    @cached_property
    def _plain_last(self) -> pa.Array:
        return pa.array([plain_letters(name) for name in self.last], pa.string())


def plain_letters(name: str) -> str:
    """Small Latin letters of a name; "user" when it has none.

    >>> plain_letters("Zoë O'Hara"), plain_letters("淳")
    ('zoeohara', 'user')
    """
    decomposed = unicodedata.normalize("NFKD", name).lower()
    return "".join(c for c in decomposed if "a" <= c <= "z") or "user"
