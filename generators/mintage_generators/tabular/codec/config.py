"""Options that every generator built on the codec has."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mintage.contracts import GeneratorConfig
from mintage_generators.tabular.codec.personal import PersonalKind

Name = str
"""The name of a column."""


class PersonalConfig(BaseModel):
    """What is done about personal identifiers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detect: bool = Field(
        default=True,
        description="Whether columns of personal identifiers are looked for, and made up instead of learned.",
    )
    columns: dict[Name, PersonalKind] = Field(
        default={}, max_length=10_000, description="Columns that are personal identifiers, and of which kind."
    )
    keep: tuple[Name, ...] = Field(
        default=(), max_length=10_000, description="Columns that are learned although they look personal."
    )
    locale: str = Field(
        default="en_US",
        pattern=r"^[a-z]{2,3}_[A-Z]{2}$",
        description="Language and country of made-up names and addresses, such as de_DE.",
    )


class ColumnConfig(BaseModel):
    """What one column is, where its values do not tell."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    role: Literal["numeric", "category", "key"] | None = Field(
        default=None,
        alias="as",
        description="numeric: a quantity, learned in ranges. category: values learned one by one. key: "
        "values that name a row, made anew for each. Left out: what the values look like.",
    )
    rare: Literal["drop", "other"] | None = Field(
        default=None,
        description="What becomes of this column's rare categories; left out: as for the others.",
    )


class CodecConfig(GeneratorConfig):
    """How columns are turned into tokens, and what is protected while doing so."""

    min_support: int = Field(
        default=5,
        ge=2,
        le=1000,
        description="Rows that must share a category or an extreme before it may be emitted.",
    )
    bins: int = Field(
        default=100,
        ge=4,
        le=1000,
        description="Quantile bins of a numeric column that has too many values to list.",
    )
    fit_rows: int = Field(
        default=1_000_000,
        ge=100,
        le=100_000_000,
        description="Rows learned from; of a longer source, a uniform sample of this many rows. "
        "Fewer are kept when the table is wide, so that no more than 50 million cells are held.",
    )
    exclude: tuple[Name, ...] = Field(
        default=(), max_length=10_000, description="Columns that are left out, in the model as in its rows."
    )
    columns: dict[Name, ColumnConfig] = Field(
        default={}, max_length=10_000, description="What columns are, where their values do not tell."
    )
    rare: Literal["drop", "other"] = Field(
        default="drop",
        description="What becomes of categories that too few rows share. drop: they count as unknown, and "
        'common ones take their place. other: text columns get one category "(other)" for all of them.',
    )
    personal: PersonalConfig = Field(
        default=PersonalConfig(), description="Personal identifiers: found, and replaced by made-up ones."
    )
