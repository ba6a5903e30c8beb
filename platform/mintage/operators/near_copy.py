"""`near_copy`: no row agrees with a source row on key columns, up to a tolerance."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from mintage.contracts import ColumnSchema, Operator, OperatorConfig, RowJudge, Source, TableSchema
from mintage.errors import SpecError
from mintage.operators._columns import (
    default_reason,
    find_columns,
    is_number,
    nearest,
    value_type,
    wrong_type,
)
from mintage.operators._grid import cells, shifted
from mintage.operators._hash_sets import collect, is_member, restore
from mintage.operators._judge import StatelessJudge
from mintage.operators._source_rows import source_frames
from mintage.operators.row_hash import Words, chain, column_words

_Tolerance = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class NearCopyConfig(OperatorConfig):
    """Options of the operator `near_copy`."""

    columns: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="Key columns: a row that agrees with a source row on all of them is a near copy."
    )
    tolerance: Annotated[dict[str, _Tolerance], Field(max_length=3)] = Field(
        default_factory=dict,
        description="Columns, at most three, that agree when they differ by no more than this: in the "
        "column's unit for numbers, in days for dates, in seconds for times, timestamps and durations.",
    )


class NearCopyOperator(Operator):
    """Rejects rows whose key columns match those of a source row. Null agrees with null, NaN with NaN.

    A column with a tolerance is laid on a grid of that width, and a row is compared with the source
    rows of its own cell and of the neighbouring ones. So every row within the tolerance is found,
    none that is further away than twice the tolerance, and some of those in between.
    """

    Config: ClassVar[type[OperatorConfig]] = NearCopyConfig

    def __init__(self, config: NearCopyConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `near_copy:` and the key columns."""
        return self._options.name or default_reason("near_copy", self._options.columns)

    def check(self, table: TableSchema) -> None:
        """Refuse unknown columns, and a tolerance for what is no key column or no quantity."""
        columns = {column.name: column for column in find_columns(table, self._options.columns, self.reason)}
        for name in self._options.tolerance:
            if name not in columns:
                raise SpecError(
                    f"{self.reason}: tolerance names {name!r}, which is none of its columns",
                    nearest(name, list(columns)),
                )
            self._check_quantity(columns[name])

    def prepare(self, source: Source | None, table: TableSchema) -> bytes:
        """The hashes of the cells in which source rows lie, read once as a stream."""
        frames = source_frames(source, table, self._options.columns, self.reason)
        hashes = (chain(self._words(frame.get_columns())) for frame in frames)
        return collect(hashes, self.reason)

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge each row by itself."""
        del table
        members = restore(prepared, self.reason)

        def near(columns: Sequence[pl.Series]) -> pl.Series:
            return pl.Series(self._is_near(columns, members), dtype=pl.Boolean)

        return StatelessJudge(pl.map_batches(list(self._options.columns), near, return_dtype=pl.Boolean))

    def _check_quantity(self, column: ColumnSchema) -> None:
        type_ = value_type(column.type)
        if not is_number(type_) and not pa.types.is_temporal(type_):
            raise wrong_type(
                f"{self.reason}: a tolerance", column, "numbers, dates, times and durations", "remove it"
            )

    def _is_near(
        self, columns: Sequence[pl.Series], members: Words
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        words = self._words(columns)
        exact, loose = words[: -self._loose or None], words[len(words) - self._loose :]
        found = np.zeros(len(columns[0]), dtype=np.bool_)
        for steps in itertools.product((0, -1, 1), repeat=self._loose):
            moved = [shifted(cell, step) for cell, step in zip(loose, steps, strict=True)]
            found |= is_member(chain([*exact, *moved]), members)
        return found

    @property
    def _loose(self) -> int:
        return len(self._options.tolerance)

    def _words(self, columns: Sequence[pl.Series]) -> list[Words]:
        """A word for each row and column; those of the columns with a tolerance stand last."""
        tolerance: Mapping[str, float] = self._options.tolerance
        named = dict(zip(self._options.columns, columns, strict=True))
        exact = [column_words(column) for name, column in named.items() if name not in tolerance]
        return exact + [cells(named[name], width) for name, width in sorted(tolerance.items())]
