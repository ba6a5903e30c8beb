"""Options of the generator of noisy marginals."""

from __future__ import annotations

from pydantic import Field

from mintage.contracts import GeneratorConfig
from mintage_generators.tabular.ledger import PrivacyConfig


class DpMarginalsConfig(GeneratorConfig):
    """What may be spent, and how fine the tokens are."""

    privacy: PrivacyConfig = Field(description="Epsilon, delta, and what of the columns is public.")
    bins: int = Field(
        default=100,
        ge=2,
        le=1000,
        description="Bins of a number at most; fewer where the noise would drown them.",
    )
    rounds: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="Pairs measured beyond the tree, each the one that the model tells worst; null: as many "
        "as there are columns.",
    )
    fit_rows: int = Field(
        default=1_000_000,
        ge=100,
        le=100_000_000,
        description="Rows held in memory at most, about; of a longer source each row is taken with one "
        "probability.",
    )
