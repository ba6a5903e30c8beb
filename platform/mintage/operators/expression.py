"""`expression`: what an SQL expression says of a row must hold."""

from __future__ import annotations

from typing import Annotated, ClassVar

import polars as pl
import pyarrow as pa
from pydantic import AfterValidator, Field

from mintage.contracts import Operator, OperatorConfig, RowJudge, TableSchema
from mintage.errors import SpecError
from mintage.operators._columns import default_reason, find_columns
from mintage.operators._frames import to_frame
from mintage.operators._judge import StatelessJudge
from mintage.operators._sql import read_expression

_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def check_expression(text: str) -> str:
    """The text, when it is an expression that is allowed. Raises `ValueError` that says where it is not."""
    _parse(text)
    return text


class ExpressionConfig(OperatorConfig):
    """Options of the operator `expression`."""

    where: Annotated[str, AfterValidator(check_expression)] = Field(
        description="SQL expression over the columns of one row that must hold, such as "
        "arr_time > dep_time OR arr_time IS NULL. A row of which it is NULL passes, as with CHECK in SQL."
    )


class ExpressionOperator(Operator):
    """Rejects rows of which the expression is false."""

    Config: ClassVar[type[OperatorConfig]] = ExpressionConfig

    def __init__(self, config: ExpressionConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `expression:` and the columns that it reads."""
        return self._options.name or default_reason(
            "expression", read_expression(self._options.where).columns
        )

    def check(self, table: TableSchema) -> None:
        """Refuse unknown columns, operations that the columns' types lack, and what is not true or false."""
        columns = find_columns(table, read_expression(self._options.where).columns, self.reason)
        arrow = table.arrow()
        names = [column.name for column in columns]
        # Tried on no rows and on a row of nulls: the types of both are those of every batch.
        for rows in (0, 1):
            nulls = [arrow.field(name).type for name in names]
            frame = to_frame(_null_batch(names, nulls, rows))
            try:
                result = frame.select(_parse(self._options.where)).to_series()
            except _FAILURES as exc:
                raise SpecError(
                    f"{self.reason}: {self._options.where!r} cannot be evaluated: {str(exc).splitlines()[0]}",
                    "write dates as DATE '2013-01-31' and timestamps as TIMESTAMP '2013-01-31 06:00:00'",
                ) from exc
            if result.dtype not in (pl.Boolean, pl.Null):
                raise SpecError(
                    f"{self.reason}: {self._options.where!r} is {result.dtype}, not true or false",
                    "add a comparison",
                )

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge each row by itself."""
        del table, prepared
        return StatelessJudge(~_parse(self._options.where).cast(pl.Boolean))


def _parse(text: str) -> pl.Expr:
    expression = read_expression(text)
    try:
        return pl.sql_expr(expression.sql)
    except _FAILURES as exc:
        raise ValueError(f"{text!r} is no SQL expression: {str(exc).splitlines()[0]}") from exc


def _null_batch(names: list[str], types: list[pa.DataType], rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(rows, type_) for type_ in types], names=names)
