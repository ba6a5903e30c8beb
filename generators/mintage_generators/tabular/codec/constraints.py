"""Constraints as they are written: what every row of a generated table must keep.

A missing value breaks no constraint: null and NaN are comparable with nothing, so a range or an
inequality says nothing of them, as a CHECK in SQL does not. In combinations and dependencies null is
a value like any other. A sum is null when one of its parts is.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_CONSTRAINTS = 200
MAX_LISTED = 100_000

Name = Annotated[str, Field(min_length=1, max_length=1000)]
Literals = str | int | float | bool | None
"""A value as JSON carries it: dates, times and durations are ISO 8601 text, decimals are text."""


class _Constraint(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RangeConstraint(_Constraint):
    """`min <= column <= max`; one of the two may be left out."""

    kind: Literal["range"]
    column: Name
    min: Literals = Field(default=None, description="Smallest value allowed; null: no bound.")
    max: Literals = Field(default=None, description="Largest value allowed; null: no bound.")

    @model_validator(mode="after")
    def _has_an_end(self) -> RangeConstraint:
        if self.min is None and self.max is None:
            raise ValueError(f"the range of column {self.column!r} has neither min nor max: give one of them")
        return self

    def __str__(self) -> str:
        low = "" if self.min is None else f"{self.min} <= "
        return f"{low}{self.column}" + ("" if self.max is None else f" <= {self.max}")


class InequalityConstraint(_Constraint):
    """`lower + gap <= upper`, or `<` when strict."""

    kind: Literal["inequality"]
    lower: Name
    upper: Name
    strict: bool = Field(default=False, description="Whether the two sides must differ.")
    gap: str | int | float | None = Field(
        default=None,
        description="Added to the lower column: a number, or a duration such as P1D for dates and times.",
    )

    def __str__(self) -> str:
        gap = "" if self.gap is None else f" + {self.gap}"
        return f"{self.lower}{gap} {'<' if self.strict else '<='} {self.upper}"


class CombinationConstraint(_Constraint):
    """Only rows of values that are listed, or that enough rows of the source have."""

    kind: Literal["combinations"]
    columns: tuple[Name, ...] = Field(min_length=2, max_length=20)
    values: tuple[tuple[Literals, ...], ...] | None = Field(
        default=None,
        max_length=MAX_LISTED,
        description="The combinations allowed, a value for each column; null: those of the source.",
    )

    @model_validator(mode="after")
    def _is_a_table(self) -> CombinationConstraint:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"combinations of {', '.join(self.columns)} name a column twice")
        if self.values is not None and not self.values:
            raise ValueError(f"combinations of {', '.join(self.columns)} list none: no row could be made")
        for row in self.values or ():
            if len(row) != len(self.columns):
                raise ValueError(
                    f"the combination {list(row)} has not one value for each of {list(self.columns)}"
                )
        return self

    def __str__(self) -> str:
        return f"combinations of {', '.join(self.columns)}"


class DependencyConstraint(_Constraint):
    """Rows that agree in `columns` agree in `determines`."""

    kind: Literal["dependency"]
    columns: tuple[Name, ...] = Field(min_length=1, max_length=20)
    determines: Name

    @model_validator(mode="after")
    def _is_no_circle(self) -> DependencyConstraint:
        if self.determines in self.columns or len(set(self.columns)) != len(self.columns):
            raise ValueError(
                f"the dependency of {self.determines!r} on {list(self.columns)} names a column twice"
            )
        return self

    def __str__(self) -> str:
        return f"{', '.join(self.columns)} determine {self.determines}"


class SumConstraint(_Constraint):
    """`total` is the sum of the parts: it is computed, never drawn."""

    kind: Literal["sum"]
    total: Name
    parts: tuple[Name, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _is_no_circle(self) -> SumConstraint:
        if self.total in self.parts or len(set(self.parts)) != len(self.parts):
            raise ValueError(f"the sum {self} names a column twice")
        return self

    def __str__(self) -> str:
        return f"{self.total} = {' + '.join(self.parts)}"


Constraint = Annotated[
    RangeConstraint | InequalityConstraint | CombinationConstraint | DependencyConstraint | SumConstraint,
    Field(discriminator="kind"),
]
"""One rule that every row must keep."""


def columns_of(constraint: Constraint) -> tuple[str, ...]:
    """The columns that a constraint speaks of."""
    match constraint:
        case RangeConstraint():
            return (constraint.column,)
        case InequalityConstraint():
            return (constraint.lower, constraint.upper)
        case CombinationConstraint():
            return constraint.columns
        case DependencyConstraint():
            return (*constraint.columns, constraint.determines)
        case SumConstraint():
            return (constraint.total, *constraint.parts)
