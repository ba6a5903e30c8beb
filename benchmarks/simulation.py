"""A thousand workers and a million shards through the real driver, in virtual time.

The coordinator, the driver's session and the ledger are the real ones; workers and store exist in
arithmetic only (`simulated_store.py`). Workers die, some for good seconds before anybody notices, some
shards take long, requests are slow now and then or refused. The processor seconds that the driver takes
are measured, and pass in virtual time too: a driver that cannot keep up leaves workers without work.
"""

from __future__ import annotations

import gc
import heapq
import random
import resource
import time
from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace

from environment import Setting
from simulated_store import KEYS_PER_PAGE, LATENCIES, Refused, SimulatedCommits, SimulatedS3

from mintage.contracts import DatasetSchema, TableSchema
from mintage.contracts.shard import Quota
from mintage.engine import events, layout
from mintage.engine.driver import committed_shards, mint_all
from mintage.engine.executors import Attempt, Outcome
from mintage.engine.probing import Probed
from mintage.engine.usage import Usage
from mintage.engine.worker import Receipt, WorkerSetup
from mintage.errors import MintageError, StoreUnavailableError
from mintage.plan import ModelRef, PartLayout, Plan
from mintage.plugins import PluginRef
from mintage.store import ObjectInfo, ObjectStore

SHARD_ROWS = 50_000
PART_BYTES = 4_000_000
SKETCH_BYTES = 20_000
COMMIT_BYTES = 3_000


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is assumed of the fleet; seconds throughout."""

    workers: int = 1000
    shards: int = 1_000_000
    shard_seconds: float = 30.0
    spread: float = 0.2
    """Of the logarithm of a shard's seconds."""
    straggler_share: float = 0.005
    straggler_factor: float = 5.0
    lifetime: float = 6 * 3600.0
    """Mean of a worker's life, as of spot machines."""
    noticed_after: float = 30.0
    replaced_after: float = 90.0
    """From the death of a worker to the start of the next one."""
    ray_seconds: float = 0.0006
    """Of the driver's processor for each attempt in Ray: assumed, see docs/scale.md."""
    in_flight: int = 2


@dataclass
class _Worker:
    number: int
    epoch: int = 0
    waiting: deque[Attempt] = field(default_factory=deque)
    current: Attempt | None = None
    since: float = 0.0
    alive: bool = True
    flow: Generator[float, float, bool] | None = None

    @property
    def load(self) -> int:
        return len(self.waiting) + (self.current is not None)


class SimulatedFleet:
    """An executor whose workers are events in a heap. Dispatches as the one on Ray does."""

    def __init__(self, scene: Scene, commits: SimulatedCommits) -> None:
        self.scene = scene
        self.workers = scene.workers
        self.capacity = scene.workers * (scene.in_flight + 1)
        self.commits = commits
        self.rng = random.Random(7)
        self.store = SimulatedS3(self.rng)
        self.now = 0.0
        self.busy = self.computing = 0.0
        self.deaths = self.lost = 0
        self.driver_seconds = 0.0
        self._heap: list[tuple[float, int, _Worker, int, str]] = []
        self._order = 0
        self._queue: deque[Attempt] = deque()
        self._fleet = [_Worker(number) for number in range(scene.workers)]
        self._levels: list[dict[int, _Worker]] = [{} for _ in range(scene.in_flight + 1)]
        self._outcomes: list[Outcome] = []
        for worker in self._fleet:
            self._levels[0][worker.number] = worker
            self._at(self.rng.expovariate(1 / scene.lifetime), worker, "die")
        self._mark = time.thread_time()

    def clock(self) -> float:
        """Virtual seconds."""
        return self.now

    def begin(self, setup: WorkerSetup) -> None:
        """Nothing: workers know all."""

    def reserved(self) -> Usage:
        """What a thousand workers hold."""
        return Usage(seconds=self.now * self.scene.workers, cpu_seconds=self.now * self.scene.workers)

    def probe(self, shards: Mapping[int, str]) -> list[Probed | MintageError]:
        """Nothing is minted again."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing runs."""

    def submit(self, attempt: Attempt) -> None:
        """Queue an attempt."""
        self._queue.append(attempt)
        self.driver_seconds += self.scene.ray_seconds
        self.now += self.scene.ray_seconds

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        """Let the driver's own seconds pass, then events until an attempt ends."""
        spent = time.thread_time() - self._mark
        self.driver_seconds += spent
        self.now += spent
        deadline = self.now + timeout_seconds
        self._dispatch()
        while self._heap and (self._heap[0][0] <= self.now or not self._outcomes):
            if self._heap[0][0] > deadline:
                self.now = max(self.now, deadline)
                break
            at, _, worker, epoch, what = heapq.heappop(self._heap)
            if what in ("die", "return", "noticed") or epoch == worker.epoch:
                self._handle(at, worker, what)
            self.now = max(self.now, at)
        outcomes, self._outcomes = self._outcomes, []
        self._dispatch()
        self._mark = time.thread_time()
        return outcomes

    def _handle(self, at: float, worker: _Worker, what: str) -> None:
        if what == "go on":
            self._advance(at, worker)
        elif what == "die":
            self._die(at, worker)
        elif what == "noticed":
            self._lose(worker)
        else:
            worker.alive = True
            self._levels[0][worker.number] = worker
            self._at(at + self.rng.expovariate(1 / self.scene.lifetime), worker, "die")

    def _die(self, at: float, worker: _Worker) -> None:
        self.deaths += 1
        worker.epoch += 1
        worker.alive = False
        if worker.current is not None:
            self.busy += at - worker.since
        del self._levels[worker.load][worker.number]
        self._at(at + self.scene.noticed_after, worker, "noticed")
        self._at(at + self.scene.replaced_after, worker, "return")

    def _lose(self, worker: _Worker) -> None:
        had = [*([worker.current] if worker.current else []), *worker.waiting]
        worker.current, worker.flow = None, None
        worker.waiting.clear()
        self.lost += len(had)
        self._outcomes += [Outcome(attempt=attempt, lost="it died") for attempt in had]

    def _dispatch(self) -> None:
        while self._queue:
            plenty = len(self._queue) > self.scene.workers
            level = next((one for one in self._levels[: self.scene.in_flight if plenty else 1] if one), None)
            if level is None:
                return
            worker = next(iter(level.values()))
            load = worker.load
            del self._levels[load][worker.number]
            worker.waiting.append(self._queue.popleft())
            self._levels[load + 1][worker.number] = worker
            if worker.current is None:
                self._start(self.now, worker)

    def _start(self, at: float, worker: _Worker) -> None:
        worker.current = worker.waiting.popleft()
        worker.since = at
        worker.flow = self._attempt(at, worker.current)
        self._at(at + next(worker.flow), worker, "go on")

    def _advance(self, at: float, worker: _Worker) -> None:
        assert worker.flow is not None
        try:
            self._at(at + worker.flow.send(at), worker, "go on")
            return
        except StopIteration as ended:
            adopted: bool = ended.value
            outcome = self._receipt(worker, adopted=adopted)
        except Refused:
            assert worker.current is not None
            outcome = Outcome(attempt=worker.current, error=StoreUnavailableError("the store is busy"))
        self._outcomes.append(outcome)
        self.busy += at - worker.since
        del self._levels[worker.load][worker.number]
        worker.current = None
        self._levels[worker.load][worker.number] = worker
        if worker.waiting:
            self._start(at, worker)

    def _attempt(self, now: float, attempt: Attempt) -> Generator[float, float, bool]:
        """The requests of one attempt, in the order of `engine/worker.py`; whether it adopted a commit."""
        yield from self.store.send("GET", now)
        if self.commits.committed[attempt.shard]:
            return True
        seconds = self._shard_seconds()
        now = yield seconds
        self.computing += seconds
        for body in (PART_BYTES, SKETCH_BYTES, COMMIT_BYTES):
            now = yield from self.store.send("PUT", now, body)
        adopted = bool(self.commits.committed[attempt.shard])
        self.commits.committed[attempt.shard] = 1
        return adopted

    def _shard_seconds(self) -> float:
        scene = self.scene
        factor = scene.straggler_factor if self.rng.random() < scene.straggler_share else 1.0
        return factor * scene.shard_seconds * self.rng.lognormvariate(-(scene.spread**2) / 2, scene.spread)

    def _receipt(self, worker: _Worker, *, adopted: bool) -> Outcome:
        assert worker.current is not None
        receipt = Receipt(
            shard=worker.current.shard,
            rows=SHARD_ROWS,
            bytes=PART_BYTES,
            rejected={"range:price": 17},
            adopted=adopted,
            usage=Usage(seconds=self.scene.shard_seconds, cpu_seconds=1.0, bytes=PART_BYTES),
        )
        return Outcome(attempt=worker.current, receipt=receipt)

    def _at(self, at: float, worker: _Worker, what: str) -> None:
        self._order += 1
        heapq.heappush(self._heap, (at, self._order, worker, worker.epoch, what))


def measure(setting: Setting) -> dict[str, object]:
    """The million shards, then fewer shards that take ever less time, then what a start costs."""
    whole = Scene(workers=100, shards=5_000) if setting.quick else Scene()
    lengths = (3.0,) if setting.quick else (10.0, 3.0, 1.0, 0.5)
    shards = 2_000 if setting.quick else 100_000
    return {
        "whole": simulate(whole),
        "by_shard_seconds": [
            simulate(replace(whole, shards=shards, shard_seconds=seconds)) for seconds in lengths
        ],
        "start": start_again(whole.shards),
    }


def simulate(scene: Scene) -> dict[str, object]:
    """Mint every shard of a plan, and say how busy everybody was."""
    plan = plan_of(scene.shards)
    commits = SimulatedCommits(scene.shards)
    before = _peak_bytes()
    fleet = SimulatedFleet(scene, commits)
    told = 0

    def count(event: events.Event) -> None:
        nonlocal told
        del event
        told += 1

    failure = ""
    started = time.perf_counter()
    try:
        tally = mint_all(plan, commits, fleet, on_event=count, clock=fleet.clock)
        assert tally.rows == plan.rows
        assert sum(commits.committed) == scene.shards
    except MintageError as exc:
        failure = exc.message
    span = fleet.now
    return {
        "workers": scene.workers,
        "shards": scene.shards,
        "shard_seconds": scene.shard_seconds,
        "ended": failure or "complete",
        "virtual_hours": round(span / 3600, 3),
        "busy_share": round(fleet.busy / (scene.workers * span), 4),
        "computing_share": round(fleet.computing / (scene.workers * span), 4),
        "deaths": fleet.deaths,
        "attempts_lost": fleet.lost,
        "driver_share_of_a_core": round(fleet.driver_seconds / span, 5),
        "driver_microseconds_per_shard": round(fleet.driver_seconds / sum(commits.committed) * 1e6, 1),
        "driver_and_simulator_bytes_per_shard": round((_peak_bytes() - before) / scene.shards, 1),
        "events_told": told,
        "requests_per_second": {k: round(n / span, 1) for k, n in fleet.store.requests.items()},
        "requests_in_the_busiest_second": dict(fleet.store.peaks),
        "requests_refused": dict(fleet.store.refused),
        "requests_given_up": fleet.store.given_up,
        "seconds_of_this_simulation": round(time.perf_counter() - started, 1),
    }


def start_again(shards: int) -> dict[str, object]:
    """What a driver does before its first shard when all but one are there: real work, and pages of S3."""
    plan, commits = plan_of(shards), SimulatedCommits(shards)
    commits.committed[:] = b"\x01" * (shards - 1) + b"\x00"
    listed = commits.list(layout.COMMITS)
    started = time.process_time()
    found = committed_shards(_Listed(listed), plan)
    read = time.process_time() - started
    assert len(found) == shards - 1
    pages = -(-shards // KEYS_PER_PAGE)
    fleet = SimulatedFleet(Scene(workers=1, shards=shards, shard_seconds=0.0, lifetime=1e12), commits)
    started = time.process_time()
    mint_all(plan, _Listed(listed), fleet, on_event=lambda _event: None, clock=fleet.clock)
    return {
        "commits": shards,
        "pages": pages,
        "seconds_of_s3_one_page_after_the_other": pages * LATENCIES["LIST"].median,
        "processor_seconds_to_read_the_names": round(read, 2),
        "processor_seconds_to_start_and_end_a_session": round(time.process_time() - started, 2),
    }


class _Listed(ObjectStore):
    """A store whose listing is at hand: how long ours took to make up is not measured."""

    def __init__(self, listed: list[ObjectInfo]) -> None:
        super().__init__("memory://listed", {})
        self._listed = listed

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """The same for every prefix."""
        del prefix
        return self._listed


def plan_of(shards: int) -> Plan:
    """A plan of so many shards of one table; nobody opens its model."""
    import pyarrow as pa

    plugin = PluginRef(
        group="mintage.generators", name="none", target="none:None", distribution="none", version="0"
    )
    schema = DatasetSchema(tables=(TableSchema.of("rows", pa.schema({"price": pa.float64()})),), root="rows")
    return Plan(
        run_id="run",
        name="rows",
        spec={},
        source=None,
        model=ModelRef(digest="sha256:" + "0" * 64, generator=plugin, determinism="content"),
        schema=schema,
        operators=(),
        layout=PartLayout(connector=plugin, options={}, suffix=".parquet"),
        seed=7,
        rows=shards * SHARD_ROWS,
        shard_rows=SHARD_ROWS,
        batch_rows=10_000,
        quotas=(Quota(rows=shards * SHARD_ROWS),),
        min_acceptance=0.01,
        binnings={},
        versions={},
    )


def _peak_bytes() -> int:
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
