"""`mintage.preview`: a few accepted rows, before anything is written anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import pyarrow as pa

from mintage.contracts import FitContext, FitProgress, Model, Shard
from mintage.engine import events
from mintage.engine.accepting import draw
from mintage.engine.bench import bind_rule
from mintage.engine.devices import choose_device
from mintage.engine.filling import Filling
from mintage.engine.models import find_model, fitted_model, load_model, trust_installed
from mintage.engine.training import Training, fit_model
from mintage.errors import SpecError
from mintage.jobs.admission import admit
from mintage.jobs.planning import Request, check_foreseen, check_quotas, make_quotas, make_request, plan_rules
from mintage.jobs.resolution import resolve
from mintage.jobs.sources import open_pieces
from mintage.operators.validation import BatchValidator, BoundRule, tagged_schema
from mintage.plan import make_shard
from mintage.provenance.digests import digest_of
from mintage.settings import Settings
from mintage.spec import JobSpec, read_spec
from mintage.store import ObjectStore

MAX_PREVIEW_ROWS = 100_000


def _silent(event: events.Event) -> None:
    del event


def preview(
    spec: JobSpec | Mapping[str, object] | Path | str,
    *,
    source: object = None,
    rows: int = 20,
    on_event: events.OnEvent = _silent,
) -> dict[str, pa.Table]:
    """`rows` accepted rows of the root table, and those that belong to them, by table name.

    The model is fitted in this process, unless the sink has this job's model already. Nothing is
    written. Raises what `run` raises; `StarvationError` when the rules leave nothing over.
    """
    if not 0 < rows <= MAX_PREVIEW_ROWS:
        raise SpecError(
            f"rows: a preview shows 1 to {MAX_PREVIEW_ROWS} rows, got {rows}", "for more, run the job"
        )
    accepted = read_spec(spec, in_memory=source is not None)
    resolution = resolve(accepted)
    opened = open_pieces(accepted.source, accepted.name, source) if accepted.source is not None else None
    request = make_request(accepted, resolution, opened.source if opened else None)
    check_foreseen(request)
    admit(accepted.lineage, opened.pieces if opened else (), request.origin, request.origin_model, on_event)
    model = _model(request, on_event)
    quotas = make_quotas(accepted)
    check_quotas(model, quotas)
    shard = make_shard(
        0,
        quotas=quotas,
        shards=max(1, accepted.rows // rows),
        seed=accepted.seed,
        batch_rows=model.batch_rows,
    )
    return _fill(model, shard, _rules(request, model), accepted.min_acceptance)


def _model(request: Request, on_event: events.OnEvent) -> Model:
    """The model that the run would use: in the sink, in the data set that the spec names, or fitted now."""
    spec = request.spec
    store = ObjectStore.open(spec.sink.uri, options=spec.sink.storage)
    stored = fitted_model(store, request.fit_id)
    if stored is not None:
        return load_model(store, trust_installed(stored).ref)
    if request.origin is not None:
        fitted = find_model(request.origin, request.origin_model)
        if fitted is not None:
            return load_model(request.origin, trust_installed(fitted).ref)
    assert request.resolution.generator is not None

    def report(progress: FitProgress) -> None:
        on_event(events.FitProgressed(step=progress.step, steps=progress.steps, note=progress.note))

    threads = Settings.read().cpus
    training = Training(
        store=store,
        generator=request.resolution.generator,
        config=request.resolution.generator_config,
        source=request.training,
        seed=spec.seed,
        threads=threads,
        fit_id=request.fit_id,
        device=spec.resources.fit_device,
    )
    on_event(events.PhaseStarted(phase="fit", detail=request.resolution.generator.name))
    return fit_model(
        training,
        FitContext(seed=spec.seed, threads=threads, report=report, device=choose_device(training.device)),
    )


def _rules(request: Request, model: Model) -> tuple[BoundRule, ...]:
    """The rules with what they prepare, which is kept in memory here."""
    prepared: dict[str, bytes] = {}

    def keep(data: bytes) -> str | None:
        digest = digest_of(data) if data else None
        if digest:
            prepared[digest] = data
        return digest

    rules = plan_rules(request, model.schema, keep)
    return tuple(bind_rule(rule, prepared.get(rule.prepared or "", b"")) for rule in rules)


def _fill(
    model: Model, shard: Shard, rules: tuple[BoundRule, ...], min_acceptance: float
) -> dict[str, pa.Table]:
    validator = BatchValidator(model.schema, rules)
    stored = tagged_schema(model.schema, rules)
    filling = Filling(shard=shard, min_acceptance=min_acceptance)
    kept: dict[str, list[pa.RecordBatch]] = {table.name: [] for table in stored.tables}
    rejected: Counter[str] = Counter()
    for position, request in chain(filling.planned(), filling.top_up()):
        judged = validator.validate(draw(model, request), limit=filling.missing(position))
        for table, verdict in judged.items():
            kept[table].append(verdict.accepted)
        root = judged[model.schema.root].counts
        rejected.update(root.rejected)
        filling.count(position, drawn=root.drawn, accepted=root.accepted, rejected=rejected)
    return {table.name: pa.Table.from_batches(kept[table.name], table.arrow()) for table in stored.tables}
