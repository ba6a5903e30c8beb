"""Collecting garbage: what nothing refers to goes when it is old and nobody works; all else stays."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import mintage
from mintage.cli.main import main
from mintage.engine import events
from mintage.errors import CancelledError, ProvenanceError, SpecError, StoreError, ValidationFailedError
from mintage.jobs.collecting import gc, give_up
from mintage.spec import JobSpec
from mintage.store import ObjectInfo, ObjectStore
from mintage.store._local import LocalBackend

Job = Callable[..., dict[str, Any]]

HOUR = 3600.0
LOST = {
    "data/people/part-000001-dead.parquet": "attempt",
    "_mintage/rejects/people/part-000001-dead.parquet": "attempt",
    "_mintage/sketches/people/part-000003-dead.bin": "attempt",
    "_mintage/prepared/" + "0" * 64 + ".bin": "prepared",
    "_mintage/model/0123456789abcdef/model.json": "model",
    "_mintage/versions/7/records/000000.jsonl": "version",
    ".probe-0123": "probe",
    "data/people/part-000009-dead.parquet.0123.partial": "unfinished",
}
KEPT = [
    "data/people/notes.txt",
    "data/notes/part-1-x.txt",
    "_mintage/attestations/1/abc.json",
    "_mintage/evaluations/abc/report.html",
    "_mintage/versions/8/unsigned.jsonl",
    "_mintage/versions/8/records/000000.jsonl",
    "_mintage/checkpoints/0123456789abcdef/00000001-x.json",
    "_mintage/something/else.bin",
    "readme.txt",
]


def age(folder: Path, seconds: float) -> None:
    """Make every file older."""
    for path in folder.rglob("*"):
        if path.is_file():
            now = path.stat().st_mtime
            os.utime(path, (now - seconds, now - seconds))


def put(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"lost")


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(people: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `out`, a data set of two versions with rejects and sketches, and `home`, its signer's."""
    folder = tmp_path_factory.mktemp("collecting")
    people.write_parquet(folder / "people.parquet")
    job = {
        "name": "people",
        "seed": 3,
        "source": {"uri": str(folder / "people.parquet")},
        "generator": {"kind": "tabular.marginals"},
        "rows": 1000,
        "validate": [{"kind": "range", "column": "age", "min": 30}],
        "sink": {"uri": str(folder / "out"), "shard_rows": 500, "keep_rejects": True},
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": ["fidelity"]},
    }
    with pytest.MonkeyPatch.context() as here:
        here.setenv("MINTAGE_HOME", str(folder / "home"))
        mintage.run(job)
        mintage.run(JobSpec.model_validate(job).with_overrides(["seed=4", "sink.mode=supersede"]))
    return folder


@pytest.fixture
def dataset(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data set, two days old."""
    monkeypatch.setenv("MINTAGE_HOME", str(made / "home"))
    shutil.copytree(made / "out", tmp_path / "out")
    age(tmp_path / "out", 48 * HOUR)
    return tmp_path / "out"


def test_of_a_finished_data_set_nothing_is_collected(dataset: Path) -> None:
    before = names(dataset)
    found = gc(str(dataset), delete=True)
    assert (found.leftovers, found.young, found.running, found.deleted) == ((), 0, "", 0)
    assert names(dataset) == before


def test_what_nothing_refers_to_is_told_and_then_removed(dataset: Path) -> None:
    before = names(dataset)
    put(dataset, [*LOST, *KEPT])
    age(dataset, 48 * HOUR)
    told = gc(str(dataset))
    assert {one.info.path: one.kind for one in told.leftovers if one.kind != "unfinished"} == {
        path: kind for path, kind in LOST.items() if kind != "unfinished"
    }
    assert [one.kind for one in told.leftovers].count("unfinished") == 1
    assert names(dataset) == before | set(LOST) | set(KEPT)
    done = gc(str(dataset), delete=True)
    assert done.deleted == len(LOST)
    assert names(dataset) == before | set(KEPT)
    for version in (1, 2):
        report = mintage.verify(str(dataset), version=version, rows=True)
        assert {failure.path for failure in report.failures} <= {name for name in KEPT if "data/" in name}


@pytest.mark.parametrize("path", LOST)
def test_what_is_younger_than_the_lease_stays(dataset: Path, path: str) -> None:
    put(dataset, [path])
    found = gc(str(dataset))
    assert found.leftovers == ()
    assert found.young == 1
    assert gc(str(dataset), delete=True).deleted == 0
    assert (dataset / path).exists()


def test_the_commit_of_a_shard_decides_not_the_name(dataset: Path) -> None:
    """The part that a commit names stays, the other one goes, whichever came first."""
    commit = json.loads((dataset / "_mintage/commits/000002.json").read_bytes())
    named = commit["parts"]["people"]
    put(dataset, [f"data/people/part-000002-{name}.parquet" for name in ("0000", "zzzz")])
    age(dataset, 48 * HOUR)
    gc(str(dataset), delete=True)
    assert [str(path.relative_to(dataset)) for path in dataset.glob("data/people/part-000002-*")] == [named]


def test_a_commit_that_cannot_be_read_stops_everything(dataset: Path) -> None:
    put(dataset, list(LOST))
    age(dataset, 48 * HOUR)
    (dataset / "_mintage/commits/000001.json").write_bytes(b"{}")
    before = names(dataset)
    with pytest.raises(ProvenanceError, match=r"commits/000001\.json"):
        gc(str(dataset), delete=True)
    assert names(dataset) == before


def test_checkpoints_of_a_fit_that_has_its_model_are_left_over(dataset: Path) -> None:
    fit = json.loads((dataset / "_mintage/model/model.json").read_bytes())["fit_id"]
    put(dataset, [f"_mintage/checkpoints/{fit[:16]}/00000001-x.json"])
    age(dataset, 48 * HOUR)
    assert [one.kind for one in gc(str(dataset)).leftovers] == ["checkpoint"]


def test_a_model_that_no_plan_names_goes_with_its_pointer(
    job: Job, dataset: Path, people: pl.DataFrame
) -> None:
    other = dataset.parent / "other"
    people.head(1000).write_parquet(dataset.parent / "fewer.parquet")
    source = {"uri": str(dataset.parent / "fewer.parquet")}
    mintage.run(job(rows=10, source=source, sink={"uri": str(other), "shard_rows": 500}))
    value = json.loads((other / "_mintage/model/model.json").read_bytes())
    shutil.copytree(
        other / "_mintage/model", dataset / "_mintage/model", dirs_exist_ok=True, ignore=_pointers
    )
    pointer = dataset / f"_mintage/model/model-{value['fit_id'][:16]}.json"
    shutil.copy(other / "_mintage/model/model.json", pointer)
    age(dataset, 48 * HOUR)
    done = gc(str(dataset), delete=True)
    assert {one.kind for one in done.leftovers} == {"model"}
    assert str(pointer.relative_to(dataset)) in {one.info.path for one in done.leftovers}
    assert done.deleted == len(value["files"]) + 1
    assert mintage.verify(str(dataset)).ok
    sink = {"uri": str(dataset), "shard_rows": 500, "mode": "supersede"}
    assert mintage.run(job(rows=10, seed=12, sink=sink)).scan().collect().height == 10


def _pointers(folder: str, found: list[str]) -> list[str]:
    return [name for name in found if name == "model.json" and folder.endswith("/model")]


def test_while_a_run_goes_on_nothing_is_removed(job: Job, dataset: Path) -> None:
    """Asked from inside the run, after its first shard."""
    put(dataset, list(LOST))
    age(dataset, 48 * HOUR)
    refused: list[str] = []

    def interfere(event: events.Event) -> None:
        if isinstance(event, events.ShardCommitted) and not refused:
            told = gc(str(dataset))
            assert told.running
            with pytest.raises(ProvenanceError, match="a run may be going on") as caught:
                gc(str(dataset), delete=True)
            refused.append(caught.value.message)

    sink = {"uri": str(dataset), "shard_rows": 500, "mode": "append"}
    before = names(dataset)
    mintage.run(job(rows=1000, seed=5, sink=sink), on_event=interfere)
    assert len(refused) == 1
    assert before <= names(dataset)
    assert gc(str(dataset), delete=True).deleted == len(LOST)
    assert mintage.verify(str(dataset), rows=True).ok


def test_a_run_that_stopped_long_ago_is_resumed_after_a_collection(job: Job, tmp_path: Path) -> None:
    asked = iter([False, True])
    with pytest.raises(CancelledError):
        mintage.run(job(), cancelled=lambda: next(asked))
    folder = tmp_path / "out"
    put(folder, ["data/people/part-000003-dead.parquet"])
    age(folder / "data", 48 * HOUR)
    with pytest.raises(ProvenanceError, match="a run may be going on"):
        gc(str(folder), delete=True)
    age(folder, 48 * HOUR)
    assert gc(str(folder), delete=True).deleted == 1
    assert mintage.run(job()).summary["resumed_shards"] == 1
    assert mintage.verify(str(folder)).ok


def test_a_fit_without_a_plan_is_not_collected(job: Job, tmp_path: Path) -> None:
    mintage.run(job())
    folder = tmp_path / "out"
    for name in ("plan.json", "heads/1.json"):
        (folder / "_mintage" / name).unlink()
    age(folder, 48 * HOUR)
    kinds = {one.kind for one in gc(str(folder)).leftovers}
    assert kinds == {"version"}


class _SlowClock(LocalBackend):
    """A store whose clock is three days behind that of this machine."""

    def objects(self, folder: str) -> list[ObjectInfo]:
        behind = 72 * HOUR
        return [
            ObjectInfo(path=one.path, bytes=one.bytes, modified=(one.modified or 0) - behind)
            for one in super().objects(folder)
        ]


class _NoClock(LocalBackend):
    """A store that tells no times."""

    def objects(self, folder: str) -> list[ObjectInfo]:
        return [ObjectInfo(path=one.path, bytes=one.bytes) for one in super().objects(folder)]


def test_ages_are_measured_by_the_clock_of_the_store(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(dataset, ["data/people/part-000001-dead.parquet"])
    monkeypatch.setattr("mintage.store._local.LocalBackend", _SlowClock)
    found = gc(str(dataset), delete=True)
    assert (found.deleted, found.young) == (0, 1)


def test_a_store_without_times_is_told(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mintage.store._local.LocalBackend", _NoClock)
    with pytest.raises(StoreError, match="does not tell when objects were written"):
        gc(str(dataset), delete=True)


def test_the_clock_leaves_nothing_behind(tmp_path: Path) -> None:
    store = ObjectStore.open(str(tmp_path / "empty"))
    assert abs(store.clock() - time.time()) < 60
    assert store.list() == []


@pytest.mark.parametrize(
    "path", ["_mintage/commits/000001.json", "_mintage/plan.json", "_mintage/heads/1.json", "readme.txt"]
)
def test_the_store_removes_no_record_whoever_asks(dataset: Path, path: str) -> None:
    with pytest.raises(StoreError, match="must not be removed"):
        ObjectStore.open(str(dataset)).collect(path)


def test_a_folder_that_is_no_data_set_is_told(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/data.txt").write_text("mine")
    with pytest.raises(ProvenanceError, match="holds no data set"):
        gc(str(tmp_path / "photos"), delete=True)
    with pytest.raises(SpecError, match="--older-than"):
        gc(str(tmp_path / "photos"), older_than_seconds=0)


def test_the_command_lists_and_then_removes(dataset: Path) -> None:
    put(dataset, list(LOST))
    age(dataset, 48 * HOUR)
    listed = CliRunner().invoke(main, ["gc", str(dataset)])
    assert listed.exit_code == 0
    assert f"found {len(LOST)} leftovers" in listed.output
    assert "part-000001-dead.parquet" in listed.output
    removed = CliRunner().invoke(main, ["gc", str(dataset), "--delete", "--older-than", "1d", "--json"])
    told = json.loads(removed.output)
    assert (told["deleted"], told["lease_seconds"]) == (len(LOST), 86400.0)
    again = CliRunner().invoke(main, ["gc", str(dataset)])
    assert "there is nothing to remove" in again.output
    assert CliRunner().invoke(main, ["gc", str(dataset), "--older-than", "soon"]).exit_code == 2


def test_a_job_that_cannot_be_finished_is_given_up_and_others_go_behind_it(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    sink = {"uri": str(folder), "shard_rows": 500, "mode": "append"}
    rule = [{"kind": "unique", "columns": ["age"]}]
    mintage.run(job(rows=20, validate=rule))
    hopeless, next_one = job(rows=60, seed=4, validate=rule, sink=sink), job(rows=600, seed=5, sink=sink)
    with pytest.raises(ValidationFailedError):
        mintage.run(hopeless)
    with pytest.raises(SpecError, match="unfinished job") as caught:
        mintage.run(next_one)
    run_id = caught.value.hint.rsplit(" ", 1)[-1]
    with pytest.raises(ProvenanceError, match="a run may be going on"):
        give_up(str(folder), run_id)
    with pytest.raises(SpecError, match="names no unfinished job"):
        give_up(str(folder), "0" * 16)
    age(folder, 48 * HOUR)
    before = names(folder)
    told = CliRunner().invoke(main, ["gc", str(folder), "--give-up", run_id])
    assert told.exit_code == 0, told.output
    assert names(folder) == before | {"_mintage/plans/000001.given-up.json"}
    with pytest.raises(SpecError, match="was given up"):
        mintage.run(hopeless)
    result = mintage.run(next_one)
    assert [(one.first, one.shards) for one in result.manifest.statement.segments.parts] == [(0, 1), (2, 2)]
    assert mintage.verify(str(folder), rows=True).ok
    assert gc(str(folder), older_than_seconds=0.001).leftovers == ()


def test_the_first_job_is_not_given_up(job: Job, tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        mintage.run(job(), cancelled=lambda: True)
    age(tmp_path / "out", 48 * HOUR)
    run_id = json.loads((tmp_path / "out/_mintage/plan.json").read_bytes())["run_id"]
    with pytest.raises(SpecError, match="begins with it"):
        give_up(str(tmp_path / "out"), run_id)
