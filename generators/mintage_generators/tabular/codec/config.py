"""Options that every generator built on the codec has."""

from __future__ import annotations

from pydantic import Field

from mintage.contracts import GeneratorConfig


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
