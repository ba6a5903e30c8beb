"""A request for rows, as it comes over the wire; its conditions are those of a job spec."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from mintage.spec._base import Flag, Name, SpecModel, Whole
from mintage.spec._problems import problem
from mintage.spec.request import BalanceSpec, ConditionSpec, Wanted

MAX_SEED = 2**64 - 1


class SampleAsk(SpecModel):
    """Rows that are asked for, and under which conditions."""

    rows: Whole = Field(ge=1, le=10**9, description="Rows of the root table that are accepted and sent.")
    seed: Whole | None = Field(
        default=None,
        ge=0,
        le=MAX_SEED,
        description="Root of the request's randomness: the same request with it gives the same rows. "
        "Without one, the answer names the seed that was drawn.",
    )
    where: dict[Name, Wanted] = Field(
        default_factory=dict,
        description="For each column what all rows have: a value, `{min, max}` or `{min, below}`, or "
        "`{any_of: [...]}`.",
    )
    conditions: tuple[ConditionSpec, ...] = Field(
        default=(), max_length=1000, description="So many of the rows with these values, as in a job spec."
    )
    balance: BalanceSpec | None = Field(
        default=None, description="Shares of the values of one column, as in a job spec."
    )
    validate_rows: Flag = Field(
        default=True,
        alias="validate",
        description="Send only rows that the rules of the data set accept.",
    )
    table: Name | None = Field(
        default=None, description="The table whose rows are sent; the root table by default."
    )
    columns: tuple[Name, ...] | None = Field(
        default=None, min_length=1, description="Columns to send, in this order; all by default."
    )

    @model_validator(mode="after")
    def _has_conditions_of_one_kind(self) -> Self:
        if self.where and (self.conditions or self.balance is not None):
            raise problem(
                "does not go with conditions and balance", path="where", todo="put it into the conditions"
            )
        return self
