"""A small source, a spec for it, and the command line to try them with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from mintage.cli import main

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs `mintage` with its arguments, in a folder and with an identity of its own."""
    monkeypatch.setenv("MINTAGE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def flights(tmp_path: Path) -> Path:
    """400 made-up flights: a key, categories, numbers with nulls, dates, odd column names."""
    random, rows = np.random.default_rng(0), 400
    frame = pl.DataFrame(
        {
            "id": np.arange(rows),
            "carrier": random.choice(["UA", "B6", "NO", "1e3"], rows),
            "delay": random.normal(0, 5, rows).round(3),
            "distance": random.integers(50, 1000, rows),
            "no, [x]": random.integers(0, 9, rows),
        }
    ).with_columns(
        distance=pl.when(pl.col("distance") < 100).then(None).otherwise("distance"),
        day=pl.date(2013, 1, 1) + pl.duration(days=pl.col("id") % 365),
    )
    path = tmp_path / "flights.parquet"
    frame.write_parquet(path)
    return path


@pytest.fixture
def spec(flights: Path) -> Path:
    """A spec that takes about a second."""
    path = flights.with_suffix(".yaml")
    path.write_text(
        "name: flights\n"
        f"source: {{uri: {json.dumps(str(flights))}}}\n"
        "generator: {kind: tabular.marginals}\n"
        "rows: 1000\n"
        "validate:\n"
        "  - {kind: range, column: delay, min: 0}\n"
        f"sink: {{uri: {json.dumps(str(flights.parent / 'out'))}, shard_rows: 250}}\n"
        "resources: {executor: inline}\n"
        "evaluation: {metrics: []}\n",
        encoding="utf-8",
    )
    return path


def only_object(result: Result) -> dict[str, Any]:
    """The one JSON object on stdout."""
    (line,) = result.stdout.splitlines()
    value = json.loads(line)
    assert isinstance(value, dict)
    return value


@pytest.fixture
def read_object() -> Callable[[Result], dict[str, Any]]:
    return only_object
