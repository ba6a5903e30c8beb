"""`mintage.stream`: the rows of a job, straight into a training loop.

    stream = mintage.stream("flights.yaml", rank=0, world=2, tee=True)
    for batch in stream.as_tensors():
        step(batch)
    mintage.run("flights.yaml")          (everything is committed by now: only attests)

The model is fitted, or adopted, and the plan frozen as by `mintage.run`; rank 0 does that, the others
wait for it. What a batch holds depends on the plan alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from mintage.contracts import DatasetSchema
from mintage.engine import events
from mintage.engine.bench import read_plan, stored_schema
from mintage.engine.plans import check_not_given_up
from mintage.engine.ray_cluster import ray_cluster
from mintage.engine.stream.dataset import Stream, StreamOptions
from mintage.engine.stream.origin import PlanOrigin, RayPlace, VersionOrigin
from mintage.engine.stream.rows import PlanRows, VersionRows
from mintage.errors import ClusterError, SpecError
from mintage.jobs.place import Place
from mintage.jobs.planning import Request
from mintage.jobs.preparation import Preparation, maker_of, trusted_keys
from mintage.jobs.signers import open_signer
from mintage.jobs.workplace import Workplace
from mintage.plan import Plan
from mintage.provenance.manifest import Manifest
from mintage.provenance.signing import PublicKey
from mintage.settings import Settings
from mintage.spec import JobSpec, ResourcesSpec, read_spec
from mintage.store import ObjectStore
from mintage.telemetry import span

_DEFAULT_WORKERS = 2
"""Actors of a stream on Ray where the spec names no number."""
_POLL_SECONDS = 0.5
Job = JobSpec | Mapping[str, object] | Path | str


def _silent(event: events.Event) -> None:
    del event


def stream(
    spec: Job,
    *,
    source: object = None,
    rank: int = 0,
    world: int = 1,
    batch_rows: int = 1024,
    table: str | None = None,
    columns: Sequence[str] | None = None,
    tee: bool = False,
    epochs: int | None = 1,
    fresh: bool = True,
    ahead_rows: int = 65_536,
    wait_seconds: float = 3600.0,
    on_event: events.OnEvent = _silent,
) -> Stream[pa.RecordBatch]:
    """The accepted rows of the data set that `spec` asks for, without waiting for it, in batches.

    Args:
        spec: A `JobSpec`, a mapping, a path, or the text of a spec.
        source: Tables in memory in place of the spec's source, as for `run`.
        rank: Which of those this is that train together: it draws shards `rank`, `rank + world`, ….
        world: How many they are.
        batch_rows: Rows of a batch; the last one of each shard may have fewer.
        table: The table whose rows are wanted; the root table when none is named.
        columns: The columns that are wanted, in that order; all when None.
        tee: Whether shards are committed to the sink while they are drawn.
        epochs: How many times an iteration goes through the plan; None for no end.
        fresh: Whether epochs after the first draw rows of a seed of their own, or the same again.
        ahead_rows: How many rows may wait to be used.
        wait_seconds: How long other ranks wait for rank 0 to freeze the plan.
        on_event: Hears of phases, of the fit, and of warnings.

    Raises `SpecError` for what cannot work, before anything is fitted, and whatever `run` raises up to
    its plan. `ClusterError` when rank 0 does not freeze the plan in time.
    """
    accepted = read_spec(spec, in_memory=source is not None)
    options = StreamOptions(
        rank=rank,
        world=world,
        batch_rows=batch_rows,
        columns=None if columns is None else tuple(columns),
        epochs=epochs,
        ahead_rows=ahead_rows,
    )
    store = ObjectStore.open(accepted.sink.uri, options=accepted.sink.storage)
    _check_tee(store, options, tee=tee, fresh=fresh)
    settings = Settings.read()
    workplace = _workplace(accepted, settings, store)
    with span("stream", {"mintage.job": accepted.name, **accepted.telemetry.attributes}):
        plan = _plan(Preparation(accepted, store, source, on_event), workplace, rank, wait_seconds)
    tables = stored_schema(plan)
    rows = PlanRows(
        setup=workplace.setup(store, plan),
        table=tables.table(table or tables.root).name,
        tee=tee,
        fresh=fresh,
    )
    return Stream[pa.RecordBatch](_origin(plan, tables, rows, workplace), options)


def _origin(plan: Plan, tables: DatasetSchema, rows: PlanRows, workplace: Workplace) -> PlanOrigin:
    """Where the rows come from, and who makes them."""
    resources = workplace.spec.resources
    return PlanOrigin(
        plan=plan,
        schema=tables.table(rows.table).arrow(),
        rows=rows,
        ray=_ray_place(workplace) if _asks_for_ray(resources) else None,
        inline=resources.executor == "inline",
    )


def stream_version(manifest: Manifest, table: str, options: StreamOptions) -> Stream[pa.RecordBatch]:
    """The rows that a version of a data set has in a table."""
    totals = zip((record.index for record in manifest.records()), manifest.parts(table), strict=True)
    origin = VersionOrigin(
        root=manifest.head.root,
        schema=manifest.statement.schema.table(table).arrow(),
        rows=VersionRows(store=manifest.store, version=manifest.head.version, table=table),
        totals={shard: part.rows for shard, part in totals},
    )
    return Stream[pa.RecordBatch](origin, options)


def _check_tee(store: ObjectStore, options: StreamOptions, *, tee: bool, fresh: bool) -> None:
    if tee and fresh and options.epochs != 1:
        raise SpecError(
            f"tee: a data set has the rows of one epoch, and epochs is {options.epochs}, all of them fresh",
            "use epochs=1, or fresh=False for the same rows again",
        )
    if store.scheme == "memory" and options.world > 1:
        raise SpecError(
            f"sink.uri: memory:// is seen by one process alone, and world is {options.world}",
            "write to a folder that all ranks see, or to s3://",
        )


def _workplace(spec: JobSpec, settings: Settings, store: ObjectStore) -> Workplace:
    """This process, unless Ray is asked for in so many words: whoever trains is on the machine already."""
    chosen = Workplace.choose(spec, settings, store)
    return replace(chosen, ray=_asks_for_ray(spec.resources) or spec.resources.fit_workers > 1)


def _asks_for_ray(resources: ResourcesSpec) -> bool:
    return resources.executor == "ray" or resources.address is not None or bool(resources.places)


def _ray_place(workplace: Workplace) -> RayPlace:
    resources = workplace.spec.resources
    return RayPlace(
        address=resources.address,
        placement=workplace.placement(),
        workers=resources.workers or _DEFAULT_WORKERS,
    )


def _plan(preparation: Preparation, workplace: Workplace, rank: int, wait_seconds: float) -> Plan:
    """The plan of the job: that of an earlier call, or that which rank 0 freezes now."""
    spec, store = preparation.spec, preparation.store
    preparation.on_event(events.PhaseStarted(phase="read", detail=spec.name))
    request = preparation.read()
    preparation.on_event(events.RunStarted(run_id=request.run_id, dataset=store.uri))
    place = preparation.place(request, _keys(spec, workplace.settings))
    request = preparation.admitted(request, place.plan)
    if place.plan is not None:
        check_not_given_up(store, place.plan)
        return place.plan
    detail = "by rank 0, which is waited for" if rank else maker_of(request)
    preparation.on_event(events.PhaseStarted(phase="fit", detail=detail))
    if rank:
        return _await_plan(store, request, place, wait_seconds)
    if not workplace.ray:
        return preparation.plan(request, place, workplace)
    with ray_cluster(spec.resources.address, workplace.settings):
        return preparation.plan(request, place, workplace)


def _keys(spec: JobSpec, settings: Settings) -> list[PublicKey]:
    """Who may have signed the version that is appended to; nothing else of a stream needs a key."""
    if spec.sink.mode != "append":
        return []
    return [*open_signer(spec.signing, settings).public_keys, *trusted_keys(spec)]


def _await_plan(store: ObjectStore, request: Request, place: Place, wait_seconds: float) -> Plan:
    deadline = time.monotonic() + wait_seconds
    while True:
        plan = read_plan(store, place.first_shard)
        if plan is not None and plan.run_id == request.run_id:
            return plan
        if time.monotonic() >= deadline:
            raise ClusterError(
                f"rank 0 did not freeze the plan of {request.run_id[:16]}… in {store.uri} within "
                f"{wait_seconds:g} s",
                "see whether rank 0 runs, with the same spec and a sink that all see, or raise wait_seconds",
            )
        time.sleep(_POLL_SECONDS)
