"""An estimate measures the job itself on a little of it, writes nothing, and says what it assumes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import mintage
from mintage.cli.estimating import estimate_text
from mintage.cli.main import main
from mintage.engine.usage import NOTHING, Usage
from mintage.engine.worker import Receipt
from mintage.errors import SpecError
from mintage.jobs.estimating import Range, _extrapolate, _Measured
from mintage.jobs.workplace import Workplace
from mintage.prices import Prices
from mintage.settings import Settings
from mintage.spec import JobSpec, read_spec

Job = Callable[..., dict[str, Any]]


def measured(*seconds: float) -> _Measured:
    """Shards of 100 rows that took so many processor seconds, twice that on the wall, and 800 bytes."""
    receipts = tuple(
        Receipt(
            shard=number,
            rows=100,
            bytes=700,
            rejected={},
            adopted=False,
            usage=Usage(seconds=2 * taken, cpu_seconds=taken, gpu_seconds=taken, bytes=800),
        )
        for number, taken in enumerate(seconds)
    )
    return _Measured(
        fit=Usage(seconds=16, cpu_seconds=8), loading=Usage(seconds=4, cpu_seconds=2), shards=receipts
    )


def extrapolated(spec: JobSpec, found: _Measured, *, workers: int, ray: bool) -> mintage.Estimate:
    place = Workplace(spec=spec, settings=Settings.read(), workers=workers, asked=workers, ray=ray)
    return _extrapolate(spec, place, found, Prices(currency="EUR", cpu_hour=3600, gb=1e9))


@pytest.fixture
def spec(job: Job, tmp_path: Path) -> JobSpec:
    sink = {"uri": str(tmp_path / "out"), "shard_rows": 1000}
    return read_spec(job(rows=10_000, sink=sink, resources={"cpus_per_worker": 2}))


def test_shards_that_took_the_same_leave_no_range(spec: JobSpec) -> None:
    found = extrapolated(spec, measured(1, 1, 1, 1, 1), workers=1, ray=False)
    # 10,000 rows at 0.01 CPU-seconds, the fit, and loading once.
    assert found.cpu_seconds == Range(low=110, likely=110, high=110)
    assert found.seconds == Range(low=220, likely=220, high=220)
    assert found.bytes == Range(low=80_000, likely=80_000, high=80_000)
    assert found.cost == Range(low=80_110, likely=80_110, high=80_110)
    assert found.cost_per_million_rows is not None
    assert found.cost_per_million_rows.likely == 8_011_000


def test_a_cluster_is_billed_for_what_is_reserved_until_the_last_worker_ends(spec: JobSpec) -> None:
    found = extrapolated(spec, measured(1, 1, 1, 1, 1), workers=4, ray=True)
    # Ten shards on four workers: the last to end has three of them, 3,000 rows.
    assert found.seconds.likely == 16 + 4 + 60
    assert found.cpu_seconds.likely == 4 * 80 * 2
    assert found.workers == 4


def test_shards_that_differ_give_the_interval_of_the_t_distribution(spec: JobSpec) -> None:
    found = extrapolated(spec, measured(1, 2, 3, 4, 5), workers=1, ray=False)
    error = 2.776 * (2.5 / 5) ** 0.5 * 100
    assert found.cpu_seconds.likely == pytest.approx(310)
    assert found.cpu_seconds.low == pytest.approx(310 - error, abs=1e-6)
    assert found.cpu_seconds.high == pytest.approx(310 + error, abs=1e-6)


def test_a_job_is_estimated_from_itself_and_nothing_is_written(job: Job, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    asked = job(rows=100_000, validate=[{"kind": "range", "column": "age", "min": 30}])
    found = mintage.estimate(asked, sample_rows=600)
    assert set(tmp_path.rglob("*")) | before == before | {tmp_path / "people.parquet"}
    assert (found.rows, found.shards, found.workers, found.sampled_rows) == (100_000, 200, 1, 500)
    assert found.fit.cpu_seconds > 0
    assert 0 < found.cpu_seconds.low <= found.cpu_seconds.likely <= found.cpu_seconds.high
    assert found.cost is None
    assert found.cost_per_million_rows is None
    assert any("100" in one for one in found.assumptions)
    assert "\ncost" not in estimate_text(found)


def test_a_model_that_the_sink_has_is_not_fitted_again(job: Job) -> None:
    mintage.run(job())
    found = mintage.estimate(job(), sample_rows=60)
    assert found.fit == NOTHING
    assert any("no fit" in one for one in found.assumptions)


def test_a_table_in_memory_can_be_estimated(job: Job, people: pl.DataFrame) -> None:
    asked = {key: value for key, value in job().items() if key != "source"}
    assert mintage.estimate(asked, source=people, sample_rows=60).rows == 2000


@pytest.mark.parametrize("asked", [5, 10**8])
def test_too_few_or_too_many_rows_to_sample_are_refused(job: Job, asked: int) -> None:
    with pytest.raises(SpecError, match="sample_rows"):
        mintage.estimate(job(), sample_rows=asked)


def test_a_job_of_a_few_rows_is_not_worth_an_estimate(job: Job) -> None:
    with pytest.raises(SpecError, match="too few"):
        mintage.estimate(job(rows=5))


def test_a_job_that_leaves_its_workers_to_a_cluster_must_say_how_many(job: Job) -> None:
    asked = job(resources={"address": "ray://head:10001"})
    with pytest.raises(SpecError, match="workers"):
        mintage.estimate(asked)
    assert mintage.estimate(asked, workers=3, sample_rows=60).workers == 3


def test_the_command_says_what_it_costs_in_both_forms(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINTAGE_PRICE_CPU_HOUR", "3600")
    monkeypatch.setenv("MINTAGE_CURRENCY", "EUR")
    path = tmp_path / "job.yaml"
    path.write_text(json.dumps(job(rows=100_000)))
    arguments = ["estimate", str(path), "--sample-rows", "60"]
    shown = CliRunner().invoke(main, [*arguments, "--workers", "3"], standalone_mode=False)
    assert "EUR) per million rows" in shown.output
    told = json.loads(CliRunner().invoke(main, [*arguments, "--json"], standalone_mode=False).stdout)
    assert set(told) == {field.name for field in dataclasses.fields(mintage.Estimate)}
    assert told["cost"]["low"] <= told["cost"]["likely"] <= told["cost"]["high"]
