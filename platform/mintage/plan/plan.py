"""The plan: everything that a shard needs, frozen before the first one is minted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, cast

from mintage.contracts.schema import DatasetSchema
from mintage.contracts.shard import Choice, Quota, Shard, Span
from mintage.errors import ProvenanceError
from mintage.plan.sharding import make_shard, shard_count, slice_rows
from mintage.plugins import PluginRef
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.digests import sha256_hex
from mintage.provenance.lineage import Lineage, unattested

FORMAT = "mintage-plan/1"
MAX_PLAN_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """The model of a plan: its digest, the generator that loads it, the equality that it claims."""

    digest: str
    generator: PluginRef
    determinism: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPlan:
    """One rule of a plan: its plugin, its config, its reason, and the digest of what it prepared."""

    reason: str
    table: str
    operator: PluginRef
    config: Mapping[str, object]
    prepared: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLayout:
    """How parts are written: the connector, its options, and the suffix of the files."""

    connector: PluginRef
    options: Mapping[str, object]
    suffix: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A pure description: whoever mints shard `i` of it gets the same rows.

    `schema` is that of the model; what is stored may have a `_tags` column besides.
    """

    run_id: str
    name: str
    spec: Mapping[str, object]
    source: str | None
    model: ModelRef
    schema: DatasetSchema
    operators: tuple[OperatorPlan, ...]
    layout: PartLayout
    seed: int
    rows: int
    shard_rows: int
    batch_rows: int
    quotas: tuple[Quota, ...]
    min_acceptance: float
    binnings: Mapping[str, str]
    """Table -> digest of the grid on which its rows are counted; none without real rows to compare with."""
    versions: Mapping[str, str]
    lineage: Lineage | None = None
    """Where the rows come from, as it was known when the job was admitted; None: nobody asked."""
    first_shard: int = 0
    """Number of its first shard among all shards of the data set: those of earlier plans come before it."""

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return shard_count(self.rows, self.shard_rows)

    @property
    def indices(self) -> range:
        """The numbers of its shards in the data set."""
        return range(self.first_shard, self.first_shard + self.shards)

    def shard(self, index: int) -> Shard:
        """The shard with that number in the data set, one of `indices`."""
        if index not in self.indices:
            raise IndexError(f"shard {index} is not in [{self.indices.start}, {self.indices.stop})")
        return make_shard(
            index - self.first_shard,
            first=self.first_shard,
            quotas=self.quotas,
            shards=self.shards,
            seed=self.seed,
            batch_rows=self.batch_rows,
        )

    def rows_of(self, index: int) -> int:
        """Accepted root rows of the shard with that number, by arithmetic alone: a million are asked for."""
        shards, at = self.shards, index - self.first_shard
        return sum(slice_rows(quota.rows, at, shards) for quota in self.quotas)

    @cached_property
    def mark(self) -> dict[str, str]:
        """What parts say of their own origin: a copy that lost its manifest is still no real table.

        The run is named and not the plan: plans of one run that differ in what they count make equal parts.
        """
        lineage = self.lineage or unattested(self.source)
        known = lineage.generation is not None
        return {
            "synthetic": "true",
            "generation": str(lineage.generation) if known else "unknown",
            "generation_at_least": str(lineage.at_least),
            "run_id": self.run_id,
        }

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of the canonical JSON."""
        return f"sha256:{sha256_hex(self.to_bytes())}"

    def to_bytes(self) -> bytes:
        """The canonical JSON, as it is stored."""
        return canonical_json(self.to_json())

    def to_json(self) -> dict[str, object]:
        """The plan as plain JSON values; integers that may pass 2**53 are text."""
        return {
            "format": FORMAT,
            "run_id": self.run_id,
            "name": self.name,
            "spec": dict(self.spec),
            "source": self.source,
            "model": {
                "digest": self.model.digest,
                "generator": self.model.generator.to_json(),
                "determinism": self.model.determinism,
            },
            "schema": self.schema.to_json(),
            "operators": [_operator_to_json(operator) for operator in self.operators],
            "layout": {
                "connector": self.layout.connector.to_json(),
                "options": dict(self.layout.options),
                "suffix": self.layout.suffix,
            },
            "seed": str(self.seed),
            "rows": str(self.rows),
            "shard_rows": str(self.shard_rows),
            "batch_rows": self.batch_rows,
            "quotas": [_quota_to_json(quota) for quota in self.quotas],
            "min_acceptance": self.min_acceptance,
            "binnings": dict(self.binnings),
            "versions": dict(self.versions),
            **({"lineage": self.lineage.to_json()} if self.lineage else {}),
            # The first plan of a data set says nothing of it.
            **({"first_shard": str(self.first_shard)} if self.first_shard else {}),
        }

    @classmethod
    def from_bytes(cls, data: bytes) -> Plan:
        """The plan that `to_bytes` wrote. Raises `ProvenanceError` for anything else."""
        value = parse_json(data, max_bytes=MAX_PLAN_BYTES)
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise ProvenanceError(f"this is no {FORMAT}", "the data set may be of another version of Mintage")
        try:
            plan = cls(**_fields(cast("dict[str, Any]", value)))
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise ProvenanceError(f"the plan is malformed: {exc!r}", "restore plan.json from a copy") from exc
        if plan.to_bytes() != data:
            raise ProvenanceError("the plan is not in canonical form", "restore plan.json from a copy")
        return plan


def _fields(value: dict[str, Any]) -> dict[str, Any]:
    model, layout = value["model"], value["layout"]
    names = [field.name for field in fields(Plan) if field.name not in ("first_shard", "lineage")]
    plain = {name: value[name] for name in names}
    return plain | {
        "model": ModelRef(**{**model, "generator": PluginRef.from_json(model["generator"])}),
        "schema": DatasetSchema.from_json(value["schema"]),
        "operators": tuple(
            OperatorPlan(**{**operator, "operator": PluginRef.from_json(operator["operator"])})
            for operator in value["operators"]
        ),
        "layout": PartLayout(**{**layout, "connector": PluginRef.from_json(layout["connector"])}),
        "seed": int(value["seed"]),
        "rows": int(value["rows"]),
        "shard_rows": int(value["shard_rows"]),
        "quotas": tuple(_quota_from_json(quota) for quota in value["quotas"]),
        "lineage": Lineage.from_json(value["lineage"]) if "lineage" in value else None,
        "first_shard": int(value.get("first_shard", 0)),
    }


def _operator_to_json(operator: OperatorPlan) -> dict[str, object]:
    return {
        "reason": operator.reason,
        "table": operator.table,
        "operator": operator.operator.to_json(),
        "config": dict(operator.config),
        "prepared": operator.prepared,
    }


def _quota_to_json(quota: Quota) -> dict[str, object]:
    return {
        "rows": str(quota.rows),
        "fixed": dict(quota.fixed),
        "excluded": {column: list(values) for column, values in quota.excluded.items()},
        # Plans that know no sets and ranges stay as they were.
        **(
            {"within": {name: asdict(choice) for name, choice in quota.within.items()}}
            if quota.within
            else {}
        ),
    }


def _quota_from_json(value: dict[str, Any]) -> Quota:
    return Quota(
        rows=int(value["rows"]),
        fixed=value["fixed"],
        excluded={column: tuple(values) for column, values in value["excluded"].items()},
        within={column: _choice_from_json(choice) for column, choice in value.get("within", {}).items()},
    )


def _choice_from_json(value: dict[str, Any]) -> Choice:
    spans = tuple(Span(**span) for span in value["spans"])
    return Choice(values=tuple(value["values"]), spans=spans, inverse=bool(value["inverse"]))
