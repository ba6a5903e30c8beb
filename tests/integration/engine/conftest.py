"""A source and a job that takes a second or two, with enough shards to lose some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

Job = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def people_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 rows of three types, as Parquet."""
    rng = np.random.default_rng(11)
    path = tmp_path_factory.mktemp("people") / "people.parquet"
    pl.DataFrame(
        {
            "age": rng.integers(18, 90, 2000),
            "income": rng.normal(4e4, 1e4, 2000).round(2),
            "sex": rng.choice(["F", "M"], 2000),
        }
    ).write_parquet(path)
    return path


@pytest.fixture
def job(people_file: Path, tmp_path: Path) -> Job:
    """A job of 30 shards with a rule that rejects some rows; keys can be replaced."""

    def spec(sink: str, **replaced: object) -> dict[str, Any]:
        return {
            "name": "people",
            "seed": 3,
            "source": {"uri": str(people_file)},
            "generator": {"kind": "tabular.marginals"},
            "rows": 60_000,
            "validate": [{"kind": "range", "column": "age", "min": 25}],
            "sink": {"uri": str(tmp_path / sink), "shard_rows": 2000},
            "resources": {"executor": "inline"},
            "evaluation": {"metrics": []},
            **replaced,
        }

    return spec
