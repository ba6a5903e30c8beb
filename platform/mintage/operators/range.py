"""`range`: values of a column lie between two limits."""

from __future__ import annotations

from typing import ClassVar

import polars as pl
import pyarrow as pa
from pydantic import Field

from mintage.contracts import ColumnSchema, Operator, OperatorConfig, RowJudge, TableSchema
from mintage.errors import SpecError
from mintage.operators._columns import default_reason, find_column, is_number, is_text, value_type, wrong_type
from mintage.operators._judge import StatelessJudge
from mintage.operators._literals import Bound, is_comparable, typed_values


class RangeConfig(OperatorConfig):
    """Options of the operator `range`."""

    column: str = Field(description="Column that is judged: numbers, dates, times, timestamps or durations.")
    min: Bound | None = Field(
        default=None,
        description="Least value: a number, or ISO 8601 text for dates and times; durations also in seconds.",
    )
    max: Bound | None = Field(default=None, description="Greatest value, written as `min` is.")
    min_inclusive: bool = Field(default=True, description="Whether `min` itself is allowed.")
    max_inclusive: bool = Field(default=True, description="Whether `max` itself is allowed.")


class RangeOperator(Operator):
    """Rejects values outside the limits. Null passes; NaN lies in no range."""

    Config: ClassVar[type[OperatorConfig]] = RangeConfig

    def __init__(self, config: RangeConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `range:` and the column."""
        return self._options.name or default_reason("range", [self._options.column])

    def check(self, table: TableSchema) -> None:
        """Refuse unknown or unordered columns, limits that are no such values, and an empty range."""
        options, column = self._options, find_column(table, self._options.column, self.reason)
        if (
            is_text(column.type)
            or pa.types.is_boolean(value_type(column.type))
            or not is_comparable(column.type)
        ):
            raise wrong_type(
                self.reason,
                column,
                "numbers, dates, times and durations",
                "use allowed, regex or length for text",
            )
        if options.min is None and options.max is None:
            raise SpecError(f"{self.reason} has neither a min nor a max", "give one of them, or both")
        if options.min is not None and options.max is not None:
            self._check_order(column, options.min, options.max)
        else:
            typed_values([options.max if options.min is None else options.min], column, self.reason)

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge each row by itself."""
        del prepared
        options, column = self._options, table.column(self._options.column)
        values, broken = pl.col(column.name), []
        if options.min is not None:
            least = _limit(options.min, column, self.reason)
            broken.append(values < least if options.min_inclusive else values <= least)
        if options.max is not None:
            most = _limit(options.max, column, self.reason)
            broken.append(values > most if options.max_inclusive else values >= most)
        if is_number(column.type) and pa.types.is_floating(value_type(column.type)):
            # polars orders NaN above every number, so a min alone would let it pass.
            broken.append(values.is_nan())
        return StatelessJudge(pl.any_horizontal(broken))

    def _check_order(self, column: ColumnSchema, least: object, most: object) -> None:
        first, last = typed_values([least, most], column, self.reason)
        if first > last:
            raise SpecError(f"{self.reason}: min {least!r} is greater than max {most!r}", "exchange them")
        if first == last and not (self._options.min_inclusive and self._options.max_inclusive):
            raise SpecError(
                f"{self.reason}: nothing lies between {least!r} and itself", "make both limits inclusive"
            )


def _limit(value: object, column: ColumnSchema, rule: str) -> pl.Expr:
    return pl.lit(typed_values([value], column, rule)).first()
