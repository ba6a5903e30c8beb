"""Options of the adversarial network."""

from __future__ import annotations

from pydantic import Field, model_validator

from mintage_generators.tabular.codec import CodecConfig


class GanConfig(CodecConfig):
    """Sizes of the two networks, and for how long they train against each other."""

    max_seconds: float | None = Field(
        default=300.0,
        gt=0,
        description="Seconds of training at most; null: no limit, as when only max_steps is given. A fit "
        "under a limit cannot be repeated exactly; its steps are recorded.",
    )
    max_steps: int = Field(
        default=20_000, ge=1, le=10_000_000, description="Training steps, of both networks each."
    )
    batch_rows: int = Field(default=500, ge=20, le=65_536, description="Rows of one training step.")
    learning_rate: float = Field(default=2e-4, gt=0, le=1.0, description="Step size of both optimisers.")
    pieces: int = Field(
        default=10,
        ge=2,
        le=256,
        description="Pieces into which a column of more values is cut; the place within one is a number.",
    )
    hidden: int = Field(default=256, ge=8, le=4096, description="Width of the hidden layers.")
    noise: int = Field(default=128, ge=1, le=1024, description="Random numbers that a row is made of.")
    pack: int = Field(
        default=10, ge=1, le=100, description="Rows that are judged together, so that lost variety shows."
    )

    @model_validator(mode="before")
    @classmethod
    def _fixed_steps_ask_for_no_clock(cls, values: object) -> object:
        if isinstance(values, dict) and "max_steps" in values and "max_seconds" not in values:
            return {**values, "max_seconds": None}
        return values
