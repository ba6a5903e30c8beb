"""`mintage.run`: from a spec to a validated, committed, signed data set.

    read      the spec, its plugins, its source; name the run
    fit       the model, unless this run, or the data set that the spec names, has one
    mint      every shard that the store does not hold yet
    audit     a few of them again, by other workers
    evaluate  what was made against what was real; judge the gates
    attest    fold the commits, sign the manifest and the report

Everything that has been done is in the store, so the same call again goes on where the last one
stopped, and a call for a finished run returns at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from mintage.contracts import DatasetSchema
from mintage.engine import events
from mintage.engine.bench import read_plan, stored_schema
from mintage.engine.driver import Tally, committed_shards, mint_all
from mintage.engine.executors import Executor
from mintage.engine.layout import plan_path
from mintage.engine.models import (
    StoredModel,
    copy_model,
    find_model,
    fitted_model,
    load_model,
    trust_installed,
)
from mintage.engine.plans import check_not_given_up
from mintage.engine.training import Training
from mintage.errors import ObjectExistsError
from mintage.evaluation.results import Report
from mintage.jobs.admission import admit, admit_again
from mintage.jobs.attestation import attest_run, check_run
from mintage.jobs.audit import audit, audit_size
from mintage.jobs.openlineage import open_teller
from mintage.jobs.place import Place, base_of, check_tables, find_place, find_version, other_run
from mintage.jobs.planning import Request, check_foreseen, make_plan, make_request
from mintage.jobs.reporting import RunReporter, check_columns, judge_again, make_gates, refuse_failed
from mintage.jobs.resolution import resolve
from mintage.jobs.result import Result
from mintage.jobs.signers import open_signer
from mintage.jobs.sources import Piece, check_apart, open_pieces
from mintage.jobs.summary import summarize
from mintage.jobs.workplace import Workplace
from mintage.plan import Plan
from mintage.provenance.facts import ProbeFacts, check_builder
from mintage.provenance.heads import is_signed_by
from mintage.provenance.lineage import Lineage
from mintage.provenance.signing import PublicKey, Signer
from mintage.provenance.statements import Head
from mintage.settings import Settings
from mintage.spec import JobSpec, read_spec
from mintage.store import ObjectStore
from mintage.telemetry import span

T = TypeVar("T")


def _silent(event: events.Event) -> None:
    del event


def run(
    spec: JobSpec | Mapping[str, object] | Path | str,
    *,
    source: object = None,
    on_event: events.OnEvent = _silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> Result:
    """Make the data set that `spec` asks for, or finish one that an earlier call began.

    `spec` is a `JobSpec`, a mapping, a path, or the text of a spec. `source` is a pandas, polars or
    Arrow table, or a mapping of table names to such tables, in place of the spec's source.
    `on_event` hears of everything that happens; `cancelled` is asked twice a second.

    Raises `SpecError`, `SourceError` and other `MintageError`s; what was committed by then stays,
    and the same call again goes on from there.
    """
    accepted = read_spec(spec, in_memory=source is not None)
    attributes = {"mintage.job": accepted.name, **accepted.telemetry.attributes}
    teller = open_teller(accepted, on_event)
    with span("run", attributes):
        with teller.around():
            result = _Run(accepted, source, on_event, cancelled).go()
        teller.finished(result)
        return result


@dataclass(slots=True)
class _Run:
    """One call of `run`, phase by phase."""

    spec: JobSpec
    frames: object
    on_event: events.OnEvent
    cancelled: Callable[[], bool]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: dict[str, float] = field(default_factory=dict)
    foreseen: DatasetSchema | None = None
    probes: tuple[ProbeFacts, ...] = ()
    """What was minted again before it is signed."""
    pieces: tuple[Piece, ...] = ()
    """What is learned from."""

    def go(self) -> Result:
        settings = Settings.read()
        builder = check_builder(settings.builder)
        store = ObjectStore.open(self.spec.sink.uri, options=self.spec.sink.storage)
        request = self._timed("read", self.spec.name, lambda: self._read(store))
        self.on_event(events.RunStarted(run_id=request.run_id, dataset=store.uri))
        # The keys are opened before any work, so that a wrong one costs nothing; no worker sees them.
        signer = open_signer(self.spec.signing, settings)
        place = self._place(store, request, [*signer.public_keys, *self._trusted()])
        request = replace(request, lineage=self._admit(request, place.plan))
        workplace = Workplace.choose(self.spec, settings, store)
        plan, tally = self._make(store, request, place, workplace)
        evaluated = self._evaluate(store, request, plan, place=place, signer=signer, workplace=workplace)
        head = self._timed(
            "attest",
            f"{plan.shards} shards",
            lambda: self._attest(store, plan, place=place, signer=signer, builder=builder, report=evaluated),
        )
        result = Result.open(store.uri, storage=self.spec.sink.storage, version=head.version)
        summary = summarize(result, plan, tally, self.seconds)
        signers = [
            {"key_id": one, "key_path": name} for one, name in zip(signer.keyids, signer.names, strict=True)
        ]
        return replace(
            result, summary={**summary, "workers": workplace.workers, **signers[0], "signers": signers}
        )

    def _place(self, store: ObjectStore, request: Request, keys: list[PublicKey]) -> Place:
        """Where the shards of this job go, which is decided before anything is fitted."""
        place = find_place(store, request, keys, self.foreseen)
        if place.head is not None and (mode := self.spec.sink.mode) != "create":
            message = (
                f"this job is version {place.head.version} of {store.uri} already: there is nothing to "
                f"{mode}. To draw other rows, give it another seed"
            )
            self.on_event(events.Warned(message=message))
        return place

    def _make(
        self, store: ObjectStore, request: Request, place: Place, workplace: Workplace
    ) -> tuple[Plan, Tally]:
        """Fit and mint what is not in the store yet; then see whether some of it comes out again."""
        earlier = place.plan
        if earlier is not None and len(done := committed_shards(store, earlier)) == earlier.shards:
            tally = Tally(resumed=len(done), shards_done=len(done), rows=earlier.rows)
            if not self._audits(store, earlier, place):
                return earlier, tally
        elif (asked := self.spec.resources.workers or 1) > workplace.workers:
            message = f"resources.workers is {asked}, but {workplace.workers} is all that this job can use"
            self.on_event(events.Warned(message=message))
        with workplace.open(request.resolution.generator) as executor:
            plan = earlier or self._timed(
                "fit", _maker(request), lambda: self._plan(store, request, place, workplace)
            )
            executor.begin(workplace.setup(store, plan))
            tally = self._timed("mint", f"{plan.rows:,} rows", lambda: self._mint(store, plan, executor))
            self._audit(store, plan, place, executor)
            return plan, tally

    def _audits(self, store: ObjectStore, plan: Plan, place: Place) -> int:
        """How many shards are to be minted again: none when the run is signed already."""
        size = audit_size(plan, self.spec.audit.shards)
        return 0 if size and (place.head or find_version(store, plan)[1]) else size

    def _audit(self, store: ObjectStore, plan: Plan, place: Place, executor: Executor) -> None:
        if size := self._audits(store, plan, place):
            detail = f"{size} of {plan.shards} shards again"
            self.probes = self._timed(
                "audit", detail, lambda: audit(store, plan, executor, size, self.on_event)
            )

    def _evaluate(
        self,
        store: ObjectStore,
        request: Request,
        plan: Plan,
        *,
        place: Place,
        signer: Signer,
        workplace: Workplace,
    ) -> Report | None:
        """Judge all that was made; raises when a rule or a gate does not hold, and nothing is signed."""
        head = place.head or find_version(store, plan)[1]
        if head is not None:
            judge_again(store, self.spec, head.version)
            return None
        check_run(store, plan, place.base)
        if not self.spec.evaluation.metrics and not self.spec.gates:
            return None

        def told(section: str) -> None:
            self.on_event(events.PhaseStarted(phase="evaluate", detail=section))

        reporter = RunReporter(
            store=store, plan=plan, request=request, threads=workplace.settings.cpus, on_section=told
        )
        report = self._timed("evaluate", "counts of all shards", reporter.report)
        refuse_failed(store, plan, report, signer, place.base)
        return report

    def _attest(
        self,
        store: ObjectStore,
        plan: Plan,
        *,
        place: Place,
        signer: Signer,
        builder: str,
        report: Report | None,
    ) -> Head:
        check_not_given_up(store, plan)
        base = place.base
        if place.head is not None and place.done is not None:
            # Whoever signed it, what came after it is not taken back by another version of this one.
            if not place.is_newest or is_signed_by(store, place.head, signer.public_keys):
                return place.head
            base = base_of(store, place.done, [*signer.public_keys, *self._trusted()])
        return attest_run(
            store,
            plan,
            self.spec,
            signer,
            builder=builder,
            report=report,
            base=base,
            probes=self.probes,
            started=self.started,
            finished=datetime.now(UTC),
        )

    def _read(self, store: ObjectStore) -> Request:
        resolution = resolve(self.spec)
        source = None
        if self.spec.source is not None:
            check_apart(self.spec.source, store.uri)
            opened = open_pieces(self.spec.source, self.spec.name, self.frames)
            source, self.pieces = opened.source, opened.pieces
        request = make_request(self.spec, resolution, source)
        self.foreseen = check_foreseen(request)
        check_columns(self.spec, source)
        make_gates(self.spec)
        store.probe()
        return request

    def _admit(self, request: Request, earlier: Plan | None) -> Lineage | None:
        """Where the rows come from: as the plan has it that an earlier call froze, or as it is found now."""
        limits = self.spec.lineage
        if earlier is None:
            return admit(limits, self.pieces, request.origin, request.origin_model, self.on_event)
        if earlier.lineage is not None:
            admit_again(limits, earlier.lineage)
        return earlier.lineage

    def _plan(self, store: ObjectStore, request: Request, place: Place, workplace: Workplace) -> Plan:
        stored = fitted_model(store, request.fit_id)
        if stored is None and place.first_shard == 0 and find_model(store) is not None:
            raise other_run(store, "a model that another job fitted")
        stored = trust_installed(stored or self._fit(store, request, workplace))
        model = load_model(store, stored.ref)
        plan = make_plan(request, stored, model, store, place.first_shard)
        check_tables(place.base, stored_schema(plan))
        try:
            store.create(plan_path(place.first_shard), plan.to_bytes())
        except ObjectExistsError:
            # Another driver of the same job was faster: its plan is as good, and it is the one.
            there = read_plan(store, place.first_shard)
            if there is None or there.run_id != plan.run_id:
                raise other_run(store, "another job, which began in the meantime") from None
            return there
        return plan

    def _fit(self, store: ObjectStore, request: Request, workplace: Workplace) -> StoredModel:
        if request.origin is not None:
            return copy_model(request.origin, store, request.fit_id, request.origin_model)
        assert request.resolution.generator is not None
        training = Training(
            store=store,
            generator=request.resolution.generator,
            config=request.resolution.generator_config,
            source=request.training,
            seed=self.spec.seed,
            threads=workplace.settings.cpus,
            fit_id=request.fit_id,
            device=self.spec.resources.fit_device,
            checkpoint_seconds=self.spec.resources.checkpoint_seconds,
        )
        return workplace.fit(training, self.on_event)

    def _mint(self, store: ObjectStore, plan: Plan, executor: Executor) -> Tally:
        return mint_all(plan, store, executor, on_event=self.on_event, cancelled=self.cancelled)

    def _trusted(self) -> list[PublicKey]:
        """Who else may have signed what is appended to."""
        return [PublicKey.load(key) for key in self.spec.sink.trust]

    def _timed(self, phase: events.Phase, detail: str, work: Callable[[], T]) -> T:
        self.on_event(events.PhaseStarted(phase=phase, detail=detail))
        started = time.monotonic()
        with span(phase):
            result = work()
        self.seconds[phase] = time.monotonic() - started
        return result


def _maker(request: Request) -> str:
    generator = request.resolution.generator
    return generator.name if generator else "a model that was fitted before"
