"""What comes before the first row: read the job, find its place, fit its model, freeze its plan.

A run and a stream of one spec do this in the same way, so both have the same run id, model and plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mintage.contracts import DatasetSchema
from mintage.engine import events
from mintage.engine.bench import read_plan, stored_schema
from mintage.engine.layout import plan_path
from mintage.engine.models import (
    StoredModel,
    copy_model,
    find_model,
    fitted_model,
    load_model,
    trust_installed,
)
from mintage.engine.training import Training
from mintage.engine.usage import NOTHING, Usage
from mintage.errors import ObjectExistsError
from mintage.jobs.admission import admit, admit_again
from mintage.jobs.place import Place, check_tables, find_place, other_run
from mintage.jobs.planning import Request, check_foreseen, make_plan, make_request
from mintage.jobs.reporting import check_columns, make_gates
from mintage.jobs.resolution import resolve
from mintage.jobs.sources import Piece, check_apart, open_pieces
from mintage.jobs.workplace import Workplace
from mintage.plan import Plan
from mintage.provenance.lineage import Lineage
from mintage.provenance.signing import PublicKey
from mintage.spec import JobSpec
from mintage.store import ObjectStore


@dataclass(slots=True)
class Preparation:
    """The way of one job to its plan, step by step; nothing is done twice when it was done before.

    `frames` are tables in memory that stand in for the spec's source, or None.
    """

    spec: JobSpec
    store: ObjectStore
    frames: object
    on_event: events.OnEvent
    fit_usage: Usage = field(default=NOTHING, init=False)
    """What the fit took, when there was one."""
    _foreseen: DatasetSchema | None = field(default=None, init=False)
    _pieces: tuple[Piece, ...] = field(default=(), init=False)
    """What is learned from."""

    def read(self) -> Request:
        """Find the spec sound, its source readable and its store able; name the run."""
        resolution = resolve(self.spec)
        source = None
        if self.spec.source is not None:
            check_apart(self.spec.source, self.store.uri)
            opened = open_pieces(self.spec.source, self.spec.name, self.frames)
            source, self._pieces = opened.source, opened.pieces
        request = make_request(self.spec, resolution, source)
        self._foreseen = check_foreseen(request)
        check_columns(self.spec, source)
        make_gates(self.spec)
        self.store.probe()
        return request

    def place(self, request: Request, keys: list[PublicKey]) -> Place:
        """Where the shards of this job go, which is decided before anything is fitted."""
        place = find_place(self.store, request, keys, self._foreseen)
        if place.head is not None and (mode := self.spec.sink.mode) != "create":
            message = (
                f"this job is version {place.head.version} of {self.store.uri} already: there is nothing to "
                f"{mode}. To draw other rows, give it another seed"
            )
            self.on_event(events.Warned(message=message))
        return place

    def admitted(self, request: Request, earlier: Plan | None) -> Request:
        """The request with where its rows come from. Raises when the spec's limits do not allow that."""
        return replace(request, lineage=self._lineage(request, earlier))

    def plan(self, request: Request, place: Place, workplace: Workplace) -> Plan:
        """Fit the model, unless the store has it, and freeze the plan; or take another driver's."""
        store = self.store
        stored = fitted_model(store, request.fit_id)
        if stored is None and place.first_shard == 0 and find_model(store) is not None:
            raise other_run(store, "a model that another job fitted")
        stored = trust_installed(stored or self._fit(request, workplace))
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

    def _lineage(self, request: Request, earlier: Plan | None) -> Lineage | None:
        """As the plan has it that an earlier call froze, or as it is found now."""
        limits = self.spec.lineage
        if earlier is None:
            return admit(limits, self._pieces, request.origin, request.origin_model, self.on_event)
        if earlier.lineage is not None:
            admit_again(limits, earlier.lineage)
        return earlier.lineage

    def _fit(self, request: Request, workplace: Workplace) -> StoredModel:
        if request.origin is not None:
            return copy_model(request.origin, self.store, request.fit_id, request.origin_model)
        assert request.resolution.generator is not None
        training = Training(
            store=self.store,
            generator=request.resolution.generator,
            config=request.resolution.generator_config,
            source=request.training,
            seed=self.spec.seed,
            threads=workplace.settings.cpus,
            fit_id=request.fit_id,
            device=self.spec.resources.fit_device,
            checkpoint_seconds=self.spec.resources.checkpoint_seconds,
        )
        fitted = workplace.fit(training, self.on_event)
        self.fit_usage = fitted.usage
        return fitted.model


def maker_of(request: Request) -> str:
    """Who makes the rows, in words."""
    generator = request.resolution.generator
    return generator.name if generator else "a model that was fitted before"


def trusted_keys(spec: JobSpec) -> list[PublicKey]:
    """Who else, besides those who sign, may have signed what is appended to."""
    return [PublicKey.load(key) for key in spec.sink.trust]
