"""Every shard of jobs of all kinds comes out again to the byte: whatever was rejected, fixed or added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mintage
from mintage.contracts import Determinism


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 rows of numbers, levels and nulls."""
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("source") / "people.parquet"
    pl.DataFrame(
        {
            "age": rng.integers(18, 90, 500),
            "income": [None if draw < 0.1 else float(round(draw * 9e4, 2)) for draw in rng.random(500)],
            "sex": rng.choice(["F", "M"], 500, p=[0.3, 0.7]),
        }
    ).write_parquet(path)
    return path


@st.composite
def jobs(draw: st.DrawFn) -> dict[str, Any]:
    """A job with any mixture of rejects, conditions, balance, formats and sizes of shards."""
    rows = draw(st.integers(1, 300))
    asked: dict[str, Any] = {
        "name": "people",
        "seed": draw(st.integers(0, 2**64 - 1)),
        "generator": {"kind": "tabular.marginals"},
        "rows": rows,
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": []},
    }
    if (rejects := draw(st.sampled_from(["none", "reject", "tag"]))) != "none":
        asked["validate"] = [{"kind": "range", "column": "age", "min": 40, "action": rejects}]
    if draw(st.booleans()):
        asked["conditions"] = [{"values": {"sex": "F"}, "rows": draw(st.integers(1, rows))}]
    if draw(st.booleans()):
        asked["balance"] = {"column": "sex", "shares": {"M": draw(st.sampled_from([0.1, 0.25, 1.0]))}}
    form = draw(st.sampled_from(["parquet", "csv", "jsonl"]))
    asked["sink"] = {"shard_rows": draw(st.integers(max(1, rows // 3), rows)), "format": form}
    return asked


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(job=jobs(), more=st.integers(0, 100))
def test_every_shard_of_every_version_comes_out_again(
    source: Path, tmp_path_factory: pytest.TempPathFactory, job: dict[str, Any], more: int
) -> None:
    out = tmp_path_factory.mktemp("data") / "out"
    spec = {**job, "source": {"uri": str(source)}, "sink": {**job["sink"], "uri": str(out)}}
    first = mintage.run(spec)
    shards = list(range(first.manifest.head.size))
    if more:
        added = {**spec, "rows": more, "seed": (job["seed"] + 1) % 2**64, "conditions": []}
        added["sink"] = {**spec["sink"], "mode": "append", "shard_rows": 40}
        mintage.run(added)
        shards.extend(range(len(shards), len(shards) + -(-more // 40)))
    for shard in shards:
        done = mintage.regenerate(str(out), shard)
        assert (done.equality, done.ok, done.parts) == (Determinism.BYTES, True, {"people": "intact"})
        assert done.version == (2 if more else 1)
    assert mintage.verify(str(out), rows=True).ok
