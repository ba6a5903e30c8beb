"""`allowed`: values of a column are among those of a list, or of the source."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field

from mintage.contracts import Operator, OperatorConfig, RowJudge, Source, TableSchema
from mintage.errors import SpecError
from mintage.operators._columns import default_reason, find_column, is_text, wrong_type
from mintage.operators._hash_sets import collect, is_member, restore
from mintage.operators._judge import StatelessJudge
from mintage.operators._literals import Value, is_comparable, typed_values
from mintage.operators._source_rows import source_frames
from mintage.operators.row_hash import hash_rows


class AllowedConfig(OperatorConfig):
    """Options of the operator `allowed`."""

    column: str = Field(description="Column that is judged.")
    values: Annotated[tuple[Value, ...], Field(max_length=100_000)] | None = Field(
        default=None,
        description="The values that are allowed: text, numbers, booleans; dates and times as ISO 8601 text.",
    )
    values_from: Literal["source"] | None = Field(
        default=None,
        description="source: allow the values that the column has in the source, instead of a list.",
    )
    max_values: int = Field(
        default=100_000, ge=1, le=10_000_000, description="Distinct values that `values_from` learns at most."
    )


class AllowedOperator(Operator):
    """Rejects values that are not allowed. Null passes.

    Values learned from the source are remembered as 64-bit hashes, so that what is kept beside the
    model does not list them: of n values learned, a value not among them passes with a probability
    of n / 2**64.
    """

    Config: ClassVar[type[OperatorConfig]] = AllowedConfig

    def __init__(self, config: AllowedConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `allowed:` and the column."""
        return self._options.name or default_reason("allowed", [self._options.column])

    def check(self, table: TableSchema) -> None:
        """Refuse unknown columns, an empty list, and values that are not of the column's type."""
        options, column = self._options, find_column(table, self._options.column, self.reason)
        if not is_comparable(column.type):
            raise wrong_type(
                self.reason, column, "text, numbers, booleans, dates and times", "choose another rule"
            )
        if (options.values is None) == (options.values_from is None):
            raise SpecError(
                f"{self.reason} needs either values or values_from", "values_from: source learns them"
            )
        if options.values is None:
            return
        if not options.values:
            raise SpecError(
                f"{self.reason} has an empty list of values, so nothing could pass", "list some values"
            )
        typed_values(options.values, column, self.reason)

    def prepare(self, source: Source | None, table: TableSchema) -> bytes:
        """The hashes of the source's values, where they are wanted."""
        if self._options.values_from is None:
            return b""
        frames = source_frames(source, table, [self._options.column], self.reason)
        hashes = (hash_rows(frame.drop_nulls().get_columns()) for frame in frames)
        return collect(hashes, self.reason, self._options.max_values)

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge each row by itself."""
        column = table.column(self._options.column)
        values = pl.col(column.name)
        if is_text(column.type):
            values = values.cast(pl.String)
        if self._options.values is not None:
            listed = typed_values(self._options.values, column, self.reason)
            return StatelessJudge(~values.is_in(listed.implode()))
        members = restore(prepared, self.reason)
        unknown = values.map_batches(
            lambda series: pl.Series(~is_member(hash_rows([series]), members)), return_dtype=pl.Boolean
        )
        return StatelessJudge(values.is_not_null() & unknown)
