"""`mintage.estimate`: what a job will take and cost, from a fit and a few small shards of it made here.

What is measured is the job itself: its source, its fit, its model, its rules, its format, written to a
temporary folder that is removed. What is made up is said in `Estimate.assumptions`.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mintage.engine import events
from mintage.engine.ledger import MILLION, Bill
from mintage.engine.models import copy_model, fitted_model
from mintage.engine.usage import NOTHING, Usage
from mintage.engine.worker import Receipt, ShardMinter
from mintage.errors import SpecError
from mintage.jobs.place import Place
from mintage.jobs.planning import Request
from mintage.jobs.preparation import Preparation
from mintage.jobs.workplace import Workplace
from mintage.plan import Plan, shard_count
from mintage.prices import Prices
from mintage.settings import Settings
from mintage.spec import JobSpec, read_spec
from mintage.store import ObjectStore

SAMPLES = 5
"""Shards that are measured; one before them pays for loading."""
MAX_SAMPLE_ROWS = 10_000_000
_FIGURES = ("seconds", "cpu_seconds", "gpu_seconds", "bytes")
_STUDENT_T = 2.776
"""Of a two-sided interval of 95 % from five values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A likely figure, and between what it lies with 95 % as far as the measured shards tell."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a job will take. Seconds are wall seconds, `bytes` those of parts, `cost` None without prices.

    `cpu_seconds` and `gpu_seconds` are those that are billed; `fit` is what was measured of the fit.
    `cost_per_million_rows` has everything in it, the fit too.
    """

    rows: int
    shards: int
    workers: int
    sampled_rows: int
    fit: Usage
    seconds: Range
    cpu_seconds: Range
    gpu_seconds: Range
    bytes: Range
    rows_per_second: float
    currency: str
    cost: Range | None
    cost_per_million_rows: Range | None
    assumptions: Sequence[str]

    def to_json(self) -> dict[str, object]:
        """The estimate as plain JSON values."""
        return asdict(self) | {"fit": self.fit.to_json(), "assumptions": list(self.assumptions)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What was made here: the fit, and for each shard but the first what a row of it takes."""

    fit: Usage
    loading: Usage
    shards: tuple[Receipt, ...]

    def per_row(self, name: str) -> Range:
        """A figure of a usage, for one row."""
        values = [float(getattr(one.usage, name)) / one.rows for one in self.shards]
        mean = statistics.fmean(values)
        error = _STUDENT_T * statistics.stdev(values) / math.sqrt(len(values))
        return Range(low=max(0.0, mean - error), likely=mean, high=mean + error)


def _silent(event: events.Event) -> None:
    del event


def estimate(
    spec: JobSpec | Mapping[str, object] | Path | str,
    *,
    source: object = None,
    workers: int | None = None,
    sample_rows: int = 60_000,
    on_event: events.OnEvent = _silent,
) -> Estimate:
    """What the job will take on `workers` workers (those of the spec by default), and what it will cost.

    Fits in this process, unless the sink has the model, and mints six shards of together `sample_rows`
    rows into a temporary folder. Raises what `run` raises before it mints, and `StarvationError`.
    """
    if not SAMPLES < sample_rows <= MAX_SAMPLE_ROWS:
        raise SpecError(
            f"sample_rows: {SAMPLES + 1} to {MAX_SAMPLE_ROWS} rows can be sampled, got {sample_rows}",
            "the default of 60,000 is right for most jobs",
        )
    accepted, settings = read_spec(spec, in_memory=source is not None), Settings.read()
    prices = settings.prices
    if workers is not None:
        accepted = accepted.model_copy(
            update={"resources": accepted.resources.model_copy(update={"workers": workers})}
        )
    workplace = Workplace.choose(accepted, settings, _sink(accepted))
    if workplace.asked is None:
        raise SpecError(
            "workers: the job leaves their number to the cluster, which is not asked here",
            "say for how many workers to estimate",
        )
    with tempfile.TemporaryDirectory(prefix="mintage-estimate-") as folder:
        measured = _measure(_small(accepted, folder, sample_rows), accepted, source, settings, on_event)
    return _extrapolate(accepted, workplace, measured, prices)


def _small(spec: JobSpec, folder: str, sample_rows: int) -> JobSpec:
    """The same job in a temporary folder, cut in shards of which six have the sampled rows."""
    shard_rows = min(spec.sink.shard_rows, sample_rows // (SAMPLES + 1), max(1, spec.rows // (SAMPLES + 1)))
    sink = spec.sink.model_copy(
        update={"uri": folder, "storage": {}, "mode": "create", "trust": (), "shard_rows": shard_rows}
    )
    return spec.model_copy(update={"sink": sink})


def _measure(
    small: JobSpec, spec: JobSpec, source: object, settings: Settings, on_event: events.OnEvent
) -> _Measured:
    store = ObjectStore.open(small.sink.uri)
    preparation = Preparation(small, store, source, on_event)
    request = preparation.read()
    request = preparation.admitted(request, None)
    _adopt_model(spec, request, store)
    here = Workplace(spec=small, settings=settings, workers=1, asked=1, ray=False)
    maker = request.resolution.generator
    on_event(events.PhaseStarted(phase="fit", detail=maker.name if maker else "a model that is there"))
    plan = preparation.plan(request, Place(), here)
    on_event(events.PhaseStarted(phase="mint", detail=f"{SAMPLES + 1} small shards"))
    return _mint(plan, here, store, preparation.fit_usage)


def _adopt_model(spec: JobSpec, request: Request, store: ObjectStore) -> None:
    """Take the model that the job's own sink has already: the run will not fit again."""
    sink = _sink(spec)
    if (stored := fitted_model(sink, request.fit_id)) is not None:
        copy_model(sink, store, request.fit_id, stored.ref.digest)


def _sink(spec: JobSpec) -> ObjectStore:
    return ObjectStore.open(spec.sink.uri, options=spec.sink.storage)


def _mint(plan: Plan, here: Workplace, store: ObjectStore, fit: Usage) -> _Measured:
    minter = ShardMinter(here.setup(store, plan))
    indices = [index % plan.shards for index in range(SAMPLES + 1)]
    if len(set(indices)) < len(indices):
        raise SpecError(f"rows: {plan.rows} are too few to estimate anything", "run the job")
    first, *others = (minter.mint(index, "estimate") for index in indices)
    return _Measured(fit=fit, loading=first.usage, shards=tuple(others))


def _extrapolate(spec: JobSpec, workplace: Workplace, measured: _Measured, prices: Prices | None) -> Estimate:
    ends = {name: _end(spec, workplace, measured, prices, name) for name in ("low", "likely", "high")}
    seconds = Range(**{name: taken for name, (taken, _) in ends.items()})
    bills = {name: bill for name, (_, bill) in ends.items()}
    cost = _range({name: bill.money.amount for name, bill in bills.items() if bill.money})
    return Estimate(
        rows=spec.rows,
        shards=shard_count(spec.rows, spec.sink.shard_rows),
        workers=workplace.workers,
        sampled_rows=sum(one.rows for one in measured.shards),
        fit=measured.fit,
        seconds=seconds,
        cpu_seconds=Range(**{name: bill.cpu_seconds for name, bill in bills.items()}),
        gpu_seconds=Range(**{name: bill.gpu_seconds for name, bill in bills.items()}),
        bytes=Range(**{name: float(bill.used.bytes) for name, bill in bills.items()}),
        rows_per_second=spec.rows / seconds.likely,
        currency=prices.currency if prices else "",
        cost=cost,
        cost_per_million_rows=cost and _scaled(cost, MILLION / spec.rows),
        assumptions=_assumptions(workplace, measured),
    )


def _end(
    spec: JobSpec, workplace: Workplace, measured: _Measured, prices: Prices | None, name: str
) -> tuple[float, Bill]:
    """Wall seconds and the bill, at one end of the range of what a row takes."""
    per_row = {one: getattr(measured.per_row(one), name) for one in _FIGURES}
    workers, resources = workplace.workers, spec.resources
    shards = shard_count(spec.rows, spec.sink.shard_rows)
    # The worker with the most shards is the last one to end.
    rows_of_one = math.ceil(shards / workers) * spec.rows / shards
    seconds = measured.fit.seconds + measured.loading.seconds + rows_of_one * per_row["seconds"]
    used = measured.fit + Usage(
        seconds=spec.rows * per_row["seconds"],
        cpu_seconds=spec.rows * per_row["cpu_seconds"] + workers * measured.loading.cpu_seconds,
        gpu_seconds=spec.rows * per_row["gpu_seconds"] + workers * measured.loading.gpu_seconds,
        bytes=round(spec.rows * per_row["bytes"]),
    )
    if not workplace.ray:
        return seconds, Bill.of(used, NOTHING, prices)
    held = workers * seconds
    reserved = Usage(
        seconds=held,
        cpu_seconds=held * resources.cpus_per_worker,
        gpu_seconds=held * resources.gpus_per_worker + measured.fit.gpu_seconds,
    )
    return seconds, Bill.of(used, reserved, prices)


def _range(values: Mapping[str, float]) -> Range | None:
    return Range(**values) if values else None


def _scaled(one: Range, factor: float) -> Range:
    return Range(low=one.low * factor, likely=one.likely * factor, high=one.high * factor)


def _assumptions(workplace: Workplace, measured: _Measured) -> list[str]:
    """What was not measured, in sentences."""
    rows = measured.shards[0].rows
    said = [
        "workers are as fast as this machine was just now, however many there are",
        f"a row of a whole shard takes what a row of a shard of {rows:,} took: rather too much than too "
        "little, since larger shards share what each shard costs among more rows",
        "nothing is lost or tried again, and no worker waits for a machine",
        "auditing, measuring and signing are not in it",
        "the store is as fast as the local disk",
    ]
    if measured.fit == NOTHING:
        said.append("the model is there already: no fit is in it")
    if workplace.ray:
        said.append("the cluster bills what workers reserve, from the fit to the last shard")
    else:
        said.append("this process reserves nothing: what it uses is billed")
    return said
