"""Options that the text formats share."""

from __future__ import annotations

import pyarrow as pa
from pydantic import Field, field_validator

from mintage.contracts import parse_type
from mintage.errors import SpecError
from mintage_connectors.files.config import FilesConfig


class TextConfig(FilesConfig):
    """Types of columns, and what a file of text may cost to read."""

    column_types: dict[str, str] = Field(
        default_factory=dict,
        description="Arrow types of columns, such as {zip: string, price: 'decimal128(10, 2)'}, instead of "
        "those that all values of a column suggest.",
    )
    max_line_bytes: int = Field(
        4 << 20, ge=1 << 10, le=256 << 20, description="Longest line that is read, in bytes of UTF-8; 4 MiB."
    )
    max_uncompressed_bytes: int = Field(
        64 << 30, ge=1, description="Most bytes that a compressed file may hold; 64 GiB."
    )

    @field_validator("column_types")
    @classmethod
    def _are_flat_types(cls, value: dict[str, str]) -> dict[str, str]:
        for column, name in value.items():
            if pa.types.is_nested(parse_type(name)):
                raise SpecError(
                    f"column_types: {column!r} cannot be {name} in a text format", "name a flat type"
                )
        return value

    def types(self) -> dict[str, pa.DataType]:
        """`column_types` as Arrow types."""
        return {column: parse_type(name) for column, name in self.column_types.items()}
