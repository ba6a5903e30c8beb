"""`type`: columns hold values of a type, and no nulls where none are allowed."""

from __future__ import annotations

from functools import reduce
from typing import Annotated, ClassVar

import polars as pl
import pyarrow as pa
from pydantic import Field

from mintage.contracts import (
    ColumnSchema,
    Operator,
    OperatorConfig,
    RowJudge,
    TableSchema,
    parse_type,
    type_name,
)
from mintage.errors import SpecError
from mintage.operators._columns import default_reason, find_columns, is_text, value_type, wrong_type
from mintage.operators._frames import to_series
from mintage.operators._judge import StatelessJudge

_TIMESTAMP = "%Y-%m-%d %H:%M:%S%.f"


class TypeConfig(OperatorConfig):
    """Options of the operator `type`."""

    columns: Annotated[tuple[str, ...], Field(min_length=1)] = Field(description="Columns that are judged.")
    nullable: bool = Field(
        default=True, description="Whether the columns may hold null; false rejects rows with one."
    )
    type: str | None = Field(
        default=None,
        description="Arrow type that every value must have, such as int64, double or date32[day]. Text "
        "passes where its text reads as such a value, a number where it fits unchanged.",
    )


class TypeOperator(Operator):
    """Rejects nulls, and values that are not of a type. NaN is a value, not a null."""

    Config: ClassVar[type[OperatorConfig]] = TypeConfig

    def __init__(self, config: TypeConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `type:` and the columns."""
        return self._options.name or default_reason("type", self._options.columns)

    def check(self, table: TableSchema) -> None:
        """Refuse unknown columns, types that the columns cannot have, and a rule that says nothing."""
        columns = find_columns(table, self._options.columns, self.reason)
        if self._options.type is None and self._options.nullable:
            raise SpecError(
                f"{self.reason} neither names a type nor forbids nulls", "add nullable: false, or a type"
            )
        for column in columns:
            self._check_type(column)

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge each row by itself."""
        del prepared
        broken = [self._broken(table.column(name)) for name in self._options.columns]
        return StatelessJudge(reduce(pl.Expr.or_, broken))

    def _check_type(self, column: ColumnSchema) -> None:
        if self._options.type is None:
            return
        wanted = parse_type(self._options.type)
        if type_name(column.type) != type_name(wanted) and _misfit(column, wanted) is None:
            raise wrong_type(
                self.reason,
                column,
                f"values that are {type_name(wanted)}",
                "text can be judged as numbers, booleans, dates and timestamps, numbers as integers",
            )

    def _broken(self, column: ColumnSchema) -> pl.Expr:
        null = pl.lit(value=False) if self._options.nullable else pl.col(column.name).is_null()
        if self._options.type is None:
            return null
        wanted = parse_type(self._options.type)
        if type_name(column.type) == type_name(wanted):
            return null & pl.col(column.name).is_null()
        misfit = _misfit(column, wanted)
        assert misfit is not None
        return null | misfit


def _misfit(column: ColumnSchema, wanted: pa.DataType) -> pl.Expr | None:
    """Where the column's values are not of the wanted type; None when that cannot be said."""
    values, have = pl.col(column.name), value_type(column.type)
    if is_text(have):
        text = values.cast(pl.String)
        parsed = _parsed(text, wanted)
        return None if parsed is None else text.is_not_null() & parsed.is_null()
    if not pa.types.is_integer(wanted):
        return None
    if pa.types.is_integer(have):
        return values.is_not_null() & values.cast(_dtype(wanted), strict=False).is_null()
    if pa.types.is_floating(have):
        whole = values.cast(_dtype(wanted), strict=False)
        same = whole.cast(pl.Float64) == values.cast(pl.Float64)
        return values.is_not_null() & ~same.fill_null(value=False)
    return None


def _parsed(text: pl.Expr, wanted: pa.DataType) -> pl.Expr | None:
    """The text read as values of that type, null where it is none."""
    if pa.types.is_integer(wanted) or pa.types.is_float32(wanted) or pa.types.is_float64(wanted):
        return text.cast(_dtype(wanted), strict=False)
    if pa.types.is_boolean(wanted):
        return text.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    if pa.types.is_date32(wanted):
        return text.str.to_date("%Y-%m-%d", strict=False)
    if pa.types.is_timestamp(wanted) and wanted.tz is None:
        return text.str.replace("T", " ", literal=True).str.to_datetime(_TIMESTAMP, strict=False)
    return None


def _dtype(type_: pa.DataType) -> pl.DataType:
    return to_series(pa.array([], type_)).dtype
