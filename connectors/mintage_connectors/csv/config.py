"""Options of CSV."""

from __future__ import annotations

import codecs

from pydantic import Field, field_validator

from mintage.errors import SpecError
from mintage_connectors.text.config import TextConfig


class CsvConfig(TextConfig):
    """How CSV files are written, and how types are found in them."""

    delimiter: str = Field(
        default=",", pattern=r"^[\t !#-/:-@\[-`{-~]$", description="Character between two values."
    )
    quote: str = Field(
        default='"', pattern=r"^[!-/:-@\[-`{-~]$", description="Character around values; doubled in them."
    )
    header: bool = Field(
        default=True,
        description="Whether the first row holds the names; if not, they are column_1, column_2, …",
    )
    nulls: tuple[str, ...] = Field(
        ("", "NA", "NaN", "null", "NULL", "None"),
        description="How nulls are spelled; in a column of text only without quotes. When files are "
        "written, a null is an empty value without quotes, empty text a pair of quotes.",
    )
    encoding: str = Field(
        default="utf-8", description="Encoding of the files that are read, such as cp1252 or utf-16."
    )
    escape_formulas: bool = Field(
        default=False,
        description="Write an apostrophe before text that a spreadsheet takes for a formula, that is, text "
        "that begins with = + - @, tab or return.",
    )

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            codecs.getincrementaldecoder(value)("strict").decode(b"", True)
            "".encode(value)
        except LookupError as exc:
            raise SpecError(
                f"encoding: {value!r} is not known", "name one that Python knows, such as cp1252"
            ) from exc
        name = codecs.lookup(value).name
        return "utf-8" if name in ("utf-8", "utf-8-sig") else value
