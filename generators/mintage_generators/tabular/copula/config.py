"""Options of the Gaussian copula."""

from __future__ import annotations

from pydantic import Field

from mintage_generators.tabular.codec import CodecConfig


class CopulaConfig(CodecConfig):
    """How the correlations are found."""

    sweeps: int = Field(
        default=30,
        ge=1,
        le=10_000,
        description="Passes over the columns in which hidden normal scores and correlations settle; the "
        "correlations kept are the mean over the second half.",
    )
    fit_cells: int = Field(
        default=2_000_000,
        ge=10_000,
        le=1_000_000_000,
        description="Cells from which correlations are estimated: of more rows, a uniform sample.",
    )
