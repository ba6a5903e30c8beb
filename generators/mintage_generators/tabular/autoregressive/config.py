"""Options of the autoregressive generator."""

from __future__ import annotations

from pydantic import Field, model_validator

from mintage_generators.tabular.codec import CodecConfig
from mintage_generators.tabular.codec.constraints import MAX_CONSTRAINTS, Constraint


class AutoregressiveConfig(CodecConfig):
    """How long and how wide to learn. The defaults suit tables of up to a hundred columns."""

    max_seconds: float | None = Field(
        default=120.0,
        gt=0,
        description="Seconds of training at most, which also set its pace; null: no limit, as when only "
        "max_steps is given. A fit under a limit cannot be repeated exactly; its steps are recorded.",
    )
    max_steps: int = Field(
        default=20_000,
        ge=1,
        le=10_000_000,
        description="Training steps at most; early stopping may end before.",
    )
    batch_rows: int = Field(default=512, ge=16, le=65_536, description="Rows of one training step.")
    hidden: int = Field(default=128, ge=8, le=4096, description="Units of each column's hidden layers.")
    embedding: int = Field(
        default=16,
        ge=2,
        le=256,
        description="Numbers that stand for one value as input; fewer in wide tables.",
    )
    learning_rate: float = Field(
        default=2e-3, gt=0, le=1.0, description="Largest step size of the AdamW optimiser."
    )
    dropout: float = Field(
        default=0.1, ge=0.0, lt=1.0, description="Share of hidden units left out of a training step."
    )
    holdout: float = Field(
        default=0.1,
        gt=0.0,
        le=0.5,
        description="Share of the rows that are held out to choose when to stop; at most 20,000 rows.",
    )
    temperature: float = Field(
        default=1.0,
        ge=0.1,
        le=3.0,
        description="Above 1 spreads the rows out, below 1 draws likelier rows only; 1 as learned.",
    )

    constraints: tuple[Constraint, ...] = Field(
        default=(),
        max_length=MAX_CONSTRAINTS,
        description="What every row keeps: ranges, inequalities, combinations, dependencies, sums.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fixed_steps_ask_for_no_clock(cls, values: object) -> object:
        """Whoever fixes the steps wants the same model again: then no default brings in a clock."""
        if isinstance(values, dict) and "max_steps" in values and "max_seconds" not in values:
            return {**values, "max_seconds": None}
        return values
