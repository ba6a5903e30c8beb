"""Tuples of tokens that rows may hold: fixed combinations, and dependencies between columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mintage.errors import SpecError

MAX_TUPLES = 2_000_000
"""Combinations kept of all groups that hang together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Columns (by number) whose tokens stand together: `tuples` int32, shape (combinations, columns)."""

    columns: tuple[int, ...]
    tuples: np.ndarray

    def among(self, allowed: Mapping[int, np.ndarray]) -> Group:
        """The combinations of allowed tokens alone; allowed: bool (tokens,) by column."""
        kept = np.ones(len(self.tuples), np.bool_)
        for place, column in enumerate(self.columns):
            if column in allowed:
                kept &= allowed[column][self.tuples[:, place]]
        return Group(columns=self.columns, tuples=self.tuples[kept])

    def tokens(self, column: int, size: int) -> np.ndarray:
        """Which of the column's `size` tokens stand in some combination, bool."""
        found = np.zeros(size, np.bool_)
        found[self.tuples[:, self.columns.index(column)]] = True
        return found


def joined(groups: list[Group]) -> list[Group]:
    """Groups without a column in common: those that have one are joined, combination by combination.

    Raises `SpecError` when the combinations become too many.
    """
    done: list[Group] = []
    for group in groups:
        apart = []
        for other in done:
            if set(other.columns) & set(group.columns):
                group = _join(other, group)
            else:
                apart.append(other)
        done = [*apart, group]
    return done


def _join(left: Group, right: Group) -> Group:
    shared = [str(column) for column in left.columns if column in right.columns]
    both = _frame(left).lazy().join(_frame(right).lazy(), on=shared, how="inner", maintain_order="left_right")
    frame = both.head(MAX_TUPLES + 1).collect()
    if len(frame) > MAX_TUPLES:
        raise SpecError(
            f"combinations that share columns have more than {MAX_TUPLES} common ones",
            "declare fewer of them, or of fewer columns",
        )
    return Group(
        columns=tuple(int(name) for name in frame.columns),
        tuples=np.ascontiguousarray(frame.to_numpy(), np.int32),
    )


def _frame(group: Group) -> pl.DataFrame:
    return pl.DataFrame({str(column): group.tuples[:, place] for place, column in enumerate(group.columns)})


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLevels:
    """How a group's combinations begin, for each order in which its columns may become known.

    A beginning has a number: its place among all beginnings that some combination has.
    """

    group: Group
    sizes: Mapping[int, int]
    _kept: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def level(self, known: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Codes of the beginnings of these columns, ascending, and each combination's beginning.

        A code is the beginning before the last column, times that column's tokens, plus its token.
        """
        if not known:
            return np.zeros(1, np.int64), np.zeros(len(self.group.tuples), np.int64)
        if known not in self._kept:
            _, before = self.level(known[:-1])
            tokens = self.group.tuples[:, self.group.columns.index(known[-1])]
            codes, number = np.unique(before * self.sizes[known[-1]] + tokens, return_inverse=True)
            self._kept[known] = codes, number
        return self._kept[known]


@dataclass(slots=True)
class GroupState:
    """Which combinations rows are still open to, as the columns of a group become known.

    All rows learn the columns in the same order. `begun` is the number of what each row has so far, or
    -1 when no combination begins like it.
    """

    levels: GroupLevels
    begun: np.ndarray
    known: tuple[int, ...] = ()

    def allowed(self, column: int) -> np.ndarray:
        """The tokens that the column may have, bool (rows, tokens)."""
        size = self.levels.sizes[column]
        codes, _ = self.levels.level((*self.known, column))
        start = np.searchsorted(codes, self.begun * size)
        length = np.where(self.begun < 0, 0, np.searchsorted(codes, (self.begun + 1) * size) - start)
        rows = np.repeat(np.arange(len(start)), length)
        first = np.repeat(start - np.cumsum(length) + length, length)
        allowed = np.zeros((len(start), size), np.bool_)
        allowed[rows, codes[first + np.arange(len(rows))] % size] = True
        return allowed

    def learn(self, column: int, tokens: np.ndarray) -> None:
        """The column becomes known; tokens: int (rows,), negative where it has a value of no token."""
        self.known = (*self.known, column)
        codes, _ = self.levels.level(self.known)
        wanted = np.where(
            (self.begun < 0) | (tokens < 0), -1, self.begun * self.levels.sizes[column] + tokens
        )
        place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        self.begun = np.where(codes[place] == wanted, place, -1)
