from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import Result

Invoke = Callable[..., Result]


@pytest.fixture
def tables(tmp_path: Path) -> tuple[str, str, str]:
    """Real, synthetic and held-out rows of one distribution, as CSV."""
    draws = np.random.default_rng(2)
    names = ("real.csv", "synthetic.csv", "holdout.csv")
    for name in names:
        age = draws.integers(18, 80, 400)
        frame = pl.DataFrame(
            {
                "age": age,
                "city": draws.choice(["Ulm", "Bonn", "Kiel"], 400),
                "rich": np.where(age + draws.normal(0, 10, 400) > 50, "yes", "no"),
            }
        )
        frame.write_csv(tmp_path / name)
    return names


def test_two_tables_give_a_report_in_both_forms(
    invoke: Invoke,
    tables: tuple[str, str, str],
    read_object: Callable[[Result], dict[str, Any]],
    tmp_path: Path,
) -> None:
    real, synthetic, holdout = tables
    done = invoke(
        "evaluate", real, synthetic, "--holdout", holdout, "--target", "rich", "--protected", "city", "--json"
    )
    assert done.exit_code == 0, done.output
    report = read_object(done)
    assert {"shape_error", "trend_error", "trend_error_fixed_edges"} <= set(report["fidelity"])
    assert {"c2st_xgb", "c2st_xgb_holdout", "c2st_logistic"} <= set(report["detection"])
    assert {"tstr", "trtr"} <= set(report["utility"])
    assert {"privacy", "fairness", "collapse", "gates"} <= set(report)
    written = json.loads((tmp_path / "report/report.json").read_text())
    assert written == {**report, "seconds": {}}
    assert (tmp_path / "report/report.html").read_bytes().lstrip().startswith(b"<!doctype html>")


def test_without_json_the_verdict_is_told_in_words(invoke: Invoke, tables: tuple[str, str, str]) -> None:
    done = invoke("evaluate", *tables[:2], "--metrics", "fidelity", "--out", "here")
    assert done.exit_code == 0, done.output
    assert "here/report.html" in done.stdout


def test_a_gate_that_fails_is_the_exit_code(invoke: Invoke, tables: tuple[str, str, str]) -> None:
    common = ("evaluate", *tables[:2], "--metrics", "fidelity")
    assert invoke(*common, "--gate", "shape_error<=90").exit_code == 0
    done = invoke(*common, "--gate", "shape_error<=0")
    assert done.exit_code == 1
    assert "shape_error" in done.output or "more than 0" in done.output
    assert invoke(*common, "--gate", "membership_advantage<=1").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--gate", "shape_error<2"], "shape_error<2", id="no bound"),
        pytest.param(["--gate", "shape_error<=two"], "two", id="no number"),
        pytest.param(["--gate", "shape_eror<=2"], "shape_error", id="unknown figure"),
        pytest.param(["--metrics", "fidelty"], "fidelity", id="unknown metric"),
        pytest.param(["--kind", "age"], "COLUMN=KIND", id="no kind"),
        pytest.param(["--kind", "age=categorie"], "category", id="unknown kind"),
        pytest.param(["--kind", "agee=category"], "age", id="unknown column"),
        pytest.param(["--target", "rihc"], "rich", id="unknown target"),
        pytest.param(["--holdout", "missing.csv"], "missing.csv", id="missing file"),
    ],
)
def test_bad_input_is_told_with_what_to_do(
    invoke: Invoke, tables: tuple[str, str, str], arguments: list[str], said: str
) -> None:
    done = invoke("evaluate", *tables[:2], *arguments)
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert "hint:" in done.stderr


def test_a_data_set_of_ours_is_read_through_its_manifest(
    invoke: Invoke, spec: Path, flights: Path, read_object: Callable[[Result], dict[str, Any]]
) -> None:
    made = read_object(invoke("run", str(spec), "--json"))
    report = read_object(
        invoke("evaluate", str(flights), made["dataset"], "--metrics", "fidelity", "--key", "id", "--json")
    )
    assert report["synthetic"]["rows"] == 1000
    assert report["provenance"]["root"] == made["root"]
