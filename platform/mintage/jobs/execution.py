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

from mintage.engine import events
from mintage.engine.driver import committed_shards, mint_all
from mintage.engine.executors import Executor
from mintage.engine.ledger import Ledger
from mintage.engine.plans import check_not_given_up
from mintage.engine.tally import Tally
from mintage.evaluation.results import Report
from mintage.jobs.attestation import attest_run, check_run
from mintage.jobs.audit import audit, audit_size
from mintage.jobs.openlineage import open_teller
from mintage.jobs.place import Place, base_of, find_version
from mintage.jobs.planning import Request
from mintage.jobs.preparation import Preparation, maker_of, trusted_keys
from mintage.jobs.reporting import RunReporter, judge_again, refuse_failed
from mintage.jobs.result import Result
from mintage.jobs.signers import open_signer
from mintage.jobs.summary import summarize
from mintage.jobs.watching import watched
from mintage.jobs.workplace import Workplace
from mintage.plan import Plan
from mintage.provenance.facts import ProbeFacts, check_builder
from mintage.provenance.heads import is_signed_by
from mintage.provenance.signing import Signer
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
    with watched(accepted, on_event) as hear:
        teller = open_teller(accepted, hear)
        with teller.around():
            result = _Run(accepted, source, hear, cancelled).go()
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
    probes: tuple[ProbeFacts, ...] = ()
    """What was minted again before it is signed."""
    workers: int = 0
    """How many workers took part at once, at most."""
    ledger: Ledger = field(default_factory=lambda: Ledger(prices=None, apart=False))

    def go(self) -> Result:
        settings = Settings.read()
        self.ledger.prices = settings.prices
        builder = check_builder(settings.builder)
        store = ObjectStore.open(self.spec.sink.uri, options=self.spec.sink.storage)
        preparation = Preparation(self.spec, store, self.frames, self.on_event)
        request = self._timed("read", self.spec.name, preparation.read)
        self.on_event(events.RunStarted(run_id=request.run_id, dataset=store.uri))
        # The keys are opened before any work, so that a wrong one costs nothing; no worker sees them.
        signer = open_signer(self.spec.signing, settings)
        place = preparation.place(request, [*signer.public_keys, *trusted_keys(self.spec)])
        request = preparation.admitted(request, place.plan)
        workplace = Workplace.choose(self.spec, settings, store)
        self.ledger.apart = workplace.ray
        plan, tally = self._make(preparation, request, place, workplace)
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
            result,
            summary={
                **summary,
                "usage": self.ledger.to_json(tally),
                "workers": self.workers or workplace.workers,
                **signers[0],
                "signers": signers,
            },
        )

    def _make(
        self, preparation: Preparation, request: Request, place: Place, workplace: Workplace
    ) -> tuple[Plan, Tally]:
        """Fit and mint what is not in the store yet; then see whether some of it comes out again."""
        earlier, store = place.plan, preparation.store
        if earlier is not None and len(done := committed_shards(store, earlier)) == earlier.shards:
            tally = Tally(resumed=len(done), shards_done=len(done), rows=earlier.rows)
            if not self._audits(store, earlier, place):
                return earlier, tally
        elif (asked := self.spec.resources.workers or 1) > workplace.workers:
            message = f"resources.workers is {asked}, but {workplace.workers} is all that this job can use"
            self.on_event(events.Warned(message=message))
        with workplace.open(request.resolution.generator, self.on_event) as executor:
            plan = earlier or self._timed(
                "fit", maker_of(request), lambda: preparation.plan(request, place, workplace)
            )
            self.ledger.fit = preparation.fit_usage
            executor.begin(workplace.setup(store, plan))
            tally = self._timed("mint", f"{plan.rows:,} rows", lambda: self._mint(store, plan, executor))
            self._audit(store, plan, place, executor)
            tally.reserved = executor.reserved()
            self.workers = executor.workers
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
            base = base_of(store, place.done, [*signer.public_keys, *trusted_keys(self.spec)])
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

    def _mint(self, store: ObjectStore, plan: Plan, executor: Executor) -> Tally:
        return mint_all(
            plan, store, executor, on_event=self.on_event, cancelled=self.cancelled, ledger=self.ledger
        )

    def _timed(self, phase: events.Phase, detail: str, work: Callable[[], T]) -> T:
        self.on_event(events.PhaseStarted(phase=phase, detail=detail))
        started = time.monotonic()
        with span(phase):
            result = work()
        self.seconds[phase] = time.monotonic() - started
        return result
