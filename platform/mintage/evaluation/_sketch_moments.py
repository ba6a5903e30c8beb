"""Sums of values and of products, exact in whatever order rows, batches and shards come.

A value becomes a whole number of its column's unit (a power of two, about 1/65,536 of its spread), split
into a low and a high part of 20 bits. A dot product of 32,768 such parts stays below 2**53, so a float64
holds it exactly, however a library adds; the totals are Python integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation._binning_edges import Grid

Floats = npt.NDArray[np.float64]

CHUNK_ROWS = 2**15
"""Rows that may be multiplied at once."""

_PART = 20
_LOW = 2.0 ** (_PART - 1)
_LIMIT = 2.0 ** (2 * _PART - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A column's chunk as whole numbers low + 2**20 high; 0 where missing. `high` is None when all are 0."""

    low: Floats
    high: Floats | None
    missing: npt.NDArray[np.int64] | None
    """Positions of the missing rows; None when there are none."""
    clipped: int
    """Values that were out of range and stand for the nearest that is not."""

    @property
    def rows(self) -> int:
        """Rows with a value."""
        return len(self.low) - (0 if self.missing is None else len(self.missing))

    def take(self, rows: npt.NDArray[np.int64]) -> Whole:
        """The numbers at these positions."""
        return Whole(
            low=self.low[rows],
            high=None if self.high is None else self.high[rows],
            missing=None,
            clipped=0,
        )

    def total(self) -> int:
        """The sum."""
        return int(self.low.sum()) + (0 if self.high is None else int(self.high.sum()) << _PART)


def make_whole(values: Floats, grid: Grid, *, any_missing: bool) -> Whole:
    """Whole numbers of the values [at most 32,768], NaN where missing."""
    with np.errstate(over="ignore"):
        low = np.subtract(values, grid.centre)
        np.multiply(low, 1 / grid.unit, out=low)
    np.rint(low, out=low)
    missing = np.flatnonzero(np.isnan(values)) if any_missing else None
    if missing is not None:
        low[missing] = 0.0
    most = max(float(low.max(initial=0)), -float(low.min(initial=0)))
    clipped = 0
    if most > _LIMIT:
        clipped = int(np.count_nonzero(np.abs(low) > _LIMIT))
        np.clip(low, -_LIMIT, _LIMIT, out=low)
    high = None
    if most > _LOW:
        high = np.rint(low / 2.0**_PART)
        low -= high * 2.0**_PART
    return Whole(low=low, high=high, missing=missing, clipped=clipped)


def product(left: Whole, right: Whole) -> int:
    """The sum of the products of two columns, exactly."""
    total = int(np.dot(left.low, right.low))
    if right.high is not None:
        total += int(np.dot(left.low, right.high)) << _PART
    if left.high is not None:
        total += int(np.dot(left.high, right.low)) << _PART
    if left.high is not None and right.high is not None:
        total += int(np.dot(left.high, right.high)) << (2 * _PART)
    return total


def left_out(column: Whole, other: Whole) -> tuple[int, int, int]:
    """Number, sum and sum of squares of a column's values in rows where the other has none."""
    if other.missing is None:
        return 0, 0, 0
    values = column.take(other.missing)
    rows = len(other.missing)
    if column.missing is not None:
        rows -= len(np.intersect1d(column.missing, other.missing, assume_unique=True))
    return rows, values.total(), product(values, values)
