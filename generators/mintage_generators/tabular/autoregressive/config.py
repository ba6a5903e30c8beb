"""Options of the autoregressive generator."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mintage_generators.tabular.autoregressive.private_config import PrivateTrainingConfig
from mintage_generators.tabular.codec import CodecConfig
from mintage_generators.tabular.codec.constraints import MAX_CONSTRAINTS, Constraint
from mintage_generators.tabular.learning import LearningOptions

_LOOKING = ("constraints", "fairness", "exclude", "columns", "personal", "train_rows")
"""Options that would look at rows outside the ledger, or that the private fit knows nothing of."""

Column = Annotated[str, Field(min_length=1, max_length=1000)]


class FairnessOptions(BaseModel):
    """Statistical parity: every group of the protected column has each outcome at the overall rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Column = Field(description="Column whose values are to be as frequent in every group.")
    protected: Column = Field(description="Column that says which group a row belongs to.")


class AutoregressiveConfig(CodecConfig, LearningOptions):
    """How long and how wide to learn. The defaults suit tables of up to a hundred columns."""

    hidden: int = Field(default=128, ge=8, le=4096, description="Units of each column's hidden layers.")
    embedding: int = Field(
        default=16,
        ge=2,
        le=256,
        description="Numbers that stand for one value as input; fewer in wide tables.",
    )
    dropout: float | None = Field(
        default=None,
        ge=0.0,
        lt=1.0,
        description="Share of hidden units left out of a training step; null: by the number of rows, from "
        "0.3 for 16,000 rows or fewer to 0.05 for 100,000 or more.",
    )
    temperature: float = Field(
        default=1.0,
        ge=0.1,
        le=3.0,
        description="Above 1 spreads the rows out, below 1 draws likelier rows only; 1 as learned.",
    )

    fairness: FairnessOptions | None = Field(
        default=None,
        description="An outcome and a protected column: equal rates of the outcome in all groups.",
    )
    constraints: tuple[Constraint, ...] = Field(
        default=(),
        max_length=MAX_CONSTRAINTS,
        description="What every row keeps: ranges, inequalities, combinations, dependencies, sums.",
    )

    privacy: PrivateTrainingConfig | None = Field(
        default=None,
        description="Differential privacy: what may be spent, and how DP-SGD runs; null: no claim is made.",
    )

    @model_validator(mode="after")
    def _privacy_stands_alone(self) -> Self:
        beside = [name for name in _LOOKING if name in self.model_fields_set]
        if self.privacy is not None and beside:
            raise ValueError(
                f"privacy cannot stand beside {', '.join(beside)}: a private fit looks at rows through its "
                "ledger alone, and learns the columns as the source has them; prepare the source instead"
            )
        return self

    def dropout_of(self, rows: int) -> float:
        """The share to leave out when as many rows are learned from: few are soon known by heart.

        >>> config = AutoregressiveConfig()
        >>> config.dropout_of(5_000), config.dropout_of(50_000), config.dropout_of(1_000_000)
        (0.3, 0.1, 0.05)
        """
        return min(0.3, max(0.05, 5000 / rows)) if self.dropout is None else self.dropout
