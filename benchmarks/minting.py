"""The whole pipeline beside its two slowest parts: bare sampling, and bare Parquet writing.

One worker, in this process, shard by shard: `whole` is a shard from its seed to its commit record
(sampled, validated, digested, encoded, committed); `sampling` the same requests to the same model, the
rows dropped; `writing` the same rows through the same Parquet writer into a file. The three are measured
in turn for each shard, a second apart at most, because a shared machine changes its pace by the minute.
"""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path

import pyarrow as pa
from environment import Setting, seconds_of

import mintage
from mintage.engine.accepting import draw
from mintage.engine.bench import Bench, read_plan
from mintage.engine.filling import Filling
from mintage.engine.worker import ShardMinter, WorkerSetup
from mintage.plan import Plan
from mintage.store import ObjectStore

SHARD_ROWS = 50_000


def measure(setting: Setting) -> dict[str, object]:
    """Rows per second of the three, and the efficiency: whole / min(sampling, writing) of a shard."""
    import torch

    torch.set_num_threads(1)
    shards = 4 if setting.quick else 4 * setting.runs
    store, plan = _planned(setting, shards)
    bench = Bench.load(store, plan.digest)
    minter = ShardMinter(WorkerSetup(store=store, plan_digest=plan.digest))
    minter.mint(0, "first")  # the first shard pays for loading
    rates: dict[str, list[float]] = {"whole": [], "sampling": [], "writing": []}
    for index in range(1, shards + 1):
        for name, seconds in _shard_seconds(bench, minter, index, setting.folder / "bare").items():
            rates[name].append(plan.shard(index).rows / seconds)
    ratios = [w / min(s, p) for w, s, p in zip(*rates.values(), strict=True)]
    return {
        "shards": shards,
        "rows_per_shard": SHARD_ROWS,
        **{f"{name}_rows_per_second": round(statistics.median(values)) for name, values in rates.items()},
        "efficiency": round(statistics.median(ratios), 3),
    }


def _shard_seconds(bench: Bench, minter: ShardMinter, index: int, path: Path) -> dict[str, float]:
    """The seconds of a shard as a whole, of sampling it alone, and of writing it alone."""
    batches: list[pa.RecordBatch] = []
    return {
        "whole": seconds_of(lambda: minter.mint(index, "only")),
        "sampling": seconds_of(lambda: batches.extend(_sample(bench, index))),
        "writing": seconds_of(lambda: _write(bench, batches, path)),
    }


def _planned(setting: Setting, shards: int) -> tuple[ObjectStore, Plan]:
    """A data set with a plan and a model, and no shard minted yet."""
    spec = setting.spec("minting", (shards + 1) * SHARD_ROWS, workers=1, shard_rows=SHARD_ROWS)
    sink = setting.folder / "minting"
    shutil.rmtree(sink, ignore_errors=True)
    try:
        mintage.run(spec, cancelled=lambda: True)
    except mintage.MintageError as exc:
        if "stopped after 0" not in str(exc):
            raise
    store = ObjectStore.open(str(sink))
    plan = read_plan(store)
    assert plan is not None
    return store, plan


def _sample(bench: Bench, index: int) -> list[pa.RecordBatch]:
    """The rows of a shard from the bare model."""
    plan = bench.plan
    filling = Filling(shard=plan.shard(index), min_acceptance=plan.min_acceptance)
    return [draw(bench.model, request)[plan.schema.root] for _, request in filling.planned()]


def _write(bench: Bench, batches: list[pa.RecordBatch], path: Path) -> None:
    """Write the rows in row groups, as the worker does."""
    with path.open("wb") as stream:
        writer = bench.sink.write(stream, batches[0].schema)
        writer.write(pa.concat_batches(batches))
        writer.close()
