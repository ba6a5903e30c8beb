"""The same plan on a real Ray: any number of workers, killed or not, gives the same root."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import mintage
from mintage.engine import events
from mintage.errors import CancelledError, GenerationError, SourceError

Job = Callable[..., dict[str, Any]]

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]


def worker_processes() -> list[psutil.Process]:
    """The processes of this machine that run a minting actor of this test's Ray."""
    children = psutil.Process().children(recursive=True)
    return [
        child
        for child in children
        if "_RayWorker" in child.name() or "_RayWorker" in " ".join(child.cmdline())
    ]


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2, 5])
def test_any_number_of_workers_gives_the_root_that_one_process_gives(job: Job, workers: int) -> None:
    alone = mintage.run(job("inline"))
    together = mintage.run(job("ray", resources={"executor": "ray", "workers": workers}))
    assert together.summary["workers"] == workers
    assert together.summary["root"] == alone.summary["root"]
    usage = together.summary["usage"]
    assert isinstance(usage, dict)
    assert usage["reserved"]["cpu_seconds"] == pytest.approx(usage["reserved"]["seconds"] / 2, abs=0.001)
    assert usage["reserved"]["seconds"] > usage["mint"]["seconds"] > 0
    assert usage["fit"]["cpu_seconds"] > 0


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.slow  # numbering does not depend on who mints
def test_any_number_of_workers_appends_the_shards_that_one_process_does(
    job: Job, tmp_path: Path, workers: int
) -> None:
    def more(sink: str, **resources: object) -> dict[str, Any]:
        where = {"uri": str(tmp_path / sink), "shard_rows": 2000, "mode": "append"}
        return job("", seed=9, rows=12_000, resources=resources) | {"sink": where}

    for sink in ("inline", "ray"):
        mintage.run(job(sink, rows=10_000))
    alone = mintage.run(more("inline", executor="inline"))
    together = mintage.run(more("ray", executor="ray", workers=workers))
    assert together.summary["root"] == alone.summary["root"]
    assert together.manifest.head.size == 11


def test_a_worker_killed_in_the_middle_changes_nothing_but_the_retries(job: Job) -> None:
    whole = mintage.run(job("whole", rows=200_000)).summary["root"]
    killed: list[int] = []

    def kill_one(event: events.Event) -> None:
        if isinstance(event, events.ShardCommitted) and not killed:
            victim = worker_processes()[0]
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)

    spec = job("killed", rows=200_000, resources={"executor": "ray", "workers": 2})
    result = mintage.run(spec, on_event=kill_one)
    assert killed
    assert result.summary["retries"]
    assert result.summary["usage"]["lost_attempts"] == result.summary["retries"]  # type: ignore[index]  # JSON
    assert result.summary["root"] == whole
    assert mintage.verify(result.store.uri).ok


def test_after_a_cancel_nothing_new_appears_and_the_job_goes_on_later(job: Job, tmp_path: Path) -> None:
    done: list[int] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.ShardCommitted):
            done.append(event.shard)

    spec = job("cancelled", rows=200_000, resources={"executor": "ray", "workers": 2})
    with pytest.raises(CancelledError):
        mintage.run(spec, on_event=note, cancelled=lambda: len(done) >= 2)
    commits = sorted((tmp_path / "cancelled/_mintage/commits").iterdir())
    time.sleep(1.5)
    assert sorted((tmp_path / "cancelled/_mintage/commits").iterdir()) == commits
    assert worker_processes() == []
    resumed = mintage.run(spec)
    assert resumed.summary["resumed_shards"] == len(commits) > 0
    assert mintage.verify(resumed.store.uri).ok


def test_an_error_in_a_worker_reaches_the_caller_as_it_is(job: Job) -> None:
    spec = job("starving", validate=[{"kind": "expression", "where": "age < 0"}])
    spec["resources"] = {"executor": "ray", "workers": 2}
    with pytest.raises(GenerationError, match="expression") as caught:
        mintage.run(spec)
    assert "min_acceptance" in caught.value.hint


def test_an_error_of_the_source_is_found_before_ray_is_needed(job: Job, tmp_path: Path) -> None:
    spec = job("missing", source={"uri": str(tmp_path / "nothing.parquet")}, resources={"executor": "ray"})
    with pytest.raises(SourceError, match=r"nothing\.parquet"):
        mintage.run(spec)
    assert not (tmp_path / "missing").exists()


# Ray Data sets options of its own that it calls deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")
def test_the_synthetic_table_is_a_ray_dataset(job: Job) -> None:
    dataset = mintage.run(job("dataset", rows=4000)).to_ray_dataset()
    assert dataset.count() == 4000
    assert set(dataset.columns() or ()) == {"age", "income", "sex"}
