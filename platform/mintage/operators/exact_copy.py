"""`exact_copy`: no row is a copy of a source row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import polars as pl
from pydantic import Field

from mintage.contracts import Operator, OperatorConfig, RowJudge, Source, TableSchema
from mintage.operators._columns import default_reason, find_columns
from mintage.operators._hash_sets import collect, is_member, restore
from mintage.operators._judge import StatelessJudge
from mintage.operators._source_rows import source_frames
from mintage.operators.row_hash import hash_rows


class ExactCopyConfig(OperatorConfig):
    """Options of the operator `exact_copy`."""

    columns: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Columns that make a copy when all of them agree; all columns when not given.",
    )


class ExactCopyOperator(Operator):
    """Rejects rows that equal a source row. Null equals null, NaN equals NaN, -0.0 equals 0.0.

    The source is remembered as a sorted array of 64-bit row hashes. Every copy is found; a row that
    is none is rejected with a probability of n / 2**64 for n distinct source rows, which is below
    10**-10 for a thousand million.
    """

    Config: ClassVar[type[OperatorConfig]] = ExactCopyConfig

    def __init__(self, config: ExactCopyConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `exact_copy` and the columns when it names some."""
        return self._options.name or default_reason("exact_copy", self._options.columns or ())

    def check(self, table: TableSchema) -> None:
        """Refuse unknown columns."""
        find_columns(table, self._columns(table), self.reason)

    def prepare(self, source: Source | None, table: TableSchema) -> bytes:
        """The hashes of the source's rows, read once as a stream."""
        frames = source_frames(source, table, self._columns(table), self.reason)
        return collect((hash_rows(frame.get_columns()) for frame in frames), self.reason)

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge each row by itself."""
        members = restore(prepared, self.reason)

        def copied(columns: Sequence[pl.Series]) -> pl.Series:
            return pl.Series(is_member(hash_rows(columns), members), dtype=pl.Boolean)

        return StatelessJudge(pl.map_batches(list(self._columns(table)), copied, return_dtype=pl.Boolean))

    def _columns(self, table: TableSchema) -> tuple[str, ...]:
        return self._options.columns or table.names
