"""What a user says about privacy: how much, and what of the columns is publicly known."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mintage.contracts import Scalar


class Domain(BaseModel):
    """What everybody may know of a column: it costs nothing, and must not be read off the rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: tuple[Scalar, ...] = Field(
        default=(),
        max_length=100_000,
        description="All values that the column can have; null among them where it can be missing.",
    )
    low: Scalar = Field(default=None, description="Smallest number, date or time that the column can have.")
    high: Scalar = Field(default=None, description="Largest number, date or time that the column can have.")
    decimals: int | None = Field(
        default=None, ge=0, le=9, description="Decimals that the numbers of a float column have."
    )

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if self.values and (self.low is not None or self.high is not None or self.decimals is not None):
            raise ValueError("give either values, or low, high and decimals")
        if (self.low is None) != (self.high is None):
            raise ValueError("give both low and high, or none of them")
        if not self.values and self.low is None and self.decimals is None:
            raise ValueError("give values, or low and high, or decimals")
        return self


class PrivacyConfig(BaseModel):
    """Differential privacy of a fit: neighbours are tables that differ in one row, there or not there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epsilon: float = Field(
        gt=0,
        le=1000,
        allow_inf_nan=False,
        description="How much one row may change what is likely: at most by a factor of e to this power. "
        "1 is strong, 8 is weak.",
    )
    delta: float = Field(
        default=1e-6,
        gt=0,
        lt=1,
        allow_inf_nan=False,
        description="Probability with which epsilon may not hold; well below 1 / rows, or it is refused.",
    )
    noise: Literal["secret", "seed"] = Field(
        default="secret",
        description="Where the noise comes from: `secret` takes it from the operating system, so that two "
        "fits differ; `seed` repeats it from the job's seed, which the manifest publishes: then whoever "
        "reads it can take the noise away again, and no claim is made. For tests only.",
    )
    domains: dict[str, Domain] = Field(
        default_factory=dict, description="What is publicly known of columns, by name."
    )
