"""Collecting garbage on a real S3 server: its clock, its unfinished uploads, its deletions."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import mintage
from mintage.engine import events
from mintage.errors import ProvenanceError
from mintage.jobs.collecting import gc
from mintage.store import ObjectStore
from mintage.store._s3 import UPLOAD_BYTES
from tests.integration.seaweed import S3Server

pytestmark = pytest.mark.s3

LOST = [
    "data/people/part-000001-dead.parquet",
    "_mintage/sketches/people/part-000000-dead.bin",
    "_mintage/prepared/" + "0" * 64 + ".bin",
    "_mintage/versions/9/records/000000.jsonl",
]
SECOND = 1.0


@pytest.fixture
def run(s3_env: S3Server, tmp_path: Path) -> Callable[..., mintage.Result]:
    """Runs a job of two shards whose sink is a folder of its own on the server."""
    bucket = f"s3://{s3_env.bucket}/{uuid.uuid4().hex}"
    rng = np.random.default_rng(1)
    source = tmp_path / "people.parquet"
    pl.DataFrame({"age": rng.integers(18, 90, 500), "sex": rng.choice(["F", "M"], 500)}).write_parquet(source)

    def run_job(mode: str = "create", seed: int = 1, **options: Any) -> mintage.Result:  # noqa: ANN401  # of run
        spec: dict[str, Any] = {
            "name": "people",
            "seed": seed,
            "source": {"uri": str(source)},
            "generator": {"kind": "tabular.marginals"},
            "rows": 1000,
            "sink": {"uri": bucket, "shard_rows": 500, "mode": mode},
            "resources": {"executor": "inline"},
            "evaluation": {"metrics": []},
        }
        return mintage.run(spec, **options)

    return run_job


def paths(store: ObjectStore) -> set[str]:
    return {info.path for info in store.list()}


def test_what_nothing_refers_to_is_removed_from_s3(run: Callable[..., mintage.Result]) -> None:
    store = run().store
    run("append", seed=2)
    before = paths(store)
    for path in LOST:
        store.create(path, b"lost")
    lost = store.part("data/people/part-000003-dead.parquet")
    lost.__enter__()
    lost.write(b"0" * (UPLOAD_BYTES + 1))
    assert [one.path for one in store.unfinished()] == ["data/people/part-000003-dead.parquet"]
    assert gc(store.uri).leftovers == ()
    time.sleep(2.5 * SECOND)
    done = gc(store.uri, older_than_seconds=SECOND, delete=True)
    assert sorted(one.info.path for one in done.leftovers) == sorted(
        [*LOST, "data/people/part-000003-dead.parquet"]
    )
    assert done.deleted == 5
    assert paths(store) == before
    assert store.unfinished() == []
    for version in (1, 2):
        assert mintage.verify(store.uri, version=version, rows=True).ok


def test_while_a_run_writes_to_s3_nothing_is_removed(run: Callable[..., mintage.Result]) -> None:
    store = run().store
    store.create(LOST[0], b"lost")
    time.sleep(6.5 * SECOND)
    told: list[str] = []

    def interfere(event: events.Event) -> None:
        if isinstance(event, events.ShardCommitted) and not told:
            with pytest.raises(ProvenanceError, match="a run may be going on") as caught:
                gc(store.uri, older_than_seconds=6 * SECOND, delete=True)
            told.append(caught.value.message)

    result = run("append", seed=3, on_event=interfere)
    assert told
    assert result.summary["version"] == 2
    assert store.exists(LOST[0])


def test_the_clock_of_s3_is_that_of_its_objects(s3_env: S3Server) -> None:
    store = ObjectStore.open(f"s3://{s3_env.bucket}/{uuid.uuid4().hex}")
    first = store.clock()
    store.create("a.txt", b"a")
    [info] = store.list()
    assert info.modified is not None
    assert first <= info.modified <= first + 60
    assert paths(store) == {"a.txt"}
