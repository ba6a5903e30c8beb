"""What a job measures of what it made, and what must hold for it to be signed."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mintage.spec._base import Kind, Name, Options, Real, SpecModel, Uri, Whole
from mintage.spec._problems import problem

MetricName = Literal["fidelity", "detection", "utility", "privacy", "fairness", "collapse"]
ALL_METRICS: tuple[MetricName, ...] = (
    "fidelity",
    "detection",
    "utility",
    "privacy",
    "fairness",
    "collapse",
)
DEFAULT_EVALUATED_ROWS = 50_000
MAX_EVALUATED_ROWS = 10**7


class HoldoutSpec(SpecModel):
    """Real rows that nothing is learned from: a share of the source, or a table of their own."""

    share: Real | None = Field(
        default=None,
        gt=0,
        le=0.5,
        description="Share of the source's rows that is set aside before anything is learned, in (0, 0.5]. "
        "Equal rows, and rows of one `key`, stay together.",
    )
    uri: Uri | None = Field(
        default=None, description="Path or URI of a table with the source's columns, without credentials."
    )
    kind: Kind | None = Field(default=None, description="Connector; found by the URI when not given.")
    options: Options = Field(default_factory=dict, description="Options of that connector.")
    storage: Options = Field(
        default_factory=dict, description="Options of the store, such as endpoint_url; never credentials."
    )

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.share is None) == (self.uri is None):
            raise problem(
                "must have either share or uri",
                todo="write holdout: 0.1 to set a tenth of the source aside, or holdout: {uri: test.csv}",
            )
        return self


def _to_holdout(value: object) -> object:
    """A bare number is a share."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"share": float(value)}
    return value


def _to_names(value: object) -> object:
    """A single name stands for a list of one."""
    return [value] if isinstance(value, str) else value


Names = Annotated[
    tuple[Name, ...],
    BeforeValidator(_to_names, json_schema_input_type=str | tuple[str, ...]),
]


class EvaluationSpec(SpecModel):
    """What is measured once all shards are committed, before the manifest is signed."""

    metrics: tuple[MetricName, ...] = Field(
        default=ALL_METRICS, description="What is measured; an empty list turns evaluation off."
    )
    holdout: Annotated[
        HoldoutSpec | None,
        BeforeValidator(_to_holdout, json_schema_input_type=HoldoutSpec | float | None),
    ] = Field(
        default=None,
        description="Real rows that nothing is learned from: a share of the source, such as 0.1, or "
        "`{uri: test.csv}`. Without one, most of privacy and the ceilings cannot be computed.",
    )
    target: Name | None = Field(
        default=None, description="Column that a model learned from synthetic rows must predict (utility)."
    )
    favourable: str | None = Field(
        default=None, description="Level of the target that counts as the good outcome (fairness)."
    )
    key: Names = Field(
        default=(),
        description="Columns that say whose row it is: never measured, and never split by `holdout`.",
    )
    protected: Names = Field(default=(), description="Columns whose groups are compared (fairness).")
    rows: Whole = Field(
        default=DEFAULT_EVALUATED_ROWS,
        ge=100,
        le=MAX_EVALUATED_ROWS,
        description="Synthetic rows that classifiers and attacks get, drawn from all shards; fidelity is "
        "counted over all rows while minting.",
    )

    @property
    def split(self) -> dict[str, object] | None:
        """What sets rows of the source aside, as JSON values; None when nothing does."""
        if self.holdout is None or self.holdout.share is None:
            return None
        return {"share": self.holdout.share, "key": list(self.key)}


class GateSpec(SpecModel):
    """Bounds of one figure."""

    min: Real | None = Field(default=None, description="Least value that passes.")
    max: Real | None = Field(default=None, description="Greatest value that passes.")
    action: Literal["fail", "warn"] = Field(
        default="fail", description="fail: the job fails and nothing is signed. warn: the report says so."
    )

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise problem("needs min or max", todo="write for instance {max: 2.0}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise problem("is above max, so nothing passes", path="min", value=self.min, todo="swap the two")
        return self
