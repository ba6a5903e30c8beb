"""Options of a training: those that users set, and those that a model sets for itself."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, model_validator

from mintage.contracts import GeneratorConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningConfig:
    """How a training goes.

    Attributes:
        max_seconds: Seconds at most, which also set the pace; None: no limit.
        max_steps: Steps at most.
        batch_rows: Rows of one step, of all processes together.
        learning_rate: Largest step size of AdamW.
        holdout: Share of the rows that are held out to choose when to stop.
        max_holdout: Rows held out at most.
        weight_decay: Of the parameters for which `Learner.decays` is true.
        betas: Of AdamW.
        warmup_steps: Steps until the full step size, unless a twentieth of the allowance ends before.
        final_rate: Share of the step size that is left at the end.
        check_steps: Steps between two looks at the held-out rows.
        plateau: Checks without a better held-out loss after which the step size is halved.
        patience: Checks without a better held-out loss after which training ends.
        tolerance: Share of the best held-out loss by which a later one has to be lower to be better: what is
            won more slowly is mostly rows known by heart.
        average: Decay of the moving average of the weights.
        clip: Largest norm of a gradient.
        mixed: Whether the loop asks torch for bfloat16 products where those are fast; a learner that
            chooses types itself says False.
    """

    max_seconds: float | None = 120.0
    max_steps: int = 20_000
    batch_rows: int = 512
    learning_rate: float = 2e-3
    holdout: float = 0.1
    max_holdout: int = 20_000
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    warmup_steps: int = 100
    final_rate: float = 0.02
    check_steps: int = 50
    plateau: int = 4
    patience: int = 16
    tolerance: float = 0.0
    average: float = 0.995
    clip: float = 5.0
    mixed: bool = True


class LearningOptions(GeneratorConfig):
    """Options of every generator that trains a network; a subclass may give other defaults."""

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
    learning_rate: float = Field(
        default=2e-3, gt=0, le=1.0, description="Largest step size of the AdamW optimiser."
    )
    holdout: float = Field(
        default=0.1,
        gt=0.0,
        le=0.5,
        description="Share of the rows that are held out to choose when to stop; at most 20,000 rows.",
    )
    train_rows: int | None = Field(
        default=None,
        ge=100,
        le=10**11,
        description="Rows trained on at most, a uniform sample of a longer source; null: all, from a "
        "temporary file when they are more than fit_rows.",
    )
    max_disk_bytes: int = Field(
        default=100 * 2**30,
        ge=0,
        description="Bytes that the temporary file of a source longer than fit_rows may take.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fixed_steps_ask_for_no_clock(cls, values: object) -> object:
        """Whoever fixes the steps wants the same model again: then no default brings in a clock."""
        if isinstance(values, dict) and "max_steps" in values and "max_seconds" not in values:
            return {**values, "max_seconds": None}
        return values

    def learning(self) -> LearningConfig:
        """These options, and the defaults of the rest; `dataclasses.replace` sets others."""
        return LearningConfig(
            max_seconds=self.max_seconds,
            max_steps=self.max_steps,
            batch_rows=self.batch_rows,
            learning_rate=self.learning_rate,
            holdout=self.holdout,
        )
