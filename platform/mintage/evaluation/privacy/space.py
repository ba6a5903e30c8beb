"""Rows as points: the metric in which privacy measures how far two rows are from each other.

The distance of two rows is the sum over their columns:

* a number counts its difference divided by the column's range in the real table. It is at most 1
  inside that range, and more for synthetic values outside it. A column that is constant in the real
  table is divided by its range over all tables;
* a category counts `mismatch` when it differs, else nothing. The published distances to the closest
  record encode categories as indicators, of which a mismatch changes two: `mismatch` is 2 there. In
  Gower's distance, which Anonymeter's attacks use, it is 1;
* a missing number stands at the real median, and whether it is missing is a category of its own.
  A missing category is a level like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.tables import Column, Table, Tables

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Rows of a table in the metric space."""

    numbers: Floats
    """float64 [rows, p]: scaled numbers, without missing values."""
    codes: Codes
    """int32 [rows, c]: categories, at least -1."""
    mismatch: float
    """What a category that differs adds to a distance."""

    @property
    def rows(self) -> int:
        """How many points there are."""
        return len(self.codes)

    def take(self, rows: Rows) -> Points:
        """The points at these positions, in their order."""
        return Points(numbers=self.numbers[rows], codes=self.codes[rows], mismatch=self.mismatch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """How one column of a table becomes part of a point."""

    name: str
    number: int | None
    """Its position in `Points.numbers`; None for a category."""
    code: int | None
    """Its position in `Points.codes`: the category, or whether the number is missing."""
    shift: float = 0.0
    scale: float = 1.0
    middle: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A metric space for rows, fitted to the tables of an evaluation."""

    axes: tuple[Axis, ...]

    @classmethod
    def of(cls, tables: Tables) -> Space:
        """The space of all measured columns."""
        axes: list[Axis] = []
        numbers = codes = 0
        for position, column in enumerate(tables.real.columns):
            columns = [table.columns[position] for table in tables.all]
            numeric = column.kind == "continuous"
            coded = not numeric or any(bool(one.missing.any()) for one in columns)
            shift, scale, middle = _extent(columns) if numeric else (0.0, 1.0, 0.0)
            axes.append(
                Axis(
                    name=column.name,
                    number=numbers if numeric else None,
                    code=codes if coded else None,
                    shift=shift,
                    scale=scale,
                    middle=middle,
                )
            )
            numbers, codes = numbers + numeric, codes + coded
        return cls(axes=tuple(axes))

    def points(self, table: Table, *, mismatch: float) -> Points:
        """The rows of a table as points."""
        numbers = np.empty((table.rows, sum(axis.number is not None for axis in self.axes)))
        codes = np.empty((table.rows, sum(axis.code is not None for axis in self.axes)), np.int32)
        for axis, column in zip(self.axes, table.columns, strict=True):
            if axis.number is not None:
                values = np.where(column.missing, axis.middle, column.values)
                numbers[:, axis.number] = (values - axis.shift) / axis.scale
            if axis.code is not None:
                codes[:, axis.code] = column.values if axis.number is None else column.missing
        return Points(numbers=numbers, codes=codes, mismatch=mismatch)


def _extent(columns: Sequence[Column]) -> tuple[float, float, float]:
    """Minimum, range and median of the real column, the first one."""
    known = [column.values[~column.missing] for column in columns]
    if not len(known[0]):
        return 0.0, 1.0, 0.0
    shift, most = float(known[0].min()), float(known[0].max())
    if most == shift:
        everywhere = np.concatenate(known)
        return shift, float(np.ptp(everywhere)) or 1.0, shift
    return shift, most - shift, float(np.median(known[0]))
