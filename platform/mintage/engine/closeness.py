"""Whether two mintings of a table differ only in the last places of numbers: cell by cell, as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import ColumnSchema, Semantics, TableSchema
from mintage.errors import SpecError

_Floats = np.ndarray[tuple[int, ...], np.dtype[np.floating]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far numbers may lie apart and still be close: either bound is enough.

    `relative` is a share of the larger of the two; `ulps` counts units in the last place of the
    column's own floating type. Integers and decimals that are measures have the relative bound alone;
    keys, categories, times and texts have to be equal.
    """

    relative: float = 1e-6
    ulps: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.relative < 1 or not 0 <= self.ulps <= 2**20:
            raise SpecError(
                f"a tolerance of {self.relative} relative and {self.ulps} ULPs is none",
                "relative is in [0, 1), ulps in [0, 2^20]",
            )


@dataclass(slots=True)
class ColumnCloseness:
    """How the cells of one column differ; the values of lists count as cells, if the lists are as long."""

    column: ColumnSchema
    cells: int = 0
    different: int = 0
    """Cells that are not equal."""
    beyond: int = 0
    """Cells that are not even close."""
    largest_absolute: float = 0.0
    largest_relative: float = 0.0
    """The largest differences between two finite numbers, whatever the tolerance."""

    def to_json(self) -> dict[str, object]:
        """The counts by name."""
        return {
            "name": self.column.name,
            "cells": self.cells,
            "different": self.different,
            "beyond_tolerance": self.beyond,
            "largest_absolute": self.largest_absolute,
            "largest_relative": self.largest_relative,
        }


@dataclass(slots=True)
class TableCloseness:
    """Compares two mintings of a table, batch by batch; both have its schema."""

    table: TableSchema
    tolerance: Tolerance
    rows: int = 0
    same_rows: bool = True
    """Whether both have as many rows."""
    columns: list[ColumnCloseness] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = [ColumnCloseness(column) for column in self.table.columns]

    @property
    def close(self) -> bool:
        """Whether no cell is beyond the tolerance."""
        return self.same_rows and not any(column.beyond for column in self.columns)

    def compare(self, committed: Iterator[pa.RecordBatch], minted: Iterator[pa.RecordBatch]) -> None:
        """Compare all rows of both, in order, as far as both go."""
        old, new = _Rows(committed), _Rows(minted)
        while rows := min(old.ready(), new.ready()):
            for column, left, right in zip(self.columns, old.take(rows), new.take(rows), strict=True):
                self._compare(column, left, right)
            self.rows += rows
        self.same_rows = old.ready() == new.ready() == 0

    def _compare(self, column: ColumnCloseness, old: pa.Array, new: pa.Array) -> None:
        old, new = _plain(old), _plain(new)
        lengths: tuple[pa.Array, ...] = ()
        if _is_list(old.type):
            lengths = pc.list_value_length(old), pc.list_value_length(new)
            if lengths[0].equals(lengths[1]):
                self._compare(column, old.flatten(), new.flatten())
                return
            old, new = lengths
        column.cells += len(old)
        if old.equals(new):
            return
        if not lengths and (pa.types.is_floating(old.type) or _is_measure(column.column, old.type)):
            _compare_numbers(column, old, new, self.tolerance)
            return
        unequal = _unequal(old, new)
        column.different += unequal
        column.beyond += unequal


class _Rows:
    """A stream of batches from which any number of rows can be taken."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._batch: pa.RecordBatch | None = None

    def ready(self) -> int:
        """Rows that can be taken now; 0 at the end."""
        while self._batch is None or not self._batch.num_rows:
            self._batch = next(self._batches, None)
            if self._batch is None:
                return 0
        return int(self._batch.num_rows)

    def take(self, rows: int) -> list[pa.Array]:
        """The columns of the next rows, of which as many are ready."""
        assert self._batch is not None
        taken, self._batch = self._batch.slice(0, rows), self._batch.slice(rows)
        return list(taken.columns)


def _compare_numbers(column: ColumnCloseness, old: pa.Array, new: pa.Array, tolerance: Tolerance) -> None:
    nulls = _count(pc.xor(pc.is_null(old), pc.is_null(new)))
    both = pc.and_(pc.is_valid(old), pc.is_valid(new))
    old, new = old.filter(both), new.filter(both)
    # Only what differs is converted: large integers would lose their last digits, and seem equal.
    unequal = _unequal_numbers(old, new)
    left, right = old.filter(unequal), new.filter(unequal)
    ulps = tolerance.ulps if pa.types.is_floating(old.type) else 0
    column.different += nulls + len(left)
    column.beyond += nulls + _beyond(column, _floats(left), _floats(right), tolerance.relative, ulps)


def _unequal_numbers(old: pa.Array, new: pa.Array) -> pa.Array:
    """Which numbers differ, none of which is null; NaN is equal to NaN."""
    if not pa.types.is_floating(old.type):
        return pc.not_equal(old, new)
    left, right = _floats(old), _floats(new)
    return pa.array((left != right) & ~(np.isnan(left) & np.isnan(right)))


def _beyond(column: ColumnCloseness, old: _Floats, new: _Floats, relative: float, ulps: int) -> int:
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        larger = np.maximum(np.abs(old), np.abs(new))
        apart = np.abs(old.astype(np.float64) - new.astype(np.float64))
        shares = apart / larger.astype(np.float64)
        close = (apart <= relative * larger.astype(np.float64)) | (
            apart <= ulps * np.spacing(larger).astype(np.float64)
        )
    if not (relative or ulps):
        close[:] = False  # large integers that differ may be one and the same float
    finite = np.isfinite(old) & np.isfinite(new)
    if finite.any():
        column.largest_absolute = max(column.largest_absolute, float(apart[finite].max()))
        column.largest_relative = max(column.largest_relative, float(shares[finite].max()))
    return int((~(close & finite)).sum())


def _floats(array: pa.Array) -> _Floats:
    if pa.types.is_decimal(array.type) or pa.types.is_integer(array.type):
        array = pc.cast(array, pa.float64(), safe=False)
    return np.asarray(array.to_numpy(zero_copy_only=False))


def _unequal(old: pa.Array, new: pa.Array) -> int:
    """Cells of a type without tolerance that are not the same; null is equal to null."""
    nulls = _count(pc.and_(pc.is_null(old), pc.is_null(new)))
    return len(old) - nulls - _count(pc.equal(old, new))


def _is_measure(column: ColumnSchema, type_: pa.DataType) -> bool:
    number = pa.types.is_integer(type_) or pa.types.is_decimal(type_)
    return column.semantics is Semantics.NUMERIC and bool(number)


def _is_list(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    )


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _count(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
