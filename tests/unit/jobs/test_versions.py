"""Versions of a data set: appended to, superseded, finished after a crash, refused where nothing is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mintage
from mintage.engine import events
from mintage.errors import CancelledError, GateFailedError, ProvenanceError, SpecError, ValidationFailedError
from mintage.provenance.signing import generate_key

Job = Callable[..., dict[str, Any]]
Add = Callable[..., dict[str, Any]]


@pytest.fixture
def add(job: Job, tmp_path: Path) -> Add:
    """A job of two shards that goes behind what is in the folder."""

    def spec(mode: str = "append", **replaced: Any) -> dict[str, Any]:  # noqa: ANN401  # keys of a spec
        sink = {"uri": str(tmp_path / "out"), "shard_rows": 500, "mode": mode, **replaced.pop("sink", {})}
        return job(**{"seed": 4, "rows": 1000, **replaced, "sink": sink})

    return spec


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def predicate(result: mintage.Result) -> dict[str, Any]:
    value = result.manifest.statement.json["predicate"]
    assert isinstance(value, dict)
    return value


def test_an_append_is_a_new_version_that_begins_with_the_old_shards(job: Job, add: Add) -> None:
    first = mintage.run(job())
    before = files(Path(first.store.uri))
    second = mintage.run(add())
    after = files(Path(first.store.uri))
    assert {name: after[name] for name in before} == before
    assert second.summary["version"] == 2
    rows = second.scan().collect()
    assert rows.head(2000).equals(first.scan().collect())
    assert rows.height == 3000
    segments = predicate(second)["segments"]
    assert [(part["first"], part["shards"]) for part in segments] == [("0", "4"), ("4", "2")]
    append = predicate(second)["append"]
    assert (append["size"], append["root"]) == ("4", first.summary["root"])
    assert len(append["proof"]) == 1
    assert mintage.verify(second.store.uri).ok


def test_older_versions_stay_readable_and_verifiable(job: Job, add: Add) -> None:
    first = mintage.run(job())
    mintage.run(add())
    again = mintage.Result.open(first.store.uri, version=1)
    assert again.scan().collect().height == 2000
    report = mintage.verify(first.store.uri, version=1)
    assert report.ok
    assert report.checked.shards == 4
    assert any("2 objects under data/ belong to plans" in note for note in report.notes)
    with pytest.raises(ProvenanceError, match="has no version 3"):
        mintage.Result.open(first.store.uri, version=3)
    assert [failure.code for failure in mintage.verify(first.store.uri, version=3).failures] == [
        "missing-head"
    ]


def test_a_job_is_appended_once_whatever_is_said(job: Job, add: Add) -> None:
    mintage.run(job())
    second = mintage.run(add())
    before = files(Path(second.store.uri))
    told: list[str] = []

    def hear(event: events.Event) -> None:
        if isinstance(event, events.Warned):
            told.append(event.message)

    for spec in (add(), add("supersede")):
        assert mintage.run(spec, on_event=hear).summary["root"] == second.summary["root"]
    assert files(Path(second.store.uri)) == before
    assert len(told) == 2
    assert all("is version 2" in message for message in told)


def test_the_first_job_run_again_is_its_own_version(job: Job, add: Add) -> None:
    first = mintage.run(job())
    mintage.run(add())
    before = files(Path(first.store.uri))
    again = mintage.run(job())
    assert (again.summary["version"], again.summary["root"]) == (1, first.summary["root"])
    assert files(Path(first.store.uri)) == before


def test_another_key_does_not_take_newer_versions_back(job: Job, add: Add, tmp_path: Path) -> None:
    mintage.run(job())
    mintage.run(add())
    other = generate_key(tmp_path / "other.pem").private_path
    again = mintage.run(job(signing={"key": str(other)}))
    assert again.summary["version"] == 1
    assert mintage.Result.open(again.store.uri).manifest.head.version == 2


def test_a_superseding_version_has_the_new_shards_alone(job: Job, add: Add) -> None:
    first = mintage.run(job())
    second = mintage.run(add("supersede"))
    assert second.scan().collect().height == 1000
    assert predicate(second)["append"] is None
    assert [part["first"] for part in predicate(second)["segments"]] == ["4"]
    assert [record.index for record in second.manifest.records()] == [4, 5]
    for version, shards in ((1, 4), (2, 2)):
        report = mintage.verify(first.store.uri, version=version)
        assert report.ok, report.failures
        assert report.checked.shards == shards
    third = mintage.run(add(seed=5))
    assert [part["first"] for part in predicate(third)["segments"]] == ["4", "6"]
    assert mintage.verify(first.store.uri).ok


def test_a_superseding_version_may_have_other_tables_and_another_format(
    job: Job, add: Add, people: pl.DataFrame, tmp_path: Path
) -> None:
    mintage.run(job())
    other = tmp_path / "other.parquet"
    people.select("age", pl.col("sex").alias("gender")).write_parquet(other)
    spec = add("supersede", source={"uri": str(other)}, sink={"format": "csv"})
    second = mintage.run(spec)
    assert second.scan().collect().columns == ["age", "gender"]
    assert second.uris()[0].endswith(".csv")
    assert mintage.verify(second.store.uri).ok
    assert mintage.verify(second.store.uri, version=1).ok
    assert mintage.Result.open(second.store.uri, version=1).scan().collect().height == 2000


def test_another_format_is_refused_before_anything_is_fitted(job: Job, add: Add) -> None:
    mintage.run(job())
    with pytest.raises(SpecError, match=r"have format 'parquet', not 'csv'") as caught:
        mintage.run(add(sink={"format": "csv"}))
    assert "supersede" in caught.value.hint


def test_another_option_of_the_same_format_is_named(job: Job, add: Add) -> None:
    mintage.run(job())
    with pytest.raises(SpecError, match=r"have compression 'zstd', not 'snappy'"):
        mintage.run(add(sink={"options": {"compression": "snappy"}}))


def test_other_tables_are_refused_with_what_differs(
    job: Job, add: Add, people: pl.DataFrame, tmp_path: Path
) -> None:
    mintage.run(job())
    other = tmp_path / "other.parquet"
    people.with_columns(pl.col("age").cast(pl.Int32)).drop("sex").write_parquet(other)
    with pytest.raises(SpecError) as caught:
        mintage.run(add(source={"uri": str(other)}))
    assert "column 'age': type int32, not int64" in caught.value.message
    assert "has no column 'sex' any more" in caught.value.message
    assert not (tmp_path / "out/_mintage/plans").exists()
    assert mintage.verify(str(tmp_path / "out")).ok


@pytest.mark.parametrize("mode", ["append", "supersede"])
def test_nothing_is_added_where_there_is_nothing(add: Add, mode: str) -> None:
    with pytest.raises(SpecError, match="holds no data set"):
        mintage.run(add(mode))


@pytest.mark.parametrize("mode", ["append", "supersede"])
def test_nothing_goes_behind_a_job_that_is_not_finished(job: Job, add: Add, mode: str) -> None:
    asked = iter([False, True])
    with pytest.raises(CancelledError):
        mintage.run(job(), cancelled=lambda: next(asked))
    with pytest.raises(SpecError, match="holds an unfinished job"):
        mintage.run(add(mode))
    mintage.run(job())
    mintage.run(add(mode))


@pytest.mark.parametrize("mode", ["append", "supersede"])
def test_a_half_done_job_is_finished_by_the_same_spec(job: Job, add: Add, mode: str) -> None:
    first = mintage.run(job())
    asked = iter([False, True])
    with pytest.raises(CancelledError):
        mintage.run(add(mode), cancelled=lambda: next(asked))
    between = mintage.verify(first.store.uri)
    assert between.ok, between.failures
    assert between.head is not None
    assert between.head.version == 1
    result = mintage.run(add(mode))
    assert result.summary["resumed_shards"] == 1
    assert result.summary["version"] == 2
    assert mintage.verify(first.store.uri).ok


def test_the_root_of_an_append_is_that_of_its_shards_whatever_happened_before(
    job: Job, add: Add, tmp_path: Path
) -> None:
    mintage.run(job())
    whole = mintage.run(add())
    elsewhere = {"uri": str(tmp_path / "elsewhere"), "shard_rows": 500}
    mintage.run(job(sink=elsewhere))
    asked = iter([False, True])
    with pytest.raises(CancelledError):
        mintage.run(add(sink=elsewhere), cancelled=lambda: next(asked))
    assert mintage.run(add(sink=elsewhere)).summary["root"] == whole.summary["root"]


def test_what_cannot_be_verified_is_not_appended_to(job: Job, add: Add, tmp_path: Path) -> None:
    theirs, ours = (generate_key(tmp_path / name) for name in ("theirs.pem", "ours.pem"))
    mintage.run(job(signing={"key": str(theirs.private_path)}))
    mine = {"key": str(ours.private_path)}
    with pytest.raises(ProvenanceError, match=r"version 1 of .* cannot be appended to") as caught:
        mintage.run(add(signing=mine))
    assert "sink.trust" in caught.value.hint
    result = mintage.run(add(signing=mine, sink={"trust": [str(theirs.public_path)]}))
    assert mintage.verify(result.store.uri, keys=[str(ours.public_path)]).ok


def test_a_version_that_was_altered_is_not_appended_to(job: Job, add: Add, tmp_path: Path) -> None:
    mintage.run(job())
    commit = tmp_path / "out/_mintage/commits/000001.json"
    value = json.loads(commit.read_bytes())
    value["record"]["tables"]["people"]["rows"] = "499"
    from mintage.provenance.canonical import canonical_json

    commit.write_bytes(canonical_json(value))
    with pytest.raises(ProvenanceError, match="the first 4 shards are not those"):
        mintage.run(add())
    assert mintage.Result.open(str(tmp_path / "out")).manifest.head.version == 1


def test_another_plan_in_the_place_of_the_first_is_noticed(job: Job, add: Add, tmp_path: Path) -> None:
    mintage.run(job())
    mintage.run(add())
    plans = tmp_path / "out/_mintage"
    (plans / "plan.json").write_bytes((plans / "plans/000004.json").read_bytes())
    codes = [failure.code for failure in mintage.verify(str(tmp_path / "out")).failures]
    assert codes == ["changed-plan"]


def test_a_fit_is_done_once_for_all_versions(job: Job, add: Add, tmp_path: Path) -> None:
    first = mintage.run(job())
    # The rows asked for are no part of a fit; the seed is.
    second = mintage.run(add(seed=3, rows=500))
    third = mintage.run(add(seed=5, rows=500))
    assert "fit" in first.summary["phases"]  # type: ignore[operator]
    digests = [predicate(result)["model"]["digest"] for result in (first, second, third)]
    assert digests[0] == digests[1]
    pointers = sorted(path.name for path in (tmp_path / "out/_mintage/model").glob("*.json"))
    assert len(pointers) == 2
    assert mintage.verify(third.store.uri).ok


def test_a_rule_about_all_rows_is_judged_over_old_and_new_shards(job: Job, add: Add) -> None:
    """Of 72 ages, 20 and 60 are drawn: each time all different, but not together."""
    rule = [{"kind": "unique", "columns": ["age"]}]
    mintage.run(job(rows=20, validate=rule))
    with pytest.raises(ValidationFailedError, match="age"):
        mintage.run(add(rows=60, validate=rule))


def test_keys_are_unique_over_versions(orders_plugin: str, job: Job, tmp_path: Path) -> None:
    def orders(**replaced: object) -> dict[str, Any]:
        spec = job(generator={"kind": orders_plugin}, rows=100, **replaced)
        spec.pop("source")
        return spec

    sink = {"uri": str(tmp_path / "out"), "shard_rows": 40}
    first = mintage.run(orders(sink=sink))
    result = mintage.run(orders(seed=9, sink=sink | {"mode": "append"}))
    root = first.manifest.statement.schema.root_table
    [key] = root.primary_key
    keys = result.scan().collect()[key]
    assert len(keys) == 200
    assert keys.n_unique() == 200


def test_a_failed_gate_leaves_the_versions_as_they_were(job: Job, add: Add, tmp_path: Path) -> None:
    first = mintage.run(job())
    gates = {"evaluation": {"metrics": ["fidelity"]}, "gates": {"shape_error": {"max": 0.0}}}
    with pytest.raises(GateFailedError):
        mintage.run(add(**gates))
    assert mintage.Result.open(first.store.uri).manifest.head.version == 1
    assert mintage.verify(first.store.uri).ok
    result = mintage.run(add(evaluation={"metrics": ["fidelity"]}))
    assert result.summary["version"] == 2
    report = result.report()
    assert report is not None
    assert report.provenance["plan"] == predicate(result)["planDigest"]


def _when_fitting(work: Callable[[], object]) -> Callable[[events.Event], None]:
    """Does something, once, when the fit begins: by then the job has looked at what is there."""
    done: list[object] = []

    def hear(event: events.Event) -> None:
        if isinstance(event, events.PhaseStarted) and event.phase == "fit" and not done:
            done.append(None)
            work()

    return hear


@pytest.mark.parametrize("mode", ["append", "supersede"])
def test_of_two_jobs_that_want_one_place_the_second_is_told_and_can_be_run_again(
    job: Job, add: Add, mode: str
) -> None:
    mintage.run(job())
    with pytest.raises(SpecError, match="another job, which began in the meantime"):
        mintage.run(add(mode, seed=6), on_event=_when_fitting(lambda: mintage.run(add(mode, seed=5))))
    assert mintage.Result.open(add()["sink"]["uri"]).manifest.head.version == 2
    third = mintage.run(add(mode, seed=6))
    assert third.summary["version"] == 3
    assert mintage.verify(third.store.uri, rows=True).ok
    firsts = [part["first"] for part in predicate(third)["segments"]]
    assert firsts == (["0", "4", "6"] if mode == "append" else ["6"])


@pytest.mark.parametrize("mode", ["append", "supersede"])
def test_two_drivers_of_one_job_make_one_version(job: Job, add: Add, mode: str) -> None:
    mintage.run(job())
    inner: list[mintage.Result] = []
    outer = mintage.run(add(mode), on_event=_when_fitting(lambda: inner.append(mintage.run(add(mode)))))
    assert outer.summary["version"] == 2
    assert outer.summary["root"] == inner[0].summary["root"]
    assert outer.summary["resumed_shards"] == 2
    assert mintage.verify(outer.store.uri, rows=True).ok


def test_drivers_in_threads_that_append_at_once_make_one_version(job: Job, add: Add) -> None:
    first = mintage.run(job())
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: mintage.run(add()), range(4)))
    assert {result.summary["version"] for result in results} == {2}
    assert len({result.summary["root"] for result in results}) == 1
    assert mintage.verify(first.store.uri, rows=True).ok


def test_threads_that_append_different_jobs_at_once_lose_none_of_what_is_signed(job: Job, add: Add) -> None:
    """Each either gets its place, or is told; run again one after another, all are in."""
    first = mintage.run(job())

    def attempt(seed: int) -> str:
        try:
            return str(mintage.run(add(seed=seed, rows=500)).summary["root"])
        except SpecError as exc:
            return exc.message

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(attempt, range(10, 14)))
    assert any(one.startswith("sha256:") for one in ended)
    told = [one for one in ended if not one.startswith("sha256:")]
    assert all("another job" in one or "unfinished job" in one for one in told), told
    for seed in range(10, 14):
        mintage.run(add(seed=seed, rows=500))
    result = mintage.Result.open(first.store.uri)
    assert result.scan().collect().height == 4000
    assert [int(part["first"]) for part in predicate(result)["segments"]] == [0, 4, 5, 6, 7]
    assert mintage.verify(first.store.uri, rows=True).ok
