"""Streams whose rows are made by actors on Ray, killed or not, and streams as Ray Datasets."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import polars as pl
import psutil
import pyarrow as pa
import pytest
from torch.utils.data import DataLoader

import mintage
from mintage.engine.stream.keys import BatchKey
from mintage.errors import ClusterError, MintageError

Job = Callable[..., dict[str, Any]]
Items = list[tuple[BatchKey, pa.RecordBatch]]

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]


def in_order(items: Items) -> pl.DataFrame:
    """The rows in the order of the data set; no key comes twice."""
    assert len({key for key, _ in items}) == len(items)
    batches = [batch for _, batch in sorted(items, key=lambda item: item[0])]
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)
    return frame


def stream(
    spec: dict[str, Any], *, tee: bool = False, ahead_rows: int = 65_536
) -> mintage.Stream[tuple[BatchKey, pa.RecordBatch]]:
    return mintage.stream(spec, batch_rows=256, tee=tee, ahead_rows=ahead_rows).keyed()


def actors() -> Iterator[psutil.Process]:
    """The processes of this machine that run an actor of a stream."""
    for child in psutil.Process().children(recursive=True):
        # One that has ended may stand in the list for a while, without a command line.
        with contextlib.suppress(psutil.NoSuchProcess):
            if "_StreamWorker" in " ".join(child.cmdline()):
                yield child


def on_ray(job: Job, sink: str, *, workers: int = 2, **replaced: object) -> dict[str, Any]:
    """A job whose rows are made by actors; its plan is frozen here, which saves another actor."""
    mintage.stream(job(sink, **replaced))
    return job(sink, resources={"executor": "ray", "workers": workers}, **replaced)


def test_actors_on_ray_that_are_killed_lose_and_repeat_nothing(job: Job) -> None:
    plain = mintage.run(job("plain", rows=36_000))
    spec = on_ray(job, "teed", rows=36_000)
    items: Items = []
    for item in stream(spec, tee=True, ahead_rows=1024):
        items.append(item)
        if len(items) == 40:
            os.kill(next(actors()).pid, signal.SIGKILL)
    assert in_order(items).equals(plain.scan().collect())
    order = [(key.shard, key.batch) for key, _ in items[:4]]
    assert order == [(0, 0), (1, 0), (0, 1), (1, 1)]
    result = mintage.run(spec)
    assert result.summary["resumed_shards"] == 18
    assert result.summary["root"] == plain.summary["root"]


def test_a_loop_on_ray_that_stops_early_leaves_no_actor_and_goes_on_here(job: Job) -> None:
    spec = on_ray(job, "out", rows=20_000)
    first = stream(spec)
    drawn = list(islice(first, 33))
    deadline = time.monotonic() + 15
    while list(actors()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(actors())
    here = stream(job("out", rows=20_000))
    here.load_state_dict(first.state_dict())
    assert in_order(drawn + list(here)).height == 20_000


def test_errors_of_actors_reach_the_loop(job: Job) -> None:
    spec = on_ray(job, "none", workers=1, validate=[{"kind": "expression", "where": "age < 0"}])
    with pytest.raises(MintageError, match="min_acceptance"):
        list(stream(spec))
    spec = on_ray(job, "huge", workers=1)
    spec["resources"] |= {"cpus_per_worker": 999, "patience_seconds": 1.0}
    with pytest.raises(ClusterError, match="no worker started within 1 s"):
        list(stream(spec))
    with pytest.raises(MintageError, match="num_workers=0"):
        next(iter(DataLoader(stream(on_ray(job, "out")), batch_size=None, num_workers=1)))


@pytest.mark.slow
# Ray Data sets options of its own that it calls deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")
def test_a_stream_is_a_ray_dataset(job: Job) -> None:
    spec = on_ray(job, "out", rows=10_000)
    ranks = [mintage.stream(spec, rank=rank, world=2, columns=["age", "income"]) for rank in range(2)]
    # Not by way of pandas: what Ray calls there is deprecated in pandas 3.
    datasets = [rank.to_ray_dataset() for rank in ranks]
    batches = [batch for dataset in datasets for batch in dataset.iter_batches(batch_format="pyarrow")]
    assert sorted(pl.DataFrame(pa.concat_tables(batches)).rows()) == sorted(
        in_order(list(stream(job("out", rows=10_000)))).drop("sex").rows()
    )
