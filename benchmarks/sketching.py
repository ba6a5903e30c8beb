"""What it costs to count rows while they are minted: the same shards with and without sketches, in turn.

Two data sets are planned from one fitted model: one knows the real table, so its rows are counted, the
other does not. Shard i of both holds the same rows. `share` is the time that counting adds, as a part of
minting without it, and `processor_share` the same of processor time, which a busy machine does not
stretch; `sketch_share_of_part` is the size of a sidecar beside its part. Counting needs the same memory for
any number of rows: `peak_mib` is what Python and numpy hold at most while n and 10 n are counted.
"""

from __future__ import annotations

import shutil
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from environment import Setting, seconds_of

import mintage
from mintage.contracts import SampleRequest
from mintage.engine.accepting import draw
from mintage.engine.bench import Bench, read_plan
from mintage.engine.commits import find_commit
from mintage.engine.worker import ShardMinter, WorkerSetup
from mintage.evaluation.sketch import TableSketch
from mintage.plan import Plan
from mintage.store import ObjectStore

SHARD_ROWS = 50_000


def measure(setting: Setting) -> dict[str, object]:
    """Seconds per shard both ways, the added share, sizes, and memory at two numbers of rows."""
    import torch

    torch.set_num_threads(1)
    shards = 4 if setting.quick else 4 * setting.runs
    planned = {counted: _planned(setting, shards, counted=counted) for counted in (False, True)}
    minters = {
        counted: ShardMinter(WorkerSetup(store=store, plan_digest=plan.digest))
        for counted, (store, plan) in planned.items()
    }
    for minter in minters.values():
        minter.mint(0, "first")  # the first shard pays for loading
    seconds: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for index in range(1, shards + 1):
        for counted in (False, True) if index % 2 else (True, False):
            seconds[counted].append(_seconds_of(lambda c=counted, i=index: minters[c].mint(i, "only")))
    wall, processor = ([[t[kind] for t in seconds[c]] for c in (False, True)] for kind in (0, 1))
    store, plan = planned[True]
    return {
        "shards": shards,
        "rows_per_shard": SHARD_ROWS,
        "columns": len(plan.schema.root_table.columns),
        "seconds_per_shard_without": round(statistics.median(wall[0]), 3),
        "seconds_per_shard_with": round(statistics.median(wall[1]), 3),
        "share": _share(*wall),
        "processor_share": _share(*processor),
        **_counting_alone(setting, store, plan),
        "sketch_share_of_part": round(_sizes(store, plan), 3),
    }


def _seconds_of(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that `work` takes, and those that processors spent on it, in all threads."""
    started = time.process_time()
    return seconds_of(work), time.process_time() - started


def _share(without: list[float], counted: list[float]) -> float:
    return round(statistics.median(b / a for a, b in zip(without, counted, strict=True)) - 1, 3)


def _planned(setting: Setting, shards: int, *, counted: bool) -> tuple[ObjectStore, Plan]:
    """A data set with a plan and a model, and no shard minted yet."""
    name = f"sketching-{counted}"
    spec: dict[str, Any] = setting.spec(name, (shards + 1) * SHARD_ROWS, workers=1, shard_rows=SHARD_ROWS)
    if counted:
        spec["source"] = {"uri": str(setting.flights)}
        spec["evaluation"] = {"metrics": ["fidelity"]}
    sink = setting.folder / name
    shutil.rmtree(sink, ignore_errors=True)
    try:
        mintage.run(spec, cancelled=lambda: True)
    except mintage.MintageError as exc:
        if "stopped after 0" not in str(exc):
            raise
    store = ObjectStore.open(str(sink))
    plan = read_plan(store)
    assert plan is not None
    assert bool(plan.binnings) is counted
    return store, plan


def _counting_alone(setting: Setting, store: ObjectStore, plan: Plan) -> dict[str, object]:
    """Microseconds that a row takes to be counted, and the memory for n and 10 n rows."""
    bench = Bench.load(store, plan.digest)
    request = SampleRequest(seed=1, shard=0, batch=0, rows=plan.batch_rows, first_key=0)
    batch = draw(bench.model, request)[plan.schema.root]
    rows = 100_000 if setting.quick else 500_000
    binning = bench.binnings[plan.schema.root]

    def count(rows: int) -> None:
        sketch = TableSketch(binning)
        for _ in range(rows // batch.num_rows):
            sketch.add(batch)
        sketch.to_bytes()

    seconds = statistics.median(seconds_of(lambda: count(rows)) for _ in range(setting.runs))
    return {
        "microseconds_per_row_alone": round(seconds / rows * 1e6, 2),
        **{f"peak_mib_at_{n}_rows": round(_peak(lambda n=n: count(n)), 1) for n in (rows, 10 * rows)},
    }


def _peak(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def _sizes(store: ObjectStore, plan: Plan) -> float:
    """Bytes of a sidecar for each byte of its part."""
    commit = find_commit(store, plan, 0)
    assert commit is not None
    return commit.sketches[plan.schema.root].bytes / commit.record.tables[plan.schema.root].bytes
