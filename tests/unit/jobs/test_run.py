"""A job end to end in this process: what is asked for comes out exactly, signed, and resumable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import mintage
from mintage.engine import events
from mintage.errors import (
    CancelledError,
    ConditionError,
    ObjectExistsError,
    SpecError,
    StarvationError,
    ValidationFailedError,
)

Job = Callable[..., dict[str, Any]]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def counts(result: mintage.Result, kind: str) -> dict[str, int]:
    """Rows by reason, as the summary tells them."""
    value = result.summary[kind]
    assert isinstance(value, dict)
    return value


def test_a_job_makes_exactly_the_rows_asked_for_and_verifies(job: Job, people: pl.DataFrame) -> None:
    result = mintage.run(job(rows=1999))
    rows = result.scan().collect()
    assert rows.height == 1999
    assert rows.schema == people.schema
    assert mintage.verify(result.store.uri).ok


def test_parts_are_as_even_as_can_be_and_in_the_manifest(job: Job) -> None:
    result = mintage.run(job(rows=1200))
    assert [part.rows for part in result.manifest.parts("people")] == [400, 400, 400]


def test_rejects_are_counted_by_reason_and_made_up_for(job: Job) -> None:
    result = mintage.run(job(validate=[{"kind": "range", "column": "age", "min": 30}]))
    assert counts(result, "rejected")["range:age"] > 100
    rows = result.scan().collect()
    assert rows.height == 2000
    assert rows.filter(pl.col("age") < 30).height == 0


def test_every_row_drawn_is_accounted_for(job: Job) -> None:
    rules = [
        {"kind": "range", "column": "age", "min": 40},
        {"kind": "allowed", "column": "sex", "values": ["F"]},
    ]
    result = mintage.run(job(validate=rules))
    for record in result.manifest.records():
        verdicts = record.tables["people"].verdicts
        dropped = sum(verdicts.rejected.values()) + verdicts.orphaned + verdicts.surplus
        assert verdicts.drawn == verdicts.accepted + dropped
        assert verdicts.accepted == record.tables["people"].rows == 500


def test_the_same_spec_twice_is_the_same_root_and_bytes(job: Job, tmp_path: Path) -> None:
    first = mintage.run(job(sink={"uri": str(tmp_path / "a"), "shard_rows": 500}))
    second = mintage.run(job(sink={"uri": str(tmp_path / "b"), "shard_rows": 500}))
    assert first.summary["root"] == second.summary["root"]
    assert first.summary["run_id"] == second.summary["run_id"]
    assert first.scan().collect().equals(second.scan().collect())


def test_another_seed_is_another_run_with_other_rows(job: Job, tmp_path: Path) -> None:
    first = mintage.run(job(seed=0, sink={"uri": str(tmp_path / "a")}))
    second = mintage.run(job(seed=1, sink={"uri": str(tmp_path / "b")}))
    assert first.summary["run_id"] != second.summary["run_id"]
    assert not first.scan().collect().equals(second.scan().collect())


def test_where_it_goes_and_on_what_it_runs_do_not_change_the_run_id(job: Job, tmp_path: Path) -> None:
    first = mintage.run(job())
    second = mintage.run(
        job(
            sink={"uri": str(tmp_path / "elsewhere"), "keep_rejects": True},
            resources={"executor": "inline", "workers": 7},
            telemetry={"attributes": {"team": "risk"}},
        )
    )
    assert first.summary["run_id"] == second.summary["run_id"]


def test_a_finished_job_run_again_changes_no_byte(job: Job, tmp_path: Path) -> None:
    mintage.run(job())
    before = files(tmp_path / "out")
    again = mintage.run(job())
    assert files(tmp_path / "out") == before
    assert again.summary["resumed_shards"] == 4


@pytest.mark.parametrize("after", [1, 2, 3], ids=["one", "two", "three"])
def test_a_cancelled_job_goes_on_where_it_stopped(job: Job, tmp_path: Path, after: int) -> None:
    whole = mintage.run(job(sink={"uri": str(tmp_path / "whole"), "shard_rows": 500}))
    done: list[int] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.ShardCommitted):
            done.append(event.shard)

    with pytest.raises(CancelledError, match=f"stopped after {after} of 4 shards"):
        mintage.run(job(), on_event=note, cancelled=lambda: len(done) >= after)
    kept = files(tmp_path / "out" / "data")
    assert len(kept) == after
    resumed = mintage.run(job())
    assert resumed.summary["resumed_shards"] == after
    assert resumed.summary["root"] == whole.summary["root"]
    assert kept.items() <= files(tmp_path / "out" / "data").items()
    assert mintage.verify(str(tmp_path / "out")).ok


def test_another_run_in_the_same_folder_is_refused_and_nothing_changes(job: Job, tmp_path: Path) -> None:
    mintage.run(job())
    before = files(tmp_path / "out")
    with pytest.raises(SpecError, match="holds another run"):
        mintage.run(job(seed=99))
    assert files(tmp_path / "out") == before


def test_another_layout_in_the_same_folder_is_refused(job: Job, tmp_path: Path) -> None:
    mintage.run(job())
    with pytest.raises(SpecError, match="shard_rows"):
        mintage.run(job(sink={"uri": str(tmp_path / "out"), "shard_rows": 250}))


def test_a_folder_with_data_of_unknown_origin_is_refused(job: Job, tmp_path: Path) -> None:
    (tmp_path / "out" / "data").mkdir(parents=True)
    (tmp_path / "out" / "data" / "old.parquet").write_bytes(b"PAR1")
    with pytest.raises(SpecError, match="no plan explains"):
        mintage.run(job())


@pytest.mark.parametrize("sink", ["source/inner", ".", "source"], ids=["inside", "around", "same"])
def test_source_and_sink_must_not_lie_in_one_another(
    job: Job, people: pl.DataFrame, tmp_path: Path, sink: str
) -> None:
    (tmp_path / "source").mkdir()
    people.write_parquet(tmp_path / "source" / "people.parquet")
    spec = job(source={"uri": str(tmp_path / "source")}, sink={"uri": str(tmp_path / sink)})
    with pytest.raises(SpecError, match="lie in one another"):
        mintage.run(spec)
    assert sorted(files(tmp_path / "source")) == ["people.parquet"]


def test_conditions_come_out_exact(job: Job) -> None:
    conditions = [{"values": {"sex": "F", "member": True}, "rows": 130}, {"values": {"age": 44}, "rows": 7}]
    rules = [{"kind": "range", "column": "income", "min": 20_000}]
    rows = mintage.run(job(conditions=conditions, validate=rules)).scan().collect()
    assert rows.height == 2000
    assert rows.filter((pl.col("sex") == "F") & pl.col("member")).height >= 130
    assert rows.filter(pl.col("age") == 44).height >= 7


def test_balance_comes_out_exact_even_when_rows_are_rejected(job: Job) -> None:
    balance = {"column": "sex", "shares": {"F": 0.75, "M": 0.25}}
    rules = [{"kind": "range", "column": "age", "max": 60}]
    rows = mintage.run(job(balance=balance, validate=rules)).scan().collect()
    assert dict(rows["sex"].value_counts().iter_rows()) == {"F": 1500, "M": 500}


def test_a_share_that_leaves_something_over_is_still_exact(job: Job) -> None:
    balance = {"column": "sex", "shares": {"F": 0.9}}
    rows = mintage.run(job(balance=balance)).scan().collect()
    assert rows.filter(pl.col("sex") == "F").height == 1800


@pytest.mark.parametrize(
    ("values", "message"),
    [({"sex": "X"}, "sex"), ({"nothing": 1}, "no column 'nothing'"), ({"age": 1000}, "age")],
    ids=["unknown value", "unknown column", "out of range"],
)
def test_an_impossible_condition_is_refused_before_anything_is_minted(
    job: Job, tmp_path: Path, values: dict[str, object], message: str
) -> None:
    with pytest.raises((ConditionError, SpecError), match=message):
        mintage.run(job(conditions=[{"values": values, "rows": 5}]))
    assert not (tmp_path / "out" / "data").exists()


def test_a_rule_that_rejects_everything_is_named_soon(job: Job, tmp_path: Path) -> None:
    rules = [{"kind": "range", "column": "age", "min": 30}, {"kind": "expression", "where": "age < 0"}]
    with pytest.raises(StarvationError, match=r"rejected by .*expression"):
        mintage.run(job(rows=1_000_000, validate=rules))
    assert not list((tmp_path / "out").glob("_mintage/commits/*"))
    assert not files(tmp_path / "out" / "data") if (tmp_path / "out" / "data").exists() else True


def test_a_broken_share_fails_the_job_and_attests_nothing(job: Job, tmp_path: Path) -> None:
    rules = [{"kind": "range", "column": "age", "min": 30, "action": "fail", "above": 0.01}]
    with pytest.raises(ValidationFailedError, match="range:age"):
        mintage.run(job(validate=rules))
    assert not list((tmp_path / "out").glob("_mintage/heads/*"))


def test_a_share_that_is_tolerated_does_not_fail_the_job(job: Job) -> None:
    rules = [{"kind": "range", "column": "age", "min": 30, "action": "fail", "above": 0.9}]
    assert mintage.run(job(validate=rules)).scan().collect().height == 2000


def test_rows_that_repeat_one_another_across_shards_fail_the_job(job: Job, tmp_path: Path) -> None:
    few = job(rows=60, validate=[{"kind": "unique", "columns": ["age"]}], min_acceptance=0.001)
    with pytest.raises(
        ValidationFailedError, match=r"unique:age: \d+ of 60 rows repeat a row of another shard"
    ):
        mintage.run({**few, "sink": {"uri": str(tmp_path / "few"), "shard_rows": 30}})
    assert not list((tmp_path / "few").glob("_mintage/heads/*"))
    whole = mintage.run({**few, "sink": {"uri": str(tmp_path / "whole"), "shard_rows": 60}})
    assert whole.scan().collect()["age"].n_unique() == 60


def test_tagged_rows_are_kept_with_the_name_of_the_rule(job: Job) -> None:
    rules = [{"kind": "range", "column": "age", "min": 30, "action": "tag"}]
    result = mintage.run(job(validate=rules))
    rows = result.scan().collect()
    young = rows.filter(pl.col("age") < 30)
    assert young.height == counts(result, "tagged")["range:age"] > 0
    assert set(young["_tags"]) == {"range:age"}
    assert rows.filter(pl.col("age") >= 30)["_tags"].null_count() == rows.height - young.height
    assert mintage.verify(result.store.uri).ok


def test_rejected_rows_can_be_kept_with_their_reason(job: Job, tmp_path: Path) -> None:
    sink = {"uri": str(tmp_path / "out"), "shard_rows": 500, "keep_rejects": True}
    result = mintage.run(job(validate=[{"kind": "range", "column": "age", "min": 30}], sink=sink))
    kept = pl.read_parquet(str(tmp_path / "out/_mintage/rejects/people/*.parquet"))
    assert kept.height == counts(result, "rejected")["range:age"]
    assert set(kept["_reason"]) == {"range:age"}
    assert mintage.verify(result.store.uri).ok


def test_a_model_fitted_before_mints_without_its_source(job: Job, tmp_path: Path) -> None:
    first = mintage.run(job())
    spec = job(model={"uri": first.store.uri}, sink={"uri": str(tmp_path / "more")}, rows=300)
    del spec["source"], spec["generator"]
    second = mintage.run(spec)
    assert second.scan().collect().height == 300
    models = [next(result.manifest.records()).model for result in (first, second)]
    assert models[0] == models[1]
    assert mintage.verify(second.store.uri).ok


def test_a_model_with_another_digest_than_asked_for_is_refused(job: Job, tmp_path: Path) -> None:
    first = mintage.run(job())
    spec = job(
        model={"uri": first.store.uri, "digest": "sha256:" + "0" * 64}, sink={"uri": str(tmp_path / "more")}
    )
    del spec["source"], spec["generator"]
    with pytest.raises(mintage.MintageError, match="not sha256:000"):
        mintage.run(spec)


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow"])
def test_a_table_straight_from_python_is_learned_from(job: Job, people: pl.DataFrame, kind: str) -> None:
    table: object = {"polars": people, "pandas": people.to_pandas(), "arrow": people.to_arrow()}[kind]
    spec = job()
    del spec["source"]
    assert mintage.run(spec, source=table).scan().collect().height == 2000


def test_memory_is_a_sink_for_tests(job: Job) -> None:
    result = mintage.run(job(sink={"uri": "memory://unit/people", "shard_rows": 500}))
    assert sum(batch.num_rows for batch in result.batches()) == 2000
    assert mintage.verify(result.store.uri).ok


def test_memory_and_ray_do_not_go_together(job: Job) -> None:
    with pytest.raises(SpecError, match="memory://"):
        mintage.run(job(sink={"uri": "memory://unit/ray"}, resources={"executor": "ray"}))


@pytest.mark.parametrize("form", ["csv", "jsonl", "ipc"])
def test_every_format_of_parts_is_written_read_back_and_verified(job: Job, tmp_path: Path, form: str) -> None:
    spec = job(sink={"uri": str(tmp_path / form), "shard_rows": 500, "format": form})
    parquet = mintage.run(job()).scan().collect()
    result = mintage.run(spec)
    assert result.scan().collect().equals(parquet)
    report = mintage.verify(result.store.uri, rows=True)
    assert report.ok
    assert report.checked.contents == 4


def test_two_tables_keep_their_keys(job: Job, orders_plugin: str) -> None:
    spec = job(generator={"kind": orders_plugin}, name="shop")
    del spec["source"]
    result = mintage.run(spec)
    orders, lines = (result.scan(name).collect() for name in ("orders", "lines"))
    assert orders.height == 2000
    assert orders["order_id"].n_unique() == 2000
    assert set(lines["order_id"]) == set(orders["order_id"])
    assert mintage.verify(result.store.uri).ok


def test_rejecting_an_order_takes_its_lines_along(job: Job, orders_plugin: str) -> None:
    spec = job(
        generator={"kind": orders_plugin},
        validate=[{"kind": "expression", "where": "order_id % 3 <> 0", "table": "orders"}],
    )
    del spec["source"]
    result = mintage.run(spec)
    orders, lines = (result.scan(name).collect() for name in ("orders", "lines"))
    assert orders.height == 2000
    assert orders.filter(pl.col("order_id") % 3 == 0).height == 0
    assert set(lines["order_id"]) == set(orders["order_id"])


def test_events_tell_the_phases_and_every_shard(job: Job) -> None:
    heard: list[events.Event] = []
    mintage.run(job(), on_event=heard.append)
    phases = [event.phase for event in heard if isinstance(event, events.PhaseStarted)]
    assert phases == ["read", "fit", "mint", "attest"]
    assert sorted(e.shard for e in heard if isinstance(e, events.ShardCommitted)) == [0, 1, 2, 3]
    last = [event for event in heard if isinstance(event, events.Progress)][-1]
    assert (last.shards_done, last.rows) == (4, 2000)


def test_preview_shows_rows_and_writes_nothing(job: Job, tmp_path: Path) -> None:
    tables = mintage.preview(
        job(rows=1_000_000, validate=[{"kind": "range", "column": "age", "min": 50}]), rows=25
    )
    assert isinstance(tables["people"], pa.Table)
    assert tables["people"].num_rows == 25
    assert min(tables["people"]["age"].to_pylist()) >= 50
    assert not (tmp_path / "out").exists()


def test_the_plan_holds_no_place_on_this_machine(job: Job, tmp_path: Path) -> None:
    mintage.run(job())
    plan = (tmp_path / "out/_mintage/plan.json").read_text()
    assert str(tmp_path) not in plan
    assert json.loads(plan)["seed"] == "3"


def test_a_lost_race_for_the_plan_is_an_error_that_names_the_other_run(job: Job, tmp_path: Path) -> None:
    mintage.run(job())
    store = mintage.Result.open(str(tmp_path / "out")).store
    with pytest.raises(ObjectExistsError):
        store.create("_mintage/plan.json", b"{}")


def test_two_whole_runs_with_fixed_steps_fit_the_same_model_and_give_the_same_root(
    job: Job, tmp_path: Path
) -> None:
    generator = {"kind": "tabular.autoregressive", "max_steps": 12, "hidden": 16}
    roots = {
        mintage.run(job(rows=500, generator=generator, sink={"uri": str(tmp_path / name)})).summary["root"]
        for name in ("first", "second")
    }
    assert len(roots) == 1
    plan = json.loads((tmp_path / "first/_mintage/plan.json").read_text())
    assert plan["spec"]["generator"] == generator


def test_rules_on_columns_that_no_model_will_have_are_refused_before_fitting(
    job: Job, tmp_path: Path
) -> None:
    heard: list[events.Event] = []
    with pytest.raises(SpecError, match="incme"):
        mintage.run(job(validate=[{"kind": "range", "column": "incme", "min": 0}]), on_event=heard.append)
    assert [event.phase for event in heard if isinstance(event, events.PhaseStarted)] == ["read"]
    assert not (tmp_path / "out").exists()
