"""Columns whose values are made for each row and never learned: keys, and fakes of personal data.

Of such a column only this is learned: in which rows it is null.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage.contracts import SampleRequest
from mintage.errors import ConditionError
from mintage_generators.tabular.codec.column import UNKNOWN, Column, plain
from mintage_generators.tabular.codec.mixing import mixed

NULL, PRESENT = "null", "present"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRange:
    """Which rows are made: `count` of them, the first being row `first` of the whole run.

    No two rows of a run have the same number, whichever shards they are in.
    """

    first: int
    count: int
    seed: int

    @classmethod
    def of(cls, request: SampleRequest, start: int = 0, count: int | None = None) -> RowRange:
        """The rows of a request, or `count` of them from its row `start` on."""
        return cls(
            first=request.first_key + start,
            count=request.rows - start if count is None else count,
            seed=request.seed,
        )

    def numbers(self) -> np.ndarray:
        """The number of each row, uint64, shape (count,)."""
        return np.arange(self.first, self.first + self.count, dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Whose value each row holds: `number` is unique for each owner in a run, `mixed` looks random.

    Both uint64, shape (rows,). Rows of one owner get the same value.
    """

    number: np.ndarray
    mixed: np.ndarray

    @classmethod
    def of(cls, number: np.ndarray, seed: int) -> Owners:
        """Owners of these numbers in a run of that seed."""
        return cls(number=number, mixed=mixed(number ^ mixed(np.array([seed], np.uint64))))

    def taken(self, rows: np.ndarray) -> Owners:
        """The owners of these rows."""
        return Owners(number=self.number[rows], mixed=self.mixed[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeColumn(Column):
    """A column of the tokens `kinds`: "null", "present", or both. `subject` says whose values they are.

    `subject` is the index of one of the codec's subjects, or -1 when each row has a value of its own.
    """

    kinds: tuple[str, ...]
    subject: int

    @property
    def exact(self) -> bool:
        """Never: a token stands for any value."""
        return False

    @property
    def special_tokens(self) -> np.ndarray:
        """Null."""
        return np.array([kind == NULL for kind in self.kinds])

    def encode(self, array: pa.Array) -> np.ndarray:
        """Whether there is a value."""
        by_presence = [self._token(PRESENT), self._token(NULL)]
        nulls = plain(array).is_null().to_numpy(zero_copy_only=False)
        return np.asarray(np.asarray(by_presence, np.int32)[nulls.astype(np.int64)])

    def decode(self, tokens: np.ndarray, draws: np.ndarray) -> pa.Array:
        """Values of owners that the draws alone decide; `make` is what tells rows of a run apart."""
        return self.make(tokens, Owners.of((draws * 2.0**53).astype(np.uint64), 0))

    def make(self, tokens: np.ndarray, owners: Owners) -> pa.Array:
        """The values of these owners, or null, for each row."""
        present = tokens == self._token(PRESENT)
        if not present.any():
            return pa.nulls(len(tokens), self.type)
        values = self.values(owners if present.all() else owners.taken(np.flatnonzero(present)))
        if present.all():
            return values
        place = np.cumsum(present) - 1
        return values.take(pa.array(place, mask=~present))

    @abstractmethod
    def values(self, owners: Owners) -> pa.Array:
        """A value of the column's type for each owner, never null."""

    def token_of(self, value: pa.Scalar) -> int | None:
        """The token of null; raises `ConditionError` for any other value."""
        if value.is_valid:
            raise ConditionError(
                f"column {self.name!r} cannot be {value.as_py()!r}: {self.describe()}",
                "set the condition on another column, or write the value over the rows that were made",
            )
        token = self._token(NULL)
        return None if token == UNKNOWN else token

    def tokens_making(self, value: pa.Scalar) -> np.ndarray:
        """The token of null; raises `ConditionError` for any other value."""
        token = self.token_of(value)
        return np.asarray(np.arange(self.tokens) == (UNKNOWN if token is None else token))

    def _token(self, kind: str) -> int:
        return self.kinds.index(kind) if kind in self.kinds else UNKNOWN


def kinds_of(array: pa.Array, min_support: int) -> tuple[str, ...]:
    """Which of null and present enough rows of the column have; at least one."""
    enough = [
        kind
        for kind, count in ((NULL, array.null_count), (PRESENT, len(array) - array.null_count))
        if count >= min_support
    ]
    return tuple(enough) or (PRESENT,)
