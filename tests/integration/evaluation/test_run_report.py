"""A run ends with a report that is bound into its manifest, and gates decide whether it is signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import mintage
from mintage.engine import events
from mintage.errors import GateFailedError, SpecError
from mintage.evaluation.results import Detection, Fidelity, Utility

Job = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def people_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 people whose income depends on their age and sex."""
    draws, rows = np.random.default_rng(1), 3000
    age, sex = draws.integers(18, 80, rows), draws.choice(["F", "M"], rows)
    income = 900 * age + 8000 * (sex == "M") + draws.normal(0, 9000, rows)
    frame = pl.DataFrame(
        {
            "person": np.arange(rows),
            "age": age,
            "sex": sex,
            "income": income.round(2),
            "rich": np.where(income > 50_000, "yes", "no"),
        }
    )
    path = tmp_path_factory.mktemp("people") / "people.parquet"
    frame.write_parquet(path)
    return path


@pytest.fixture
def job(people_file: Path, tmp_path: Path) -> Job:
    def spec(sink: str = "out", **replaced: object) -> dict[str, Any]:
        return {
            "name": "people",
            "seed": 5,
            "source": {"uri": str(people_file), "columns": {"person": "key"}},
            "generator": {"kind": "tabular.marginals"},
            "rows": 4000,
            "evaluation": {"holdout": 0.3, "target": "rich", "protected": "sex", "rows": 2000},
            "sink": {"uri": str(tmp_path / sink), "shard_rows": 1000},
            "resources": {"executor": "inline"},
            **replaced,
        }

    return spec


def test_a_run_ends_with_a_report_that_its_manifest_holds(job: Job) -> None:
    sections: list[str] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.PhaseStarted) and event.phase == "evaluate":
            sections.append(event.detail)

    result = mintage.run(job(), on_event=note)
    report = result.report()
    assert report is not None
    folder = f"_mintage/versions/{result.manifest.head.version}"
    stored = json.loads(result.store.read(f"{folder}/report.json", max_bytes=10**8))
    assert stored["format"] == "mintage-report/1"
    assert stored["provenance"]["run_id"] == result.summary["run_id"]
    assert stored["synthetic"]["rows"] == 4000
    assert result.store.read(f"{folder}/report.html", max_bytes=10**8).lstrip().startswith(b"<!doctype html>")
    assert {"fidelity", "detection", "utility", "privacy", "fairness", "collapse"} <= set(sections)
    assert mintage.verify(result.store.uri).ok


def test_the_report_tells_independent_columns_from_real_ones(job: Job) -> None:
    report = mintage.run(job()).report()
    assert report is not None
    fidelity, detection, utility = report.fidelity, report.detection, report.utility
    assert isinstance(fidelity, Fidelity)
    assert isinstance(detection, Detection)
    assert isinstance(utility, Utility)
    assert fidelity.shape_error < 5
    assert fidelity.rows_synthetic == 4000
    assert detection.c2st_xgb is not None
    assert detection.c2st_xgb < 0.5
    assert utility.tstr is not None
    assert utility.trtr is not None
    assert utility.tstr < 0.7 < 0.9 < utility.trtr


def test_counts_taken_while_minting_agree_with_a_second_look(job: Job, people_file: Path) -> None:
    result = mintage.run(job(evaluation={"metrics": ["fidelity"]}))
    report = result.report()
    assert report is not None
    looked = mintage.evaluate(people_file, result.store.uri, kinds={"person": "key"}, metrics=["fidelity"])
    assert isinstance(report.fidelity, Fidelity)
    assert isinstance(looked.fidelity, Fidelity)
    bound = 100 * report.fidelity.error_bound + 1e-9
    assert report.fidelity.shape_error == pytest.approx(looked.fidelity.shape_error, abs=bound)


def test_an_altered_report_is_found(job: Job) -> None:
    result = mintage.run(job(evaluation={"metrics": ["collapse"]}))
    path = Path(result.store.uri) / f"_mintage/versions/{result.manifest.head.version}/report.json"
    path.write_bytes(path.read_bytes().replace(b"people", b"PEOPLE"))
    assert not mintage.verify(result.store.uri).ok


def test_a_gate_that_fails_keeps_the_run_unsigned_and_a_changed_gate_mints_nothing_anew(
    job: Job, tmp_path: Path
) -> None:
    strict = job(evaluation={"metrics": ["fidelity"]}, gates={"shape_error": {"max": 1e-6}})
    with pytest.raises(GateFailedError, match="shape_error") as caught:
        mintage.run(strict)
    assert "_mintage/evaluations/" in caught.value.hint
    [kept] = (tmp_path / "out/_mintage/evaluations").iterdir()
    assert {path.name for path in kept.iterdir()} == {"report.html", "report.json", "statement.jsonl"}
    assert not (tmp_path / "out/_mintage/heads").exists()
    loose = mintage.run({**strict, "gates": {"shape_error": {"max": 50}}})
    assert loose.summary["resumed_shards"] == 4
    assert mintage.verify(loose.store.uri).ok
    report = loose.report()
    assert report is not None
    assert [gate.status for gate in report.gates] == ["pass"]


def test_new_gates_judge_a_finished_run_too(job: Job) -> None:
    spec = job(evaluation={"metrics": ["fidelity"]})
    mintage.run(spec)
    with pytest.raises(GateFailedError, match="trend_error_fixed_edges"):
        mintage.run({**spec, "gates": {"trend_error_fixed_edges": {"max": 0.0}}})
    with pytest.raises(GateFailedError, match="not computed"):
        mintage.run({**spec, "gates": {"membership_advantage": {"max": 0.5}}})


def test_a_gate_on_what_was_not_computed_fails(job: Job) -> None:
    with pytest.raises(GateFailedError, match="not computed"):
        mintage.run(job(evaluation={"metrics": []}, gates={"tstr": {"min": 0.1}}))


def test_an_unknown_figure_or_column_is_refused_before_any_work(job: Job, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="trend_eror"):
        mintage.run(job(gates={"trend_eror": {"max": 1}}))
    with pytest.raises(SpecError, match=r"evaluation\.target"):
        mintage.run(job(evaluation={"target": "ritch"}))
    assert not (tmp_path / "out").exists()


def test_without_evaluation_there_is_no_report(job: Job) -> None:
    result = mintage.run(job(evaluation={"metrics": []}))
    assert result.report() is None
    assert mintage.verify(result.store.uri).ok


def test_rows_that_were_set_aside_are_not_learned_from(people_file: Path, tmp_path: Path) -> None:
    """A generator that repeats its source would give them away."""
    spec = {
        "name": "people",
        "source": {"uri": str(people_file)},
        "generator": {"kind": "tabular.marginals"},
        "rows": 500,
        "evaluation": {"holdout": 0.5, "key": "person", "metrics": ["fidelity"]},
        "sink": {"uri": str(tmp_path / "out")},
        "resources": {"executor": "inline"},
    }
    report = mintage.run(spec).report()
    assert report is not None
    assert report.real is not None
    assert report.holdout is not None
    assert report.real.rows + report.holdout.rows == 3000
    assert 1300 < report.holdout.rows < 1700
    assert isinstance(report.fidelity, Fidelity)
    assert report.fidelity.rows_real == report.real.rows


def test_the_same_run_gives_the_same_report(job: Job) -> None:
    first, second = (mintage.run(job(sink)) for sink in ("first", "second"))
    path = "_mintage/versions/1/report.json"
    assert first.store.read(path, max_bytes=10**8) == second.store.read(path, max_bytes=10**8)
