"""Streams over process borders: workers of a DataLoader, ranks that are killed, actors on Ray."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

import mintage
from mintage.engine.stream.keys import BatchKey
from mintage.errors import MintageError, SpecError

Job = Callable[..., dict[str, Any]]
Items = list[tuple[BatchKey, pa.RecordBatch]]

_RANK = """
import json, os, sys, time
import mintage
spec, state, seen = json.loads(sys.argv[1]), sys.argv[2], open(sys.argv[3], "a")
stream = mintage.stream(spec, rank=1, world=2, batch_rows=100, tee=True, ahead_rows=200).keyed()
if os.path.exists(state):
    stream.load_state_dict(json.load(open(state)))
for key, batch in stream:
    print(*key, batch["age"].to_pylist(), file=seen, flush=True)
    with open(state + ".new", "w") as file:
        json.dump(stream.state_dict(), file)
    os.replace(state + ".new", state)
    time.sleep(0.01)
"""


def in_order(items: Items) -> pl.DataFrame:
    """The rows in the order of the data set; no key comes twice."""
    assert len({key for key, _ in items}) == len(items)
    batches = [batch for _, batch in sorted(items, key=lambda item: item[0])]
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)
    return frame


def stream(spec: dict[str, Any]) -> mintage.Stream[tuple[BatchKey, pa.RecordBatch]]:
    return mintage.stream(spec, batch_rows=256).keyed()


@pytest.fixture
def alone(job: Job) -> Callable[..., pl.DataFrame]:
    """The rows of a job that one process draws."""

    def draw(spec: dict[str, Any]) -> pl.DataFrame:
        return in_order(list(stream(spec)))

    return draw


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_of_a_dataloader_share_the_rows_of_their_rank(
    job: Job, alone: Callable[..., pl.DataFrame], start: str
) -> None:
    spec = job("out", rows=12_000)
    whole = alone(spec)
    loader = DataLoader(stream(spec), batch_size=None, num_workers=2, multiprocessing_context=start)
    assert in_order(list(loader)).equals(whole)
    with pytest.raises(SpecError, match="workers of a DataLoader draw the rows"):
        loader.dataset.state_dict()  # type: ignore[attr-defined]  # a Stream


def test_what_a_forked_worker_cannot_do_is_said_in_the_loop(job: Job) -> None:
    frames = mintage.stream(job("out", rows=4000)).as_polars()
    with pytest.raises(MintageError, match="polars cannot leave a forked worker"):
        next(iter(DataLoader(frames, batch_size=None, num_workers=1, multiprocessing_context="fork")))
    starving = mintage.stream(job("none", validate=[{"kind": "expression", "where": "age < 0"}]))
    with pytest.raises(MintageError, match="were accepted"):
        next(iter(DataLoader(starving, batch_size=None, num_workers=1, multiprocessing_context="fork")))
    memory = mintage.stream(job("", rows=4000) | {"sink": {"uri": "memory://forked"}})
    with pytest.raises(MintageError, match="seen by one process alone"):
        next(iter(DataLoader(memory, batch_size=None, num_workers=1, multiprocessing_context="fork")))


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_stateful_dataloader_goes_on_where_its_state_says(job: Job, workers: int) -> None:
    spec = job("out", rows=12_000)

    def loader() -> StatefulDataLoader[tuple[BatchKey, pa.RecordBatch]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return StatefulDataLoader(
                stream(spec),
                batch_size=None,
                num_workers=workers,
                multiprocessing_context="fork" if workers else None,
            )

    whole = list(loader())
    first = loader()
    drawn = list(islice(first, 17))
    state = json.loads(json.dumps(first.state_dict()))
    second = loader()
    second.load_state_dict(state)
    assert drawn + list(second) == whole


def rank_1(spec: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _RANK, json.dumps(spec), str(folder / "state"), str(folder / "seen")]
    return subprocess.Popen(command)


def seen_by_rank_1(folder: Path) -> dict[str, str]:
    """What it drew, by key; a key that came twice came with the same rows."""
    seen: dict[str, str] = {}
    path = folder / "seen"
    for line in path.read_text().splitlines() if path.exists() else []:
        key, _, rows = line.partition(" [")
        assert seen.setdefault(key, rows) == rows
    return seen


def test_two_ranks_one_of_them_killed_and_resumed_commit_what_a_run_commits(job: Job, tmp_path: Path) -> None:
    plain = mintage.run(job("plain", rows=24_000))
    spec = job("teed", rows=24_000)
    first = list(mintage.stream(spec, rank=0, world=2, batch_rows=100, tee=True).keyed())
    process = rank_1(spec, tmp_path)
    deadline = time.monotonic() + 60
    while len(seen_by_rank_1(tmp_path)) < 27 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    killed_at = len(seen_by_rank_1(tmp_path))
    assert 27 <= killed_at < 110
    assert rank_1(spec, tmp_path).wait(120) == 0
    drawn = {f"0 {key.shard} {key.batch}" for key, _ in first} | set(seen_by_rank_1(tmp_path))
    assert drawn == {f"0 {shard} {batch}" for shard in range(12) for batch in range(20)}
    result = mintage.run(spec)
    assert result.summary["resumed_shards"] == 12
    assert result.summary["root"] == plain.summary["root"]
    assert mintage.verify(result.store.uri).ok
