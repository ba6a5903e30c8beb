"""Whole jobs with a third party's generator, operator and connector, and the two tables that come of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[str]"]

WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
SPEC = {
    "name": "orders",
    "seed": 7,
    "generator": {"kind": "example.orders", "channels": {"web": 6, "store": 3, "fax": 1}},
    "rows": 2000,
    "conditions": [{"values": {"channel": "fax"}, "rows": 123}],
    "balance": {"column": "channel", "shares": {"store": 0.5}},
    "validate": [{"kind": "example.weekdays", "column": "ordered_at", "days": WEEKDAYS}],
    "sink": {"uri": "orders-synthetic", "shard_rows": 300},
    "resources": {"workers": 1},
}

JOB = """
import json, sys
import mintage
import polars as pl
result = mintage.run(json.loads(sys.argv[1]))
orders, lines = (result.scan(table).collect() for table in ("orders", "lines"))
print(json.dumps({
    "tables": result.summary["tables"],
    "rejected": result.summary["rejected"],
    "root": result.summary["root"],
    "verified": mintage.verify(result.store.uri).ok,
    "parts": [uri.rpartition(".")[2] for uri in result.uris("lines")],
    "weekdays": orders["ordered_at"].dt.weekday().unique().sort().to_list(),
    "channels": dict(orders["channel"].value_counts().iter_rows()),
    "order_ids": orders["order_id"].n_unique(),
    "line_keys": lines.select("order_id", "line_no").n_unique(),
    "orphans": lines.join(orders, on="order_id", how="anti").height,
    "childless": orders.join(lines, on="order_id", how="anti").height,
    "plan": json.loads(result.store.read("_mintage/plan.json", max_bytes=10**6)),
}))
"""


def play(run: Run, site: Path, spec: dict[str, object]) -> dict[str, object]:
    """Run a job in a process that has the package installed, and return what came of it."""
    done = run("-c", JOB, json.dumps(spec), sites=[site])
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def played(run: Run, example_site: Path) -> dict[str, object]:
    """What came of the job as it stands above."""
    return play(run, example_site, SPEC)


def test_a_job_makes_two_tables_whose_keys_hold_across_shards(played: dict[str, object]) -> None:
    found, tables, rejected = played, played["tables"], played["rejected"]
    assert isinstance(tables, dict)
    assert isinstance(rejected, dict)
    assert found["verified"] is True
    assert found["order_ids"] == tables["orders"] == 2000
    assert found["line_keys"] == tables["lines"]
    assert 2000 < tables["lines"] < 10_000
    assert (found["orphans"], found["childless"]) == (0, 0)
    assert list(rejected) == ["weekdays:ordered_at"]
    assert rejected["weekdays:ordered_at"] > 300, "two days of seven are rejected, and others drawn for them"
    assert found["weekdays"] == [1, 2, 3, 4, 5]


def test_conditions_and_balance_of_the_root_table_come_out_exactly(played: dict[str, object]) -> None:
    channels = played["channels"]
    assert isinstance(channels, dict)
    free = 2000 - 123
    assert abs(channels["store"] - free / 2) <= 0.5
    assert channels["fax"] >= 123
    assert sum(channels.values()) == 2000


def test_the_plan_says_which_distribution_made_the_rows(played: dict[str, object]) -> None:
    plan = json.dumps(played["plan"])
    assert '"mintage-orders"' in plan
    assert '"1.0.0"' in plan


def test_parts_are_written_and_verified_by_a_third_party_connector(run: Run, example_site: Path) -> None:
    sink = {"uri": "orders-orc", "shard_rows": 300, "format": "example.orc"}
    orc = play(run, example_site, {**SPEC, "sink": sink})
    assert orc["verified"] is True
    assert orc["parts"] == ["orc"] * 7
    assert (orc["order_ids"], orc["orphans"], orc["childless"]) == (2000, 0, 0)


BAD = {
    "kind": ({"generator": {"kind": "example.order"}}, "did you mean 'example.orders'"),
    "unknown-option": ({"generator": {"kind": "example.orders", "chanels": {}}}, "chanels"),
    "wrong-option": ({"generator": {"kind": "example.orders", "days": 0}}, "days"),
    "unknown-value": ({"conditions": [{"values": {"channel": "telex"}, "rows": 1}]}, "telex"),
    "other-column": ({"conditions": [{"values": {"total": "1.00"}, "rows": 1}]}, "'channel' only"),
    "operator": (
        {"validate": [{"kind": "example.weekdays", "column": "total", "days": ["monday"]}]},
        "decimal128",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=list(BAD))
def test_bad_input_for_a_plugin_is_refused_before_any_row_is_made(
    example_site: Path, run: Run, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    spec = {**SPEC, "validate": [], "balance": None, "conditions": [], **change}
    done = run("-c", JOB, json.dumps(spec), sites=[example_site], folder=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "mintage.errors." in done.stderr, "the error is one of ours"
    left = {path.relative_to(tmp_path).parts[:3] for path in tmp_path.rglob("*") if path.is_file()}
    # The model stays, if it was needed to find out: the corrected job takes it up.
    assert left <= {("orders-synthetic", "_mintage", "model")}


def test_a_job_that_was_refused_runs_in_the_same_place_when_corrected(
    example_site: Path, run: Run, tmp_path: Path
) -> None:
    wrong = {**SPEC, "conditions": [{"values": {"channel": "telex"}, "rows": 1}]}
    assert run("-c", JOB, json.dumps(wrong), sites=[example_site], folder=tmp_path).returncode == 1
    done = run("-c", JOB, json.dumps(SPEC), sites=[example_site], folder=tmp_path)
    assert done.returncode == 0, done.stderr
