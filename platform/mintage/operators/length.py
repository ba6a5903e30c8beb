"""`length`: text, or bytes, are neither too short nor too long."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field

from mintage.contracts import Operator, OperatorConfig, RowJudge, TableSchema
from mintage.errors import SpecError
from mintage.operators._columns import default_reason, find_column, is_binary, is_text, wrong_type
from mintage.operators._judge import StatelessJudge

_Size = Annotated[int, Field(ge=0, lt=2**32, strict=True)]


class LengthConfig(OperatorConfig):
    """Options of the operator `length`."""

    column: str = Field(description="Column of text or of bytes that is judged.")
    min: _Size | None = Field(default=None, description="Least length.")
    max: _Size | None = Field(default=None, description="Greatest length.")
    unit: Literal["characters", "bytes"] = Field(
        default="characters",
        description="What is counted: Unicode code points, or bytes of UTF-8; bytes for binary columns.",
    )


class LengthOperator(Operator):
    """Rejects values that are too short or too long. Null passes; empty text has length 0."""

    Config: ClassVar[type[OperatorConfig]] = LengthConfig

    def __init__(self, config: LengthConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `length:` and the column."""
        return self._options.name or default_reason("length", [self._options.column])

    def check(self, table: TableSchema) -> None:
        """Refuse unknown columns, columns without a length, and limits that nothing can meet."""
        options, column = self._options, find_column(table, self._options.column, self.reason)
        if not is_text(column.type) and not is_binary(column.type):
            raise wrong_type(self.reason, column, "text and bytes", "use range for numbers")
        if is_binary(column.type) and options.unit != "bytes":
            raise wrong_type(self.reason, column, "characters of text", "say unit: bytes")
        if options.min is None and options.max is None:
            raise SpecError(f"{self.reason} has neither a min nor a max", "give one of them, or both")
        if options.min is not None and options.max is not None and options.min > options.max:
            raise SpecError(
                f"{self.reason}: min {options.min} is greater than max {options.max}", "exchange them"
            )

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge each row by itself."""
        del prepared
        length = self._length(table)
        broken = []
        if self._options.min is not None:
            broken.append(length < self._options.min)
        if self._options.max is not None:
            broken.append(length > self._options.max)
        return StatelessJudge(pl.any_horizontal(broken))

    def _length(self, table: TableSchema) -> pl.Expr:
        column = table.column(self._options.column)
        if is_binary(column.type):
            return pl.col(column.name).bin.size()
        text = pl.col(column.name).cast(pl.String).str
        return text.len_chars() if self._options.unit == "characters" else text.len_bytes()
