"""Predicates on rows: how many rows does each of many conjunctions hold for?

A column becomes ranks: 0 where the value is missing, else the place of the value among all values of all
tables. A condition is then an interval of ranks, or all but that; a predicate is a few conditions that
must hold together. Thousands of predicates are counted at once, without evaluating any as an expression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.tables import Tables

Ranks = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]

_PAIRS = 1 << 17  # predicates x rows that are tried at once: what fits a core's cache
_FIRST_ROWS = (2048, 8192)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicates:
    """Conjunctions of as many conditions each."""

    columns: npt.NDArray[np.int64]
    """int64 [predicates, conditions]: ascending positions of columns."""
    low: Ranks
    """int32 [predicates, conditions]: the least rank that is accepted"""
    high: Ranks
    """and the greatest."""
    negated: npt.NDArray[np.bool_]
    """Whether it is the other values that are accepted; a missing one never is."""

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, chosen: npt.NDArray[np.int64]) -> Predicates:
        """The predicates at these positions."""
        return Predicates(
            columns=self.columns[chosen],
            low=self.low[chosen],
            high=self.high[chosen],
            negated=self.negated[chosen],
        )

    def distinct(self) -> Predicates:
        """Each predicate once, in the order of their first occurrence."""
        whole = np.hstack([self.columns, self.low, self.high, self.negated])
        _, first = np.unique(whole, axis=0, return_index=True)
        return self.take(np.sort(first))


def rank_columns(tables: Tables) -> list[Ranks]:
    """int32 [columns, rows] of each table (real, synthetic and holdout, if any)."""
    ranked: list[list[Ranks]] = [[] for _ in tables.all]
    for position in range(len(tables.real.columns)):
        columns = [table.columns[position] for table in tables.all]
        missing = np.concatenate([column.missing for column in columns])
        values = np.concatenate([column.values for column in columns])
        ranks = np.zeros(len(values), np.int32)
        ranks[~missing] = np.unique(values[~missing], return_inverse=True)[1] + 1
        ends = np.cumsum([table.rows for table in tables.all])[:-1]
        for part, into in zip(np.split(ranks, ends), ranked, strict=True):
            into.append(part)
    return [np.array(parts, np.int32) for parts in ranked]


def count_matches(predicates: Predicates, rows: Ranks) -> Counts:
    """int64 [predicates]: of how many rows each is true."""
    if predicates.columns.shape[1] == 1:
        return _count_single_conditions(predicates, rows)
    counts = np.zeros(len(predicates), np.int64)
    step = max(1, _PAIRS // max(rows.shape[1], 1))
    for start in range(0, len(predicates), step):
        part = predicates.take(np.arange(start, min(start + step, len(predicates))))
        counts[start : start + step] = _holds(part, rows).sum(axis=1)
    return counts


def is_single(predicates: Predicates, rows: Ranks) -> npt.NDArray[np.bool_]:
    """Which predicates are true of exactly one row; what is true of two early rows is not tried further."""
    single = np.zeros(len(predicates), np.bool_)
    left = np.arange(len(predicates))
    for first in _FIRST_ROWS:
        if first < rows.shape[1]:
            left = left[count_matches(predicates.take(left), rows[:, :first]) <= 1]
    single[left] = count_matches(predicates.take(left), rows) == 1
    return single


def _count_single_conditions(predicates: Predicates, rows: Ranks) -> Counts:
    """The same by the ranks' cumulative counts, without looking at rows again."""
    counts = np.zeros(len(predicates), np.int64)
    for column in np.unique(predicates.columns):
        here = np.flatnonzero(predicates.columns[:, 0] == column)
        upto = np.concatenate([[0], np.cumsum(np.bincount(rows[column]))])
        low, high = (np.minimum(ends[here, 0], len(upto) - 2) for ends in (predicates.low, predicates.high))
        inside = np.where(predicates.low[here, 0] > len(upto) - 2, 0, upto[high + 1] - upto[low])
        counts[here] = np.where(predicates.negated[here, 0], upto[-1] - upto[1] - inside, inside)
    return counts


def _holds(predicates: Predicates, rows: Ranks) -> npt.NDArray[np.bool_]:
    held = np.ones((len(predicates), rows.shape[1]), np.bool_)
    for i in range(predicates.columns.shape[1]):
        values = rows[predicates.columns[:, i]]
        low, high = predicates.low[:, i, None], predicates.high[:, i, None]
        inside = (values >= low) & (values <= high)
        negated = predicates.negated[:, i]
        if negated.any():
            inside[negated] = ~inside[negated] & (values[negated] > 0)
        held &= inside
    return held
