"""From a resolved job to its plan: checks, the model, what operators prepare, the frozen plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mintage.contracts import (
    Choice,
    DatasetSchema,
    Model,
    Quota,
    Scalar,
    Semantics,
    Source,
    Span,
    TableReader,
)
from mintage.engine.models import StoredModel, find_model, save_prepared
from mintage.engine.sketches import save_binnings
from mintage.errors import ProvenanceError, SpecError
from mintage.jobs.holdout import split_source
from mintage.jobs.resolution import Resolution
from mintage.jobs.stored_models import model_in_use
from mintage.operators.validation import BoundRule, check_rules, tagged_schema
from mintage.plan import OperatorPlan, PartLayout, Plan, make_run_id, plan_quotas
from mintage.plugins import load_generator
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import sha256_hex
from mintage.provenance.layout import check_table_name
from mintage.provenance.lineage import Lineage
from mintage.spec import AnyOfSpec, BalanceSpec, ConditionSpec, JobSpec, RangeSpec
from mintage.store import ObjectStore

MAX_SAFE_INTEGER = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A job that is ready to run: the spec, its plugins, its source, and the id of the run."""

    spec: JobSpec
    resolution: Resolution
    source: Source | None
    """All real rows: what rules about copies look at."""
    training: Source | None
    """The real rows that may be learned from."""
    holdout: TableReader | None
    """Real rows of the root table that nothing learns from."""
    origin: ObjectStore | None
    """The data set whose model is used, when the spec names one."""
    origin_model: str | None
    """Digest of that model."""
    run_id: str
    fit_id: str
    lineage: Lineage | None = None
    """Where the rows would come from; None until the job was admitted."""


def make_request(spec: JobSpec, resolution: Resolution, source: Source | None) -> Request:
    """Name the run. Raises `SpecError` when a source is missing that the generator needs."""
    if resolution.needs_source and source is None:
        assert resolution.generator is not None
        raise SpecError(
            f"source: is missing, and {resolution.generator.name} learns from one",
            "name a file or folder with source.uri",
        )
    for table in source.schema.names if source else ():
        check_table_name(table)
    origin, model = _origin(spec)
    digest = source.digest if source else None
    run_id = make_run_id(spec.content(), source=digest, model=model, versions=resolution.versions)
    identity: dict[str, object] = {
        "generator": resolution.generator.to_json() if resolution.generator else None,
        "config": dict(resolution.generator_config),
        "source": digest,
        "model": model,
        "seed": str(spec.seed),
    }
    if spec.evaluation.split is not None:
        identity["holdout"] = spec.evaluation.split
    split = split_source(source, spec.evaluation) if source else None
    return Request(
        spec=spec,
        resolution=resolution,
        source=source,
        training=split.training if split else None,
        holdout=split.holdout if split else None,
        origin=origin,
        origin_model=model,
        run_id=run_id,
        fit_id=sha256_hex(canonical_json(identity)),
    )


def check_foreseen(request: Request) -> DatasetSchema | None:
    """Refuse rules and conditions that no model of this job could meet, before anything is fitted.

    Returns the tables as they will be stored, or None where the generator cannot foresee them: then the
    plan finds it out later. Raises `SpecError`.
    """
    if (ref := request.resolution.generator) is None:
        return None
    cls = load_generator(ref)
    generator = cls(cls.Config.model_validate(dict(request.resolution.generator_config)))
    if (schema := generator.foresee(request.training)) is None:
        return None
    check_rules(schema, [(rule.operator, rule.table(schema)) for rule in request.resolution.rules])
    _check_columns(schema, make_quotas(request.spec))
    rules = [
        BoundRule(table=rule.table(schema), operator=rule.operator, prepared=b"")
        for rule in request.resolution.rules
    ]
    return tagged_schema(schema, rules)


def make_plan(
    request: Request, stored: StoredModel, model: Model, store: ObjectStore, first_shard: int = 0
) -> Plan:
    """The plan of a run whose model is known, for shards from `first_shard` of the data set on.

    What operators learn from the source is put into the store.
    """
    spec, schema = request.spec, model.schema
    for table in schema.names:
        check_table_name(table)
    quotas = make_quotas(spec)
    check_quotas(model, quotas)
    return Plan(
        run_id=request.run_id,
        name=spec.name,
        spec=spec.content(),
        source=request.source.digest if request.source else None,
        model=stored.ref,
        schema=schema,
        operators=plan_rules(request, schema, lambda data: save_prepared(store, data)),
        layout=PartLayout(
            connector=request.resolution.sink,
            options=request.resolution.sink_connector.config.model_dump(mode="json"),
            suffix=request.resolution.sink_connector.suffixes[0],
        ),
        seed=spec.seed,
        rows=spec.rows,
        shard_rows=spec.sink.shard_rows,
        batch_rows=model.batch_rows,
        quotas=quotas,
        min_acceptance=spec.min_acceptance,
        binnings=_binnings(request, schema, store),
        versions=request.resolution.versions,
        first_shard=first_shard,
        lineage=request.lineage,
    )


def column_kinds(spec: JobSpec, source: Source) -> dict[str, Semantics]:
    """What columns of the root table mean, where it was said rather than taken from their type."""
    said = {
        column.name: column.semantics
        for column in source.schema.root_table.columns
        if column.semantics is not Semantics.of(column.type)
    }
    return said | dict.fromkeys(spec.evaluation.key, Semantics.KEY)


def _binnings(request: Request, schema: DatasetSchema, store: ObjectStore) -> dict[str, str]:
    """The grids on which rows are counted while they are minted, when fidelity is asked for."""
    if request.training is None or "fidelity" not in request.spec.evaluation.metrics:
        return {}
    return save_binnings(store, request.training, schema, column_kinds(request.spec, request.training))


def plan_rules(
    request: Request, schema: DatasetSchema, keep: Callable[[bytes], str | None]
) -> tuple[OperatorPlan, ...]:
    """The rules of a plan, checked against the tables; `keep` puts away what they prepare."""
    check_rules(schema, [(rule.operator, rule.table(schema)) for rule in request.resolution.rules])
    return tuple(
        OperatorPlan(
            reason=rule.reason,
            table=rule.table(schema),
            operator=rule.ref,
            config=rule.config,
            prepared=keep(rule.operator.prepare(request.source, schema.table(rule.table(schema)))),
        )
        for rule in request.resolution.rules
    )


def make_quotas(spec: JobSpec) -> tuple[Quota, ...]:
    """Conditions and balance of a job as exact numbers of rows."""
    return quotas_of(spec.rows, spec.conditions, spec.balance)


def quotas_of(
    rows: int, conditions: Iterable[ConditionSpec] = (), balance: BalanceSpec | None = None
) -> tuple[Quota, ...]:
    """Conditions and balance as exact numbers of rows; raises `SpecError` for more than there are."""
    shares = None
    if balance is not None:
        shares = (balance.column, [(_asked(share.value), share.share) for share in balance.shares])
    wanted = [(wanted_of(condition.values), condition.rows) for condition in conditions]
    return plan_quotas(rows, wanted, shares)


def wanted_of(values: Mapping[str, Scalar | RangeSpec | AnyOfSpec]) -> dict[str, Scalar | Choice]:
    """Conditions on columns as the contracts have them."""
    return {column: _asked(value) for column, value in values.items()}


def check_quotas(model: Model, quotas: tuple[Quota, ...]) -> None:
    """Raise `ConditionError` or `SpecError` when the model cannot meet the conditions of a quota."""
    _check_columns(model.schema, quotas)
    for quota in quotas:
        if quota.within:
            model.check_within(quota.fixed, quota.excluded, quota.within)
        elif quota.fixed or quota.excluded:
            model.check(quota.fixed, quota.excluded)


def _check_columns(schema: DatasetSchema, quotas: tuple[Quota, ...]) -> None:
    for quota in quotas:
        for column in (*quota.fixed, *quota.excluded, *quota.within):
            schema.root_table.column(column)


def _asked(value: Scalar | RangeSpec | AnyOfSpec) -> Scalar | Choice:
    """A condition of the spec as the contracts have it."""
    if isinstance(value, RangeSpec):
        ends = {"minimum": value.min, "maximum": value.max, "below": value.below}
        return Choice(spans=(Span(**{name: _plain(end) for name, end in ends.items()}),))
    if isinstance(value, AnyOfSpec):
        return Choice(values=tuple(_plain(one) for one in value.any_of))
    return _plain(value)


def _plain(value: Scalar) -> Scalar:
    """Canonical JSON carries integers up to 2**53; larger ones are text, which models accept."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= MAX_SAFE_INTEGER:
        return str(value)
    return value


def _origin(spec: JobSpec) -> tuple[ObjectStore | None, str | None]:
    if spec.model is None:
        return None, None
    origin = ObjectStore.open(spec.model.uri, options=spec.model.storage)
    stored = model_in_use(origin, "model.uri")
    if (wanted := spec.model.digest) is not None and stored.ref.digest != wanted:
        if find_model(origin, wanted) is not None:
            return origin, wanted
        raise ProvenanceError(
            f"the model at {origin.uri} has the digest {stored.ref.digest}, not {wanted}",
            "remove model.digest if this is the model that you want",
        )
    return origin, stored.ref.digest
