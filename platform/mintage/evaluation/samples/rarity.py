"""Rows whose values go together least, judged by the rows themselves.

The values of each column are put into a few groups: the frequent levels, or ten parts of equally
many numbers. For each pair of columns, the rows in a pair of groups are compared with as many as there
would be if the two had nothing to do with each other. A row is as odd as its oddest pair. Odd
is not wrong: a rule of the real world (no flights of this carrier from there) is as odd as a
mistake of the model. Which it is, a person has to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MAX_COLUMNS = 60
"""Columns whose pairs are looked at."""

_PARTS = 10
_LEVELS = 50
_RARE = 0.2
"""Found over expected rows, below which a pair of groups is rare."""
_DEVIATIONS = 4.0
"""Standard deviations by which there must be too few: less is what chance leaves among so many pairs."""
_ROWS_OF_A_KIND = 2
"""Rows that are told for the same pair of groups."""

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OddRow:
    """A row, and what is odd about it."""

    row: int
    columns: tuple[str, str]
    found: int
    """Rows with this pair of groups."""
    expected: float
    """Rows that would have it, if the columns had nothing to do with each other."""


def find_odd_rows(table: pa.Table, columns: Sequence[str], most: int) -> list[OddRow]:
    """The rows of a table with the least likely pairs of values, the least likely first.

    At most `most`, and of each pair of groups at most two, so that they show different things. Rows
    without any pair that is much rarer than chance would have it are not among them.
    """
    if not table.num_rows:
        return []
    coded = {name: group_values(table.column(name)) for name in columns[:MAX_COLUMNS]}
    oddest = _Oddest.of(table.num_rows)
    names = list(coded)
    for left, right in combinations(range(len(names)), 2):
        oddest.compare(left, right, coded[names[left]], coded[names[right]])
    return _told(oddest, [coded[name] for name in names], names, most)


def group_values(column: pa.ChunkedArray) -> Codes:
    """The group of each value: frequent levels, or parts of equally many numbers; 0 for nulls.

    >>> group_values(pa.chunked_array([["a", "b", "a", None]])).tolist()
    [1, 2, 1, 0]
    """
    numbers = _as_numbers(column)
    if numbers is None:
        return _levels(column)
    known = ~np.isnan(numbers)
    codes = np.zeros(len(numbers), dtype=np.int64)
    if known.any():
        # Edges that are values themselves: between infinities there is nothing to interpolate.
        parts = np.linspace(0, 1, _PARTS + 1)[1:-1]
        inner = np.quantile(numbers[known], parts, method="inverted_cdf")
        codes[known] = 1 + np.searchsorted(np.unique(inner), numbers[known], side="right")
    return codes


def _as_numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """Numbers and times as floating point, null as NaN; None for what has no order, or few values."""
    type_ = column.type
    if pa.types.is_temporal(type_):
        column = column.cast(pa.int32() if type_.bit_width == 32 else pa.int64())
    elif not (pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)):
        return None
    if pc.count_distinct(column).as_py() <= _LEVELS:
        return None
    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float64)


def _levels(column: pa.ChunkedArray) -> Codes:
    """1 on for the most frequent levels, the most frequent first; then all others; 0 for null."""
    text = pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    encoded = text.dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(indices[indices >= 0], minlength=len(encoded.dictionary))
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    codes = np.zeros(len(indices), dtype=np.int64)
    codes[indices >= 0] = 1 + np.minimum(rank[indices[indices >= 0]], _LEVELS)
    return codes


def _counts(left: Codes, right: Codes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each row: rows with its pair of groups, and rows that chance would give it."""
    width = int(right.max()) + 1
    together = left * width + right
    found = np.bincount(together).astype(np.float64)[together]
    expected = np.bincount(left)[left] * (np.bincount(right)[right] / len(left))
    return found, expected


@dataclass(frozen=True, slots=True, kw_only=True)
class _Oddest:
    """The oddest pair of each row, so far."""

    lift: NDArray[np.float64]
    """Logarithm of found over expected rows, 0 where nothing is rarer than chance would have it."""
    pair: Codes
    """Rows of two columns' positions, -1 where there is none."""
    counts: NDArray[np.float64]
    """Rows of found and expected."""

    @classmethod
    def of(cls, rows: int) -> _Oddest:
        return cls(
            lift=np.zeros(rows),
            pair=np.full((rows, 2), -1, dtype=np.int64),
            counts=np.zeros((rows, 2)),
        )

    def compare(self, left: int, right: int, left_codes: Codes, right_codes: Codes) -> None:
        """Take in a pair of columns."""
        found, expected = _counts(left_codes, right_codes)
        rare = (found <= _RARE * expected) & (expected - found >= _DEVIATIONS * np.sqrt(expected))
        here = np.where(rare, np.log((found + 0.5) / (expected + 0.5)), 0.0)
        worse = here < self.lift
        self.lift[worse] = here[worse]
        self.pair[worse] = (left, right)
        self.counts[worse] = np.stack([found, expected], axis=1)[worse]


def _told(oddest: _Oddest, coded: Sequence[Codes], names: Sequence[str], most: int) -> list[OddRow]:
    """The oddest rows, and of each pair of groups only some."""
    told: list[OddRow] = []
    kinds: Counter[tuple[int, ...]] = Counter()
    for row in np.argsort(oddest.lift, kind="stable"):
        left, right = (int(position) for position in oddest.pair[row])
        if len(told) == most or left < 0:
            break
        kind = (left, right, int(coded[left][row]), int(coded[right][row]))
        kinds[kind] += 1
        if kinds[kind] <= _ROWS_OF_A_KIND:
            found, expected = oddest.counts[row]
            pair = (names[left], names[right])
            told.append(OddRow(row=int(row), columns=pair, found=int(found), expected=float(expected)))
    return told
