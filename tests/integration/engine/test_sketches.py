"""What is counted while minting: every accepted row once, whoever mints it and however often it is tried."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import mintage
from mintage.engine.bench import read_plan
from mintage.engine.commits import find_commit
from mintage.engine.sketches import fold_sketches, load_binnings
from mintage.engine.worker import ShardMinter, WorkerSetup
from mintage.errors import ProvenanceError
from mintage.evaluation.folded import FoldedTable
from mintage.evaluation.sketch import sketch_of
from mintage.plan import Plan
from mintage.provenance.digests import sha256_hex
from mintage.store import ObjectStore

Job = Callable[..., dict[str, Any]]

COUNTED = {"metrics": ["fidelity"]}


def opened(sink: Path) -> tuple[ObjectStore, Plan]:
    store = ObjectStore.open(str(sink))
    plan = read_plan(store)
    assert plan is not None
    return store, plan


def planned(spec: dict[str, Any], sink: Path) -> tuple[ObjectStore, Plan]:
    """A data set with its model and plan, and no shard."""
    with pytest.raises(mintage.MintageError, match="stopped after 0"):
        mintage.run(spec, cancelled=lambda: True)
    return opened(sink)


def sidecars(sink: Path) -> list[Path]:
    return sorted((sink / "_mintage/sketches").rglob("*.bin"))


def from_rows(store: ObjectStore, plan: Plan, sink: Path) -> bytes:
    """The sketch of the rows that are in the committed parts."""
    binning = load_binnings(store, plan)["people"]
    commits = [find_commit(store, plan, index) for index in range(plan.shards)]
    parts = [sink / commit.parts["people"] for commit in commits if commit is not None]
    return sketch_of((b for part in parts for b in pq.read_table(part).to_batches()), binning).to_bytes()


def test_what_was_counted_is_what_the_parts_hold(job: Job, tmp_path: Path) -> None:
    tag = [
        {"kind": "range", "column": "income", "min": 30_000, "action": "tag"},
        {"kind": "range", "column": "age", "min": 25},
    ]
    mintage.run(job("out", rows=9000, validate=tag, evaluation=COUNTED))
    store, plan = opened(tmp_path / "out")
    folded = fold_sketches(store, plan)["people"]
    assert folded.sketch.rows == plan.rows == 9000
    assert folded.sketch.to_bytes() == from_rows(store, plan, tmp_path / "out")
    assert len(folded.stretches) == plan.shards == len(sidecars(tmp_path / "out"))


def test_a_run_that_was_stopped_and_resumed_counts_no_row_twice(job: Job, tmp_path: Path) -> None:
    calls = iter(range(10**6))
    with pytest.raises(mintage.MintageError, match="stopped after"):
        mintage.run(job("out", evaluation=COUNTED), cancelled=lambda: next(calls) > 7)
    assert 0 < len(sidecars(tmp_path / "out")) < 30
    mintage.run(job("out", evaluation=COUNTED))
    store, plan = opened(tmp_path / "out")
    folded = fold_sketches(store, plan)["people"]
    assert folded.sketch.rows == 60_000
    assert folded.sketch.to_bytes() == from_rows(store, plan, tmp_path / "out")


@pytest.mark.ray
def test_workers_on_ray_count_the_same(job: Job, tmp_path: Path, ray_session: None) -> None:
    sums: list[FoldedTable] = []
    for name, resources in (("one", {"executor": "inline"}), ("two", {"executor": "ray", "workers": 2})):
        mintage.run(job(name, rows=20_000, evaluation=COUNTED, resources=resources))
        sums.append(fold_sketches(*opened(tmp_path / name))["people"])
    assert sums[0].sketch.to_bytes() == sums[1].sketch.to_bytes()


def test_the_attempt_that_comes_second_leaves_no_sketch(job: Job, tmp_path: Path) -> None:
    store, plan = planned(job("out", evaluation=COUNTED), tmp_path / "out")
    setup = WorkerSetup(store=store, plan_digest=plan.digest)
    first = ShardMinter(setup)
    slow = ShardMinter(setup, stopped=lambda: bool(first.mint(4, "fast")) and False)
    assert slow.mint(4, "slow").adopted
    commit = find_commit(store, plan, 4)
    assert commit is not None
    assert commit.attempt == "fast"
    assert [path.name for path in sidecars(tmp_path / "out")] == ["part-000004-fast.bin"]


def test_an_attempt_that_is_stopped_leaves_no_sketch(job: Job, tmp_path: Path) -> None:
    store, plan = planned(job("out", evaluation=COUNTED), tmp_path / "out")
    asked = iter([False, True])
    minter = ShardMinter(WorkerSetup(store=store, plan_digest=plan.digest), stopped=lambda: next(asked))
    with pytest.raises(mintage.MintageError, match="stopped"):
        minter.mint(0, "only")
    assert sidecars(tmp_path / "out") == []


def test_the_leaf_of_a_shard_is_the_same_with_and_without_counting(job: Job, tmp_path: Path) -> None:
    roots = {}
    for name, metrics in (("counted", ["fidelity"]), ("not", [])):
        roots[name] = mintage.run(job(name, rows=4000, evaluation={"metrics": metrics})).summary["root"]
    assert roots["counted"] == roots["not"]
    assert sidecars(tmp_path / "not") == []
    assert fold_sketches(*opened(tmp_path / "not")) == {}


def test_without_real_rows_nothing_is_counted(job: Job, tmp_path: Path) -> None:
    mintage.run(job("fitted", rows=2000, evaluation={"metrics": []}))
    spec = job("out", rows=4000, model={"uri": str(tmp_path / "fitted")})
    del spec["source"], spec["generator"]
    mintage.run(spec)
    store, plan = opened(tmp_path / "out")
    assert plan.binnings == {}
    assert fold_sketches(store, plan) == {}


@pytest.fixture
def done(job: Job, tmp_path: Path) -> Path:
    """A finished data set of three shards whose rows were counted."""
    mintage.run(job("out", rows=6000, evaluation=COUNTED))
    return tmp_path / "out"


def test_a_sketch_that_is_missing_is_an_error_that_names_it(done: Path) -> None:
    sidecars(done)[1].unlink()
    with pytest.raises(ProvenanceError, match=r"part-000001-.*\.bin is missing, which shard 1 names"):
        fold_sketches(*opened(done))


def test_a_sketch_that_was_altered_is_an_error_that_names_it(done: Path) -> None:
    path = sidecars(done)[2]
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ProvenanceError, match=r"part-000002-.*\.bin is not what shard 2 was committed with"):
        fold_sketches(*opened(done))


def rewrite(done: Path, index: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a commit record as somebody would who may write to the store."""
    path = done / f"_mintage/commits/{index:06d}.json"
    value = json.loads(path.read_bytes())
    change(value)
    path.chmod(0o644)
    path.write_bytes(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../sketches/people/part-000001-a.bin",
        "_mintage/plan.json",
        "data/people/part-000001-a.bin",
    ],
)
def test_a_commit_that_names_a_sketch_elsewhere_is_refused_before_it_is_read(done: Path, path: str) -> None:
    rewrite(done, 1, lambda commit: commit["sketches"]["people"].update(path=path))
    with pytest.raises(ProvenanceError, match="is refused"):
        fold_sketches(*opened(done))
    assert not mintage.verify(str(done)).ok


def test_a_commit_without_its_sketch_is_an_error(done: Path) -> None:
    rewrite(done, 1, lambda commit: commit["sketches"].clear())
    with pytest.raises(ProvenanceError, match="shard 1 names no sketch of table 'people'"):
        fold_sketches(*opened(done))


def test_a_sketch_of_another_shards_rows_is_an_error(done: Path, job: Job) -> None:
    commit = json.loads((done / "_mintage/commits/000000.json").read_bytes())
    mintage.run(job("more", rows=4500, evaluation=COUNTED))
    short = sidecars(done.parent / "more")[2]
    target = done / commit["sketches"]["people"]["path"]
    target.chmod(0o644)
    target.write_bytes(short.read_bytes())
    digest = sha256_hex(short.read_bytes())
    size = str(short.stat().st_size)
    rewrite(done, 0, lambda value: value["sketches"]["people"].update(sha256=digest, bytes=size))
    with pytest.raises(ProvenanceError, match="counts 1500 rows, but shard 0 has 2000"):
        fold_sketches(*opened(done))


def test_a_shard_that_is_not_committed_is_an_error(done: Path) -> None:
    (done / "_mintage/commits/000002.json").unlink()
    with pytest.raises(ProvenanceError, match="shard 2 is not committed"):
        fold_sketches(*opened(done))


def test_a_grid_that_was_altered_stops_every_worker(job: Job, tmp_path: Path) -> None:
    store, plan = planned(job("out", evaluation=COUNTED), tmp_path / "out")
    path = tmp_path / "out/_mintage/prepared" / f"{plan.binnings['people'].removeprefix('sha256:')}.bin"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"people", b"peoplf"))
    with pytest.raises(ProvenanceError, match="does not have the digest"):
        ShardMinter(WorkerSetup(store=store, plan_digest=plan.digest)).mint(0, "only")


def test_a_plan_whose_grid_is_of_another_table_is_refused(job: Job, tmp_path: Path) -> None:
    store, plan = planned(job("out", evaluation=COUNTED), tmp_path / "out")
    path = tmp_path / "out/_mintage/plan.json"
    value = json.loads(path.read_bytes())
    value["binnings"] = {"persons": value["binnings"]["people"]}
    altered = Plan.from_bytes(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())
    assert altered.digest != plan.digest
    with pytest.raises(ProvenanceError, match="binning of 'people' for the table 'persons'"):
        load_binnings(store, altered)
