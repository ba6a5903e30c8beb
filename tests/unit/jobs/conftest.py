"""A small source, a job on it that takes a fraction of a second, and the example plugin."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mintage import plugins

Job = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def people() -> pl.DataFrame:
    """3,000 rows of mixed types, with nulls."""
    rng = np.random.default_rng(5)
    rows = 3000
    days = [date(2020, 1, 1) + timedelta(days=int(day)) for day in rng.integers(0, 900, rows)]
    return pl.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income": [None if draw < 0.1 else float(round(draw * 9e4, 2)) for draw in rng.random(rows)],
            "sex": rng.choice(["F", "M"], rows, p=[0.3, 0.7]),
            "member": rng.random(rows) < 0.2,
            "joined": days,
        }
    )


@pytest.fixture
def job(people: pl.DataFrame, tmp_path: Path) -> Job:
    """A job spec on the people, with any keys replaced."""
    source = tmp_path / "people.parquet"
    people.write_parquet(source)

    def spec(**replaced: object) -> dict[str, Any]:
        return {
            "name": "people",
            "seed": 3,
            "source": {"uri": str(source)},
            "generator": {"kind": "tabular.marginals"},
            "rows": 2000,
            "sink": {"uri": str(tmp_path / "out"), "shard_rows": 500},
            "resources": {"executor": "inline"},
            "evaluation": {"metrics": []},
            **replaced,
        }

    return spec


@pytest.fixture
def orders_plugin(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The example package's generator, installed as far as entry points can tell; yields its kind."""
    site = tmp_path / "site"
    shutil.copytree(repository / "docs/examples/plugin/src", site)
    info = site / "mintage_orders-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mintage-orders\nVersion: 0.1.0\n")
    target = "mintage_orders.generator:OrdersGenerator"
    (info / "entry_points.txt").write_text(f"[mintage.generators]\nexample.orders = {target}\n")
    monkeypatch.syspath_prepend(str(site))
    plugins._installed.cache_clear()
    yield "example.orders"
    plugins._installed.cache_clear()
