"""The job spec: everything that a user asks for, the same in Python, YAML, JSON and over the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Self, cast

from pydantic import Field, model_validator

from mintage.spec._base import Name, Real, SpecModel, Whole
from mintage.spec._overrides import apply_overrides
from mintage.spec._problems import problem
from mintage.spec._yaml import dump_yaml
from mintage.spec.datasheet import DatasheetSpec
from mintage.spec.delivery import AuditSpec, SigningSpec, SinkSpec, TelemetrySpec
from mintage.spec.evaluation import EvaluationSpec, GateSpec
from mintage.spec.lineage import LineageSpec
from mintage.spec.request import (
    DEFAULT_GENERATOR,
    MAX_ROWS,
    BalanceSpec,
    ConditionSpec,
    GeneratorSpec,
    ModelSpec,
    OperatorSpec,
)
from mintage.spec.resources import ResourcesSpec
from mintage.spec.source import FurtherSpec, SourceSpec, TableSpec

MAX_SHARDS = 10**7

MAX_GATES = 1000

_ELSEWHERE = {
    "audit", "sink", "resources", "signing", "telemetry", "model", "evaluation", "gates", "datasheet",
    "lineage",
}  # fmt: skip
_PLACE = {"uri", "storage", "attestation"}


class JobSpec(SpecModel):
    """What a user asks for.

    >>> spec = JobSpec(name="demo", rows=1000, source={"uri": "flights.parquet"}, sink={"uri": "out"})
    >>> spec.generator.kind, spec.sink.shard_rows, spec.seed
    ('tabular.autoregressive', 100000, 0)

    Raises `mintage.errors.SpecError` that lists every problem as `path: what, value received`.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")] = Field(
        description="Name of the job, and of its table when there is only one: 1 to 100 letters, "
        "digits, `_`, `.` or `-`, the first one a letter or digit."
    )
    seed: Whole = Field(
        default=0, ge=0, le=2**64 - 1, description="Root of all randomness: 0 to 2^64 - 1. 0 is a seed."
    )
    source: SourceSpec | None = Field(
        default=None, description="What is learned from; some generators need none."
    )
    generator: GeneratorSpec | None = Field(
        default=None, description=f"What learns; `{DEFAULT_GENERATOR}` when there is a source and no model."
    )
    model: ModelSpec | None = Field(
        default=None, description="A model fitted before, instead of a generator."
    )
    rows: Whole = Field(ge=1, le=MAX_ROWS, description="Accepted rows of the root table: 1 to 10^15.")
    conditions: tuple[ConditionSpec, ...] = Field(
        default=(),
        description="Rows with fixed values; together at most `rows`. The others are drawn freely.",
    )
    balance: BalanceSpec | None = Field(
        default=None, description="Target shares of one column, among the rows that no condition takes."
    )
    validate_: tuple[OperatorSpec, ...] = Field(
        default=(),
        alias="validate",
        description="Rules that every row must keep before it is stored, judged in this order.",
    )
    min_acceptance: Real = Field(
        default=0.01,
        gt=0,
        le=1,
        description="Give up when the operators accept a smaller share of the rows drawn, in (0, 1].",
    )
    evaluation: EvaluationSpec = Field(
        default=EvaluationSpec(), description="What is measured of the data set, for its report."
    )
    gates: dict[Name, GateSpec] = Field(
        default_factory=dict,
        max_length=MAX_GATES,
        description="Bounds that figures of the report must keep, by the name of the figure, such as "
        "`trend_error: {max: 2.0}`. A figure that was not computed has not passed.",
    )
    lineage: LineageSpec = Field(
        default=LineageSpec(), description="Limits on what is learned from, and whose word counts."
    )
    sink: SinkSpec = Field(description="Where the data set is written.")
    resources: ResourcesSpec = Field(default=ResourcesSpec(), description="On what the job runs.")
    audit: AuditSpec = Field(
        default=AuditSpec(), description="What is minted a second time before anything is signed."
    )
    signing: SigningSpec = Field(default=SigningSpec(), description="Who signs the manifest.")
    telemetry: TelemetrySpec = Field(
        default_factory=TelemetrySpec, description="What traces and metrics carry."
    )
    datasheet: DatasheetSpec = Field(
        default=DatasheetSpec(), description="What people should know of the data set, in your words."
    )

    @model_validator(mode="after")
    def _has_one_maker(self) -> Self:
        if self.generator is not None and self.model is not None:
            raise problem(
                "cannot stand beside generator: a model is fitted already",
                path="model",
                value=self.model.uri,
                todo="remove model or generator",
            )
        if self.generator is None and self.model is None:
            if self.source is None:
                raise problem(
                    "is missing, and so are source and model",
                    path="generator",
                    todo="give a source to learn from, a generator that needs none, or a model",
                )
            # Not among the fields that were set: an override may still name a model instead.
            object.__setattr__(self, "generator", GeneratorSpec())
        return self

    @model_validator(mode="after")
    def _fits_rows(self) -> Self:
        asked = sum(condition.rows for condition in self.conditions)
        if asked > self.rows:
            raise problem(
                f"ask for {asked} rows together, but rows is {self.rows}",
                path="conditions",
                todo="raise rows, or lower the rows of the conditions",
            )
        if -(-self.rows // self.sink.shard_rows) > MAX_SHARDS:
            raise problem(
                f"gives {-(-self.rows // self.sink.shard_rows)} shards, at most {MAX_SHARDS} are planned",
                path="sink.shard_rows",
                value=self.sink.shard_rows,
                todo=f"use sink.shard_rows: {-(-self.rows // MAX_SHARDS)} or more",
            )
        return self

    def content(self) -> dict[str, object]:
        """What determines the rows, as JSON values: what the run id is made of.

        Left out: sink, resources, audit, signing and telemetry, which say where, by what and for whom;
        lineage and attestations, which say whether it may be done at all;
        evaluation and gates, which judge rows that are made already, but for what sets rows of the
        source aside; the datasheet, which is words; the places (uri, storage) of sources, because the
        digest of what stands there identifies a source wherever it was copied to; the model, identified
        by its digest in the same way. Both digests join this mapping in the run id. The seed is text,
        since it may pass 2^53.
        """
        content = {key: value for key, value in self.to_json(complete=True).items() if key not in _ELSEWHERE}
        if (split := self.evaluation.split) is not None:
            content["holdout"] = split
        return content | {"seed": str(self.seed), "source": _without_place(self.source)}

    def to_json(self, *, complete: bool = False) -> dict[str, Any]:
        """The spec as JSON values: the keys that were given, or with `complete` also all defaults."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=not complete)

    def to_yaml(self) -> str:
        """The spec as YAML that `read_spec` reads back as an equal spec."""
        return dump_yaml(self.to_json())

    def with_overrides(self, overrides: Iterable[str]) -> Self:
        """This spec with `path=value` texts applied, such as `sink.uri=out` or `validate[0].action=tag`.

        >>> spec = JobSpec(name="demo", rows=10, source={"uri": "a.csv"}, sink={"uri": "out"})
        >>> spec.with_overrides(["rows=20", "sink.uri=other"]).rows
        20
        """
        return self.model_validate(apply_overrides(self.to_json(), overrides))


def _without_place(source: SourceSpec | None) -> dict[str, object] | None:
    if source is None:
        return None
    if source.tables:
        return {
            "root": source.root_table,
            "tables": {name: _table_without_place(table) for name, table in source.tables.items()},
        }
    alone = _table_without_place(source, exclude={"tables", "root", "accumulate"})
    if source.accumulate:
        alone["accumulate"] = [_table_without_place(further) for further in source.accumulate]
    return alone


def _table_without_place(
    table: SourceSpec | TableSpec | FurtherSpec, exclude: Iterable[str] = ()
) -> dict[str, object]:
    return cast("dict[str, object]", table.model_dump(mode="json", exclude={*_PLACE, *exclude}))
