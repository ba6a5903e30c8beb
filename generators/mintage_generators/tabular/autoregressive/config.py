"""Options of the autoregressive generator."""

from __future__ import annotations

from pydantic import Field

from mintage_generators.tabular.codec import CodecConfig


class AutoregressiveConfig(CodecConfig):
    """How long and how wide to learn. The defaults suit tables of up to a hundred columns."""

    max_seconds: float | None = Field(
        120.0,
        gt=0,
        description="Seconds of training at most; null: no limit. A run that this limit ends cannot be "
        "repeated exactly; the steps taken are recorded and can be asked for with max_steps.",
    )
    max_steps: int = Field(
        20_000, ge=1, le=10_000_000, description="Training steps at most; early stopping may end before."
    )
    batch_rows: int = Field(512, ge=16, le=65_536, description="Rows of one training step.")
    hidden: int = Field(128, ge=8, le=4096, description="Units of each column's hidden layers.")
    embedding: int = Field(
        16, ge=2, le=256, description="Numbers that stand for one value as input; fewer in wide tables."
    )
    learning_rate: float = Field(2e-3, gt=0, le=1.0, description="Largest step size of the AdamW optimiser.")
    dropout: float = Field(
        0.1, ge=0.0, lt=1.0, description="Share of hidden units left out of a training step."
    )
    holdout: float = Field(
        0.1,
        gt=0.0,
        le=0.5,
        description="Share of the rows that are held out to choose when to stop; at most 20,000 rows.",
    )
    temperature: float = Field(
        1.0,
        ge=0.1,
        le=3.0,
        description="Above 1 spreads the rows out, below 1 draws likelier rows only; 1 as learned.",
    )
