"""An operator: on which days of the week something can happen."""

from __future__ import annotations

from typing import Literal

import polars as pl
import pyarrow as pa
from pydantic import Field

from mintage.contracts import Operator, OperatorConfig, RowJudge, TableSchema
from mintage.errors import SpecError

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class WeekdaysConfig(OperatorConfig):
    """Which column, and which days."""

    column: str = Field(description="A column of dates or timestamps.")
    days: tuple[Day, ...] = Field(min_length=1, description="Days that are right, in the column's time zone.")


class WeekdaysOperator(Operator):
    """Rejects rows that fall on another day of the week; nulls pass."""

    Config = WeekdaysConfig

    def __init__(self, config: WeekdaysConfig) -> None:
        super().__init__(config)
        self._config = config

    @property
    def reason(self) -> str:
        """The config's name, or one made from the column."""
        return self._config.name or f"weekdays:{self._config.column}"

    def check(self, table: TableSchema) -> None:
        """Refuse a table without the column, or with one that has no days."""
        type_ = table.column(self._config.column).type
        if not (pa.types.is_date(type_) or pa.types.is_timestamp(type_)):
            raise SpecError(
                f"weekdays need dates or timestamps, but {self._config.column!r} is {type_}",
                "name another column",
            )

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """A judge that remembers nothing."""
        del table, prepared
        return _WeekdaysJudge(self._config)


class _WeekdaysJudge(RowJudge):
    def __init__(self, config: WeekdaysConfig) -> None:
        numbers = [_DAYS.index(day) + 1 for day in config.days]
        self._violation = ~pl.col(config.column).dt.weekday().is_in(numbers)

    def violation(self) -> pl.Expr:
        """Whether the day is none of the right ones."""
        return self._violation.fill_null(value=False)
