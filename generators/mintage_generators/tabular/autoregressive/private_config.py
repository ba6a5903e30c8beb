"""Options of training under differential privacy; importing them loads no torch."""

from __future__ import annotations

from pydantic import Field

from mintage_generators.tabular.ledger import PrivacyConfig


class PrivateTrainingConfig(PrivacyConfig):
    """What may be spent, and how DP-SGD runs: all of it is public, and none is chosen by looking at rows."""

    steps: int = Field(default=400, ge=1, le=1_000_000, description="Training steps; none ends it early.")
    batch_rows: int = Field(
        default=512, ge=1, le=1_000_000, description="Rows of a step on average; the more, the less noise."
    )
    clip: float = Field(
        default=1.0, gt=0, le=1e6, allow_inf_nan=False, description="Length that a row's gradient is cut to."
    )
    learning_rate: float = Field(
        default=5e-3, gt=0, le=1.0, allow_inf_nan=False, description="Step size of the Adam optimiser."
    )
    hidden: int = Field(
        default=32, ge=4, le=1024, description="Units of each column's hidden layers: every weight is noised."
    )
    embedding: int = Field(default=8, ge=2, le=256, description="Numbers that stand for one value as input.")
    bins: int = Field(
        default=50, ge=2, le=1000, description="Bins of a number at most; fewer where noise would drown them."
    )
