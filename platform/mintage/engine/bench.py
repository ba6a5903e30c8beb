"""A worker's bench: all that the shards of one plan share, loaded once and checked by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from mintage.contracts import Connector, DatasetSchema, Model
from mintage.engine import layout
from mintage.engine.models import load_model, load_prepared
from mintage.engine.sketches import load_binnings
from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.evaluation.binning import Binning
from mintage.operators.validation import BatchValidator, BoundRule, tagged_schema
from mintage.plan import OperatorPlan, Plan
from mintage.plan.plan import MAX_PLAN_BYTES
from mintage.plugins import PluginRef, installed, load_connector, load_operator
from mintage.store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The plan, the model, the rules with what they prepared, and the connector that writes."""

    plan: Plan
    model: Model
    rules: tuple[BoundRule, ...]
    sink: Connector
    stored_schema: DatasetSchema
    binnings: Mapping[str, Binning]
    """The grids of the tables whose rows are counted."""

    @classmethod
    def load(cls, store: ObjectStore, plan_digest: str, first_shard: int = 0) -> Self:
        """Read the plan and what it names. Raises `ProvenanceError` for anything that is not as digested."""
        plan = read_plan(store, first_shard)
        if plan is None or plan.digest != plan_digest:
            raise ProvenanceError(
                f"{store.uri} holds {'the plan ' + plan.digest if plan else 'no plan'}, not {plan_digest}",
                "every worker must see the sink: a local folder is not shared between machines",
            )
        return cls.of(store, plan)

    @classmethod
    def of(cls, store: ObjectStore, plan: Plan) -> Self:
        """Read what a plan names, whose digest the caller has checked. Raises `ProvenanceError`."""
        rules = tuple(bind_rule(rule, load_prepared(store, rule.prepared)) for rule in plan.operators)
        return cls(
            plan=plan,
            model=load_model(store, plan.model),
            rules=rules,
            sink=make_sink(plan, plan.layout.connector),
            stored_schema=tagged_schema(plan.schema, rules),
            binnings=load_binnings(store, plan),
        )

    def validator(self, *, keep_rejects: bool) -> BatchValidator:
        """A validator for one shard."""
        return BatchValidator(self.plan.schema, self.rules, keep_rejects=keep_rejects)


def read_plan(store: ObjectStore, first_shard: int = 0) -> Plan | None:
    """The plan of a data set that begins with that shard, if there is one."""
    path = layout.plan_path(first_shard)
    try:
        plan = Plan.from_bytes(store.read(path, max_bytes=MAX_PLAN_BYTES))
    except ObjectMissingError:
        return None
    if plan.first_shard != first_shard:
        raise ProvenanceError(
            f"{path} holds a plan that begins with shard {plan.first_shard}", "restore it from a copy"
        )
    return plan


def read_sink(store: ObjectStore, first_shard: int = 0) -> Connector:
    """The connector that wrote the parts of a plan, and reads them; only an installed one."""
    plan = read_plan(store, first_shard)
    if plan is None:
        raise ProvenanceError(
            f"{store.uri} has no plan", f"restore {layout.plan_path(first_shard)} from a copy"
        )
    return make_sink(plan, installed(plan.layout.connector))


def trust_installed_plugins(plan: Plan) -> Plan:
    """The same plan with the plugins that are installed here under the names that it gives.

    Raises `PluginError` for one that is not. The digest of what comes back is another one when their
    versions are.
    """
    rules = tuple(replace(rule, operator=installed(rule.operator)) for rule in plan.operators)
    return replace(
        plan,
        model=replace(plan.model, generator=installed(plan.model.generator)),
        operators=rules,
        layout=replace(plan.layout, connector=installed(plan.layout.connector)),
    )


def make_sink(plan: Plan, ref: PluginRef) -> Connector:
    """The connector `ref` with the options of the plan."""
    cls = load_connector(ref)
    return cls(cls.Config.model_validate(dict(plan.layout.options)))


def stored_schema(plan: Plan) -> DatasetSchema:
    """The tables as they are stored: those of the model, with `_tags` where rules tag."""
    return tagged_schema(plan.schema, [bind_rule(rule, b"") for rule in plan.operators])


def bind_rule(rule: OperatorPlan, prepared: bytes) -> BoundRule:
    """A rule of the plan, made of its plugin and its options."""
    cls = load_operator(rule.operator)
    operator = cls(cls.Config.model_validate(dict(rule.config)))
    return BoundRule(table=rule.table, operator=operator, prepared=prepared)
