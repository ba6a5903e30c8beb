"""The whole pipeline beside its two slowest parts: bare sampling, and bare Parquet writing.

One worker, in this process: `whole` is every accepted, validated, digested and committed row from the
plan to the commit records; `sampling` the same requests to the same model, the rows dropped; `writing`
the same rows through the same Parquet writer into a file. Taken in turns, on one thread each.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import pyarrow as pa
from environment import Setting, seconds_of

import mintage
from mintage.engine.bench import read_plan, read_sink
from mintage.engine.filling import Filling
from mintage.engine.models import load_model
from mintage.engine.worker import draw
from mintage.store import ObjectStore


def measure(setting: Setting) -> dict[str, object]:
    """Rows per second of the three, and the efficiency: whole / min(sampling, writing)."""
    import torch

    torch.set_num_threads(1)
    rows = 50_000 if setting.quick else 400_000
    rates: dict[str, list[float]] = {"sampling": [], "writing": [], "whole": []}
    for turn in range(setting.runs):
        sink = setting.folder / f"minting-{turn}"
        result = mintage.run(setting.spec(sink.name, rows, workers=1))
        rates["whole"].append(rows / result.summary["phases"]["mint"])
        sampled, seconds = _sample(sink)
        rates["sampling"].append(rows / seconds)
        rates["writing"].append(rows / _write(sink, sampled, setting.folder / "bare.parquet"))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    efficiency = [
        w / min(s, p) for w, s, p in zip(rates["whole"], rates["sampling"], rates["writing"], strict=True)
    ]
    return {
        "rows": rows,
        **{f"{name}_rows_per_second": round(rate) for name, rate in medians.items()},
        "efficiency": round(statistics.median(efficiency), 3),
    }


def _sample(sink: Path) -> tuple[list[pa.RecordBatch], float]:
    """The rows of all shards from the bare model, and the seconds that it took."""
    store = ObjectStore.open(str(sink))
    plan = read_plan(store)
    assert plan is not None
    model = load_model(store, plan.model)
    requests = [
        request
        for index in range(plan.shards)
        for _, request in Filling(shard=plan.shard(index), min_acceptance=plan.min_acceptance).planned()
    ]
    draw(model, requests[0])  # the first request pays for loading
    batches: list[pa.RecordBatch] = []
    seconds = seconds_of(
        lambda: batches.extend(draw(model, request)[plan.schema.root] for request in requests)
    )
    return batches, seconds


def _write(sink: Path, batches: list[pa.RecordBatch], path: Path) -> float:
    """The seconds of writing the rows in row groups as the worker does."""
    groups = pa.Table.from_batches(batches).combine_chunks().to_batches(max_chunksize=65_536)
    connector = read_sink(ObjectStore.open(str(sink)))

    def write() -> None:
        with path.open("wb") as stream:
            writer = connector.write(stream, groups[0].schema)
            for group in groups:
                writer.write(group)
            writer.close()

    return seconds_of(write)
