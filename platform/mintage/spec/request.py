"""Which rows are asked for: under which conditions, in which shares, by which rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from mintage.contracts import Scalar
from mintage.spec._base import (
    Kind,
    KindSpec,
    Name,
    Options,
    Real,
    ScalarValue,
    SpecModel,
    Uri,
    Whole,
)
from mintage.spec._problems import problem

MAX_ROWS = 10**15
DEFAULT_GENERATOR = "tabular.autoregressive"
MAX_ANY_OF = 1000
_TOLERANCE = 1e-9


class GeneratorSpec(KindSpec):
    """What learns from the source; its own options stand beside `kind`."""

    kind: Kind = Field(
        default=DEFAULT_GENERATOR,
        description="The generator, see `mintage plugins`; its options stand beside it.",
    )


class ModelSpec(SpecModel):
    """A model that an earlier job fitted."""

    uri: Uri = Field(description="Path or URI of the data set whose model is used, without credentials.")
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None = Field(
        default=None,
        description="`sha256:` and 64 hex digits: refuse the model when its digest is another one.",
    )
    storage: Options = Field(
        default_factory=dict, description="Options of the store, such as endpoint_url; never credentials."
    )


class RangeSpec(SpecModel):
    """Values of a column from `min` to `max`, or below `below`."""

    min: ScalarValue = Field(default=None, description="Smallest value; null: no bound.")
    max: ScalarValue = Field(default=None, description="Largest value, inclusive; null: no bound.")
    below: ScalarValue = Field(default=None, description="Upper bound, exclusive, instead of max.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min is None and self.max is None and self.below is None:
            raise problem("has no end", todo="give min, max or below")
        if self.max is not None and self.below is not None:
            raise problem("has two upper ends", path="below", value=self.below, todo="remove max or below")
        return self


class AnyOfSpec(SpecModel):
    """One of these values of a column."""

    any_of: tuple[ScalarValue, ...] = Field(
        min_length=1, max_length=MAX_ANY_OF, description="The values; null is one of them when it is listed."
    )


def _kind_of_wanted(value: object) -> str:
    if isinstance(value, AnyOfSpec) or (isinstance(value, Mapping) and "any_of" in value):
        return "kind: any_of"
    return "kind: range" if isinstance(value, RangeSpec | Mapping) else "kind: value"


Wanted = Annotated[
    Annotated[ScalarValue, Tag("kind: value")]
    | Annotated[RangeSpec, Tag("kind: range")]
    | Annotated[AnyOfSpec, Tag("kind: any_of")],
    Discriminator(_kind_of_wanted),
]
"""A value, `{min, max}` or `{min, below}`, or `{any_of: [...]}`."""


class ConditionSpec(SpecModel):
    """So many rows on which these columns have these values."""

    values: dict[Name, Wanted] = Field(
        min_length=1,
        description="For each column of the root table one value, a range such as `{min: 30, max: 40}` "
        "or `{min: 30, below: 40}`, or a set, `{any_of: [JFK, LGA]}`. Dates and times are ISO 8601 text, "
        "decimals are text, null asks for nulls.",
    )
    rows: Whole = Field(
        ge=1, le=MAX_ROWS, description="Accepted rows, out of the job's `rows`, that have them."
    )


class ShareSpec(SpecModel):
    """The share of the rows that one value gets."""

    value: Wanted = Field(
        description="A value of the column, a range such as `{min: 0, below: 30}`, or `{any_of: [...]}`."
    )
    share: Real = Field(gt=0, le=1, description="Share of the rows, in (0, 1].")


def _to_list(value: object) -> object:
    """Shares by value, `{JFK: 0.3}`, as the list that keeps the type of a value."""
    if isinstance(value, Mapping):
        return [{"value": name, "share": share} for name, share in value.items()]
    return value


def _check_shares(shares: tuple[ShareSpec, ...]) -> tuple[ShareSpec, ...]:
    if not shares:
        raise problem("must name at least one value", todo="write shares: {value: share}, or remove balance")
    seen: set[tuple[bool, Scalar | RangeSpec | AnyOfSpec]] = set()
    for index, share in enumerate(shares):
        identity = (isinstance(share.value, bool), share.value)
        if identity in seen:
            raise problem(
                "has a share already",
                path=f"[{index}].value",
                value=share.value,
                todo="add the two shares up",
            )
        seen.add(identity)
    total = sum(share.share for share in shares)
    if total > 1 + _TOLERANCE:
        raise problem(
            "must not add up to more than 1",
            value=round(total, 9),
            todo="lower them; what is left goes to the values that are not named",
        )
    return shares


class BalanceSpec(SpecModel):
    """Target shares of the values of one column."""

    column: Name = Field(description="A column of the root table.")
    shares: Annotated[
        tuple[ShareSpec, ...],
        BeforeValidator(_to_list, json_schema_input_type=tuple[ShareSpec, ...] | dict[str, float]),
        AfterValidator(_check_shares),
    ] = Field(
        description="Shares by value, `{JFK: 0.3, LGA: 0.2}`, or a list of `{value, share}` for "
        "values that are not text. They add up to 1 at most; the rest keeps its natural"
        " shares among the other values.",
    )


class OperatorSpec(KindSpec):
    """A rule about rows; `action`, `table`, `name` and the rule's own options stand beside `kind`."""

    kind: Kind = Field(
        description="The operator, see `mintage plugins`. Beside it: `action` (reject, fail, tag), "
        "`above` (share that fail tolerates), `table`, `name`, and the options of its "
        "kind."
    )
