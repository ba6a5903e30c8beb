"""The models that are served: pinned to a signed version, then loaded from it.

    signature > statement > plan > files of the model, rules > the model

Nothing is parsed before what vouches for it was checked, and only generators that are installed here load
a model. What is served is pinned when serving begins: a replica that starts later serves the same version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from mintage.contracts import DatasetSchema, Model
from mintage.engine.bench import bind_rule, trust_installed_plugins
from mintage.engine.models import load_model, load_prepared, read_model_files
from mintage.engine.plans import signed_plan
from mintage.errors import MintageError, ProvenanceError, SignatureError
from mintage.jobs.verification import trusted_policy
from mintage.operators.validation import BoundRule, tagged_schema
from mintage.plan import Plan
from mintage.provenance.checks.signed import Signed, open_version
from mintage.provenance.policy import Policy
from mintage.provenance.report import VerifyReport
from mintage.provenance.signing import PublicKey
from mintage.spec import ServedModelSpec
from mintage.spec.serving import is_pem
from mintage.store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The version of a data set that is served."""

    version: int
    statement: str
    """Digest of its signed statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model with the plan that it was signed in."""

    name: str
    spec: ServedModelSpec
    pin: Pin
    plan: Plan
    model: Model
    rules: tuple[BoundRule, ...]
    stored: DatasetSchema
    """The tables as the data set stores them: with `_tags` where rules tag."""
    dataset: str
    root: str
    privacy: Mapping[str, object]
    signers: Sequence[str]

    @property
    def takes_values(self) -> bool:
        """Whether rows can be asked for by the values of columns."""
        return type(self.model).check is not Model.check

    @property
    def takes_ranges(self) -> bool:
        """Whether rows can be asked for by sets and ranges of values."""
        return type(self.model).check_within is not Model.check_within


def pin_model(name: str, spec: ServedModelSpec) -> Pin:
    """Check that a data set's model may be served, without loading it; say which version that is.

    Raises `ProvenanceError` when signature, plan or model are not what they must be, and `PluginError`
    for a generator that is not installed.
    """
    with _about(name):
        store = ObjectStore.open(spec.uri, options=spec.storage)
        signed, _ = _open(store, spec, spec.version)
        read_model_files(store, _plan(store, signed).model)
    return Pin(version=signed.head.version, statement=signed.head.statement)


def load_served(name: str, spec: ServedModelSpec, pin: Pin) -> ServedModel:
    """The model of a pinned version, checked again and loaded. Raises what `pin_model` raises."""
    with _about(name):
        store = ObjectStore.open(spec.uri, options=spec.storage)
        signed, report = _open(store, spec, pin.version)
        if signed.head.statement != pin.statement:
            raise ProvenanceError(
                f"version {pin.version} is the statement {signed.head.statement}, not {pin.statement}",
                "it was replaced since serving began: restore it, or start serving again",
            )
        plan = _plan(store, signed)
        rules = tuple(bind_rule(rule, load_prepared(store, rule.prepared)) for rule in plan.operators)
        claims = signed.statement.claims
        return ServedModel(
            name=name,
            spec=spec,
            pin=pin,
            plan=plan,
            model=load_model(store, plan.model),
            rules=rules,
            stored=tagged_schema(plan.schema, rules),
            dataset=signed.statement.name,
            root=signed.statement.root,
            privacy=cast("Mapping[str, object]", claims.privacy) if isinstance(claims.privacy, dict) else {},
            signers=tuple(report.signers),
        )


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Say of which model an error in the body is."""
    try:
        yield
    except MintageError as exc:
        raise type(exc)(f"models.{name}: {exc.message}", exc.hint) from exc


def _open(store: ObjectStore, spec: ServedModelSpec, version: int | None) -> tuple[Signed, VerifyReport]:
    """The version, if the keys or the policy accept what was signed about it."""
    report = VerifyReport()
    signed = open_version(store, version, _policy(spec), report, sparing=True)
    if signed is None or report.failures:
        failure = report.failures[0] if report.failures else None
        what = f"{failure.path}: {failure.message}" if failure else "; ".join(report.notes)
        kind = SignatureError if failure and failure.code == "bad-signature" else ProvenanceError
        raise kind(f"{store.uri} is not served: {what}", "name who may sign with trust, or a policy")
    return signed, report


def _policy(spec: ServedModelSpec) -> Policy:
    if not spec.trust:
        return trusted_policy(None, Path(spec.policy) if spec.policy else None)
    keys = (
        PublicKey.from_pem(key.encode(), "a key of trust") if is_pem(key) else PublicKey.load(key)
        for key in spec.trust
    )
    return Policy.trusting(list(keys))


def _plan(store: ObjectStore, signed: Signed) -> Plan:
    """The plan of the newest shards, with generators that are installed here."""
    plan = signed_plan(store, signed.statement.segments.newest)
    claimed = signed.statement.claims.model
    if claimed != plan.model.digest:
        raise ProvenanceError(
            f"the statement names the model {claimed}, but the plan {plan.model.digest}",
            "what was signed contradicts itself: ask its signer",
        )
    return trust_installed_plugins(plan)
