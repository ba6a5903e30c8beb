"""`regex`: text matches a pattern, from its first character to its last."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

import polars as pl
from pydantic import AfterValidator, Field

from mintage.contracts import Operator, OperatorConfig, RowJudge, TableSchema
from mintage.operators._columns import default_reason, find_column, is_text, wrong_type
from mintage.operators._judge import StatelessJudge

_CARET = re.compile(r"^( *)\^+", re.MULTILINE)
_INDENT = 4


def check_pattern(pattern: str) -> str:
    """The pattern, when it is a regular expression in Rust's syntax.

    Raises `ValueError` that says what is wrong and at which character.
    """
    for candidate in (pattern, _anchored(pattern)):
        try:
            pl.Series([""]).str.contains(candidate)
        except pl.exceptions.PolarsError as exc:
            raise ValueError(_what_is_wrong(pattern, str(exc))) from exc
    return pattern


class RegexConfig(OperatorConfig):
    """Options of the operator `regex`."""

    column: str = Field(description="Column of text that is judged.")
    pattern: Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(check_pattern)] = Field(
        description="Regular expression in Rust's syntax that the whole text must match; without look-around "
        "and back references, so that matching takes linear time."
    )


class RegexOperator(Operator):
    """Rejects text that does not match. Null passes."""

    Config: ClassVar[type[OperatorConfig]] = RegexConfig

    def __init__(self, config: RegexConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `regex:` and the column."""
        return self._options.name or default_reason("regex", [self._options.column])

    def check(self, table: TableSchema) -> None:
        """Refuse unknown columns and columns that hold no text."""
        column = find_column(table, self._options.column, self.reason)
        if not is_text(column.type):
            raise wrong_type(self.reason, column, "text", "use range or allowed for numbers, dates and times")

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge each row by itself."""
        del table, prepared
        text = pl.col(self._options.column).cast(pl.String)
        return StatelessJudge(~text.str.contains(_anchored(self._options.pattern)))


def _anchored(pattern: str) -> str:
    # \A and \z mean the ends of the text whatever flags the pattern sets; ^ and $ do not.
    return rf"\A(?:{pattern})\z"


def _what_is_wrong(pattern: str, message: str) -> str:
    """The one line that says what is wrong, with the place where the regex engine's carets stand."""
    reasons = [line.removeprefix("error: ") for line in message.splitlines() if line.startswith("error: ")]
    what = reasons[0] if reasons else message.splitlines()[0].removeprefix("regex error: ")
    caret = _CARET.search(message)
    place = f" at character {len(caret[1]) - _INDENT + 1}" if caret and "\n" not in pattern else ""
    return f"the pattern {pattern[:200]!r} is no regular expression{place}: {what}"
