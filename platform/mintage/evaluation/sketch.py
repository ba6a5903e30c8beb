"""All that a report needs to know of a table's rows, in a size that does not grow with them.

    sketch = TableSketch(binning)
    sketch.add(batch)                      while a shard is minted
    whole.merge(TableSketch.from_bytes(data, binning))

A sketch counts: values in fine bins, levels, pairs of coarse codes; and sums products of values, as
whole numbers. Nothing is rounded on the way, so any split of the rows into batches and shards, merged in
any order, gives the same sketch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mintage.errors import ProvenanceError
from mintage.evaluation._binning_edges import Grid
from mintage.evaluation._sketch_format import MAX_SKETCH_BYTES, pack, unpack
from mintage.evaluation._sketch_moments import CHUNK_ROWS, Whole, left_out, make_whole, product
from mintage.evaluation._sketch_values import LevelCoder, numbers
from mintage.evaluation.binning import COARSE_BINS, Binning

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOMENTS = 4
"""Values, sum, sum of squares, values out of range."""
_LEAST_ROWS = 512
_CHUNK_VALUES = 2**22  # that are held at once, however many columns there are
PRODUCTS = 7
"""Sum of products; number, sum and sum of squares of the left side's values alone, and of the right's."""


class TableSketch:
    """Counters on the grid of one table."""

    MAX_BYTES: ClassVar[int] = MAX_SKETCH_BYTES
    """Size that `to_bytes` keeps to, and `from_bytes` insists on."""

    def __init__(self, binning: Binning) -> None:
        self.binning = binning
        self._rows = 0
        self._counts: Counts = np.zeros(int(binning.column_offsets[-1]), np.int64)
        self._cells: Counts = np.zeros(int(binning.pair_offsets[-1]), np.int64)
        self._moments = [[0] * MOMENTS for _ in binning.columns]
        self._products = [[0] * PRODUCTS for pair in binning.pairs]
        self._coders = [LevelCoder(column.levels) for column in binning.columns]
        joint = [pair for pair in binning.pairs if pair.cells]
        summed = [pair for pair in binning.pairs if not pair.cells]
        self._in_cells = {place for pair in joint for place in (pair.left, pair.right)}
        self._in_products = {place for pair in summed for place in (pair.left, pair.right)}
        self._chunk_rows = min(CHUNK_ROWS, max(_LEAST_ROWS, _CHUNK_VALUES // len(binning.columns)))
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0

    @property
    def rows(self) -> int:
        """Rows that were counted."""
        self._count_waiting()
        return self._rows

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a batch; columns that the grid does not have are ignored.

        Raises `ProvenanceError` when a column of the grid is missing.
        """
        if batch.num_rows == 0:
            return
        names = set(batch.schema.names)
        if lacking := [column.name for column in self.binning.columns if column.name not in names]:
            raise ProvenanceError(f"rows of table {self.binning.table!r} lack the column {lacking[0]!r}")
        for start in range(0, batch.num_rows, self._chunk_rows):
            part = batch[start : start + self._chunk_rows]
            if self._waiting_rows + part.num_rows > self._chunk_rows:
                self._count_waiting()
            self._waiting.append(part)
            self._waiting_rows += part.num_rows

    def merge(self, other: TableSketch) -> None:
        """Take in what another sketch of the same grid has counted."""
        if other.binning.digest != self.binning.digest:
            raise ProvenanceError(
                f"a sketch of the binning {other.binning.digest} cannot be merged into one of "
                f"{self.binning.digest}"
            )
        self._count_waiting()
        self._rows += other.rows
        self._counts += other._counts
        self._cells += other._cells
        for mine, theirs in ((self._moments, other._moments), (self._products, other._products)):
            for totals, more in zip(mine, theirs, strict=True):
                totals[:] = [total + value for total, value in zip(totals, more, strict=True)]

    def counts(self, column: int) -> Counts:
        """Rows of a column, by position: missing first, then by bin or level; the others last."""
        self._count_waiting()
        return self._at(column)

    def all_counts(self) -> Counts:
        """A copy of the counts of all columns, one after another."""
        self._count_waiting()
        return self._counts.copy()

    def cells(self, pair: int) -> Counts:
        """Rows by the codes of both columns of a pair [left codes, right codes]."""
        self._count_waiting()
        sides = self.binning.pairs[pair]
        start, stop = self.binning.pair_offsets[pair : pair + 2]
        return self._cells[start:stop].reshape(sides.left_codes, sides.right_codes)

    def moments(self, column: int) -> tuple[int, int, int, int]:
        """Values of a continuous column, their sum and sum of squares in its unit, values out of range."""
        self._count_waiting()
        values, total, squares, clipped = self._moments[column]
        return values, total, squares, clipped

    def comoments(self, pair: int) -> tuple[int, int, int, int, int, int]:
        """Of rows where both continuous columns have values: n, x, y, xx, yy, xy, summed in their units."""
        self._count_waiting()
        sides = self.binning.pairs[pair]
        left, right, totals = self._moments[sides.left], self._moments[sides.right], self._products[pair]
        return (
            left[0] - totals[1],
            left[1] - totals[2],
            right[1] - totals[5],
            left[2] - totals[3],
            right[2] - totals[6],
            totals[0],
        )

    def to_bytes(self) -> bytes:
        """The sketch without its grid, compressed; equal sketches, equal bytes."""
        self._count_waiting()
        head = {
            "binning": self.binning.digest,
            "rows": self._rows,
            "moments": [tuple(values) for values in self._moments],
            "products": [tuple(values) for values in self._products],
        }
        return pack(head, (self._counts, self._cells))

    @classmethod
    def from_bytes(cls, data: bytes, binning: Binning) -> Self:
        """The sketch that `to_bytes` wrote. Raises `ProvenanceError` for anything else."""
        made = cls(binning)
        sums = MOMENTS * len(made._moments) + PRODUCTS * len(made._products)
        head, counters = unpack(data, lengths=(len(made._counts), len(made._cells)), sums=sums)
        if head.binning != binning.digest:
            raise ProvenanceError(f"a sketch is of the binning {head.binning[:80]}, not of {binning.digest}")
        if (len(head.moments), len(head.products)) != (len(made._moments), len(made._products)):
            raise ProvenanceError("a sketch does not have the sums of its binning")
        made._rows = head.rows
        made._counts, made._cells = counters
        made._moments = [list(values) for values in head.moments]
        made._products = [list(values) for values in head.products]
        made._check()
        return made

    def _check(self) -> None:
        """Raise `ProvenanceError` unless all counters are of the same rows."""
        totals = [
            *np.add.reduceat(self._counts, self.binning.column_offsets[:-1]),
            *(int(self.cells(i).sum()) for i, pair in enumerate(self.binning.pairs) if pair.cells),
        ]
        values = [
            self._rows - int(self.counts(i)[0])
            for i, column in enumerate(self.binning.columns)
            if column.grid is not None
        ]
        told = [
            moments[0]
            for moments, c in zip(self._moments, self.binning.columns, strict=True)
            if c.grid is not None
        ]
        if self._counts.min(initial=0) < 0 or self._cells.min(initial=0) < 0 or values != told:
            raise ProvenanceError("a sketch has counters that contradict each other")
        if any(total != self._rows for total in totals):
            raise ProvenanceError(f"a sketch of {self._rows} rows counts another number in a column or pair")

    def _count_waiting(self) -> None:
        if not self._waiting:
            return
        batches, rows = self._waiting, self._waiting_rows
        self._waiting, self._waiting_rows = [], 0
        codes: dict[int, Counts] = {}
        wholes: dict[int, Whole] = {}
        for place, column in enumerate(self.binning.columns):
            arrays = [batch.column(column.name) for batch in batches]
            array = arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
            if column.grid is None:
                self._count_levels(place, array, codes)
            else:
                self._count_values(place, numbers(array), column.grid, codes, wholes)
        self._rows += rows
        self._count_pairs(codes, wholes)

    def _count_levels(self, place: int, array: pa.Array, codes: dict[int, Counts]) -> None:
        found = self._coders[place].codes(array)
        self._at(place)[:] += np.bincount(found, minlength=self.binning.columns[place].codes)
        if place in self._in_cells:
            codes[place] = found

    def _count_values(
        self, place: int, values: Floats, grid: Grid, codes: dict[int, Counts], wholes: dict[int, Whole]
    ) -> None:
        missing = int(np.count_nonzero(np.isnan(values)))
        self._at(place)[:] += _fine_counts(values, missing, grid)
        if place in self._in_cells:
            codes[place] = coarse_codes(values, grid, any_missing=missing > 0)
        whole = make_whole(values, grid, any_missing=missing > 0)
        _add(self._moments[place], (whole.rows, whole.total(), product(whole, whole), whole.clipped))
        if place in self._in_products:
            wholes[place] = whole

    def _at(self, place: int) -> Counts:
        start, stop = self.binning.column_offsets[place : place + 2]
        return self._counts[start:stop]

    def _count_pairs(self, codes: dict[int, Counts], wholes: dict[int, Whole]) -> None:
        for place, pair in enumerate(self.binning.pairs):
            if pair.cells == 0:
                left, right = wholes[pair.left], wholes[pair.right]
                sums = (product(left, right), *left_out(left, right), *left_out(right, left))
                _add(self._products[place], sums)
                continue
            start, stop = self.binning.pair_offsets[place : place + 2]
            joint = self._lumped(codes, pair.left, pair.left_codes) * pair.right_codes
            joint += self._lumped(codes, pair.right, pair.right_codes)
            self._cells[start:stop] += np.bincount(joint, minlength=pair.cells)

    def _lumped(self, codes: dict[int, Counts], place: int, most: int) -> Counts:
        """The codes of a column, the last ones as one where a pair has no room for all."""
        if most == self.binning.columns[place].pair_codes:
            return codes[place]
        return np.minimum(codes[place], most - 1)


def sketch_of(batches: Iterable[pa.RecordBatch], binning: Binning) -> TableSketch:
    """The sketch of a table that is at hand, such as the real one or the holdout."""
    sketch = TableSketch(binning)
    for batch in batches:
        sketch.add(batch)
    return sketch


def coarse_codes(values: Floats, grid: Grid, *, any_missing: bool) -> Counts:
    """0 where missing, else 1 … 10: the equal-width bin between the grid's extremes, outer ones open."""
    low, width = grid.low, (grid.high - grid.low) / COARSE_BINS
    if not 0 < width < np.inf:
        low, width = grid.low - 0.5, 1 / COARSE_BINS
    with np.errstate(over="ignore"):
        scaled = np.subtract(values, low)
        np.divide(scaled, width, out=scaled)
    np.fmax(scaled, 0.0, out=scaled)
    np.fmin(scaled, COARSE_BINS - 1.0, out=scaled)
    if any_missing:
        scaled[np.isnan(values)] = -1.0
    codes: Counts = scaled.astype(np.int64)
    codes += 1
    return codes


def _fine_counts(values: Floats, missing: int, grid: Grid) -> Counts:
    """Missing rows, then rows below the first edge, between edges, and from the last one on."""
    ordered = np.sort(values)[: len(values) - missing]  # NaN is sorted to the end
    below = np.searchsorted(ordered, grid.edges, side="left")
    counts = np.empty(len(below) + 2, np.int64)
    counts[0], counts[1:-1], counts[-1] = missing, below, len(ordered)
    counts[2:] -= below
    return counts


def _add(totals: list[int], more: tuple[int, ...]) -> None:
    totals[:] = [total + value for total, value in zip(totals, more, strict=True)]
