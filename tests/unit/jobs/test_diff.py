"""Comparing versions: what is the same by root, how many shards are shared, what was asked in another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import mintage
from mintage.cli.main import main
from mintage.errors import ProvenanceError
from mintage.jobs.differences import diff

Job = Callable[..., dict[str, Any]]


@pytest.fixture
def grown(job: Job, tmp_path: Path) -> str:
    """A data set of 4 shards, 2 more behind them, then 1 that supersedes them all."""
    out = str(tmp_path / "out")
    mintage.run(job())
    for seed, mode, rows in ((4, "append", 1000), (5, "supersede", 500)):
        mintage.run(job(seed=seed, rows=rows, sink={"uri": out, "shard_rows": 500, "mode": mode}))
    return out


def told(changes: object) -> dict[str, tuple[object, object]]:
    assert isinstance(changes, list)
    return {change["what"]: (change["a"], change["b"]) for change in changes}


def test_a_version_is_equal_to_itself(grown: str) -> None:
    found = diff(f"{grown}@1", f"{grown}@1")
    assert found.equal
    assert found.same_rows
    assert (found.schema, found.facts, found.spec, found.gates) == ((), (), (), ())
    assert found.to_json()["shards"] == {
        "shared": 4, "differing": 0, "ranges": [], "only_a": 0, "only_b": 0,
    }  # fmt: skip


def test_an_append_shares_the_older_shards(grown: str) -> None:
    found: Any = diff(f"{grown}@1", f"{grown}@2").to_json()
    assert found["equal"] is False
    assert found["shards"] == {"shared": 4, "differing": 0, "ranges": [], "only_a": 0, "only_b": 2}
    spec = told(found["spec"])
    assert spec["seed"] == ("3", "4")
    assert spec["sink.mode"] == ("create", "append")
    assert "rows" in spec
    assert found["a"]["tables"] == {
        "people": {"rows": 2000, "bytes": found["a"]["tables"]["people"]["bytes"]}
    }


def test_the_newest_version_is_the_default_and_a_superseding_one_shares_nothing(grown: str) -> None:
    found: Any = diff(f"{grown}@2", grown).to_json()
    assert found["b"]["version"] == 3
    assert found["shards"] == {"shared": 0, "differing": 0, "ranges": [], "only_a": 6, "only_b": 1}


def test_two_data_sets_of_one_job_are_equal_and_of_another_format_have_the_same_rows(
    job: Job, tmp_path: Path
) -> None:
    for name, kind in (("a", "parquet"), ("b", "parquet"), ("c", "csv")):
        mintage.run(job(sink={"uri": str(tmp_path / name), "shard_rows": 500, "format": kind}))
    same = diff(str(tmp_path / "a"), str(tmp_path / "b"))
    assert same.equal
    other = diff(str(tmp_path / "a"), str(tmp_path / "c"))
    assert not other.equal
    assert other.same_rows
    assert (other.shards.shared, other.shards.ranges) == (0, [(0, 3)])


def test_tables_source_model_and_gates_are_compared(job: Job, tmp_path: Path, people: pl.DataFrame) -> None:
    source = tmp_path / "fewer.parquet"
    people.drop("sex").with_columns(pl.col("age").cast(pl.Int32)).write_parquet(source)
    measured = {"evaluation": {"metrics": ["fidelity"]}}
    mintage.run(job(sink={"uri": str(tmp_path / "a")}, **measured))
    gated = {"gates": {"shape_error": {"max": 100}}}
    sink = {"uri": str(tmp_path / "b")}
    mintage.run(job(sink=sink, source={"uri": str(source)}, **measured, **gated))
    found = diff(str(tmp_path / "a"), str(tmp_path / "b")).to_json()
    schema = found["schema"]
    assert isinstance(schema, list)
    assert "table 'people', column 'age': type int32, not int64" in schema
    assert "table 'people' has no column 'sex' any more" in schema
    assert {"model", "source"} <= set(told(found["facts"]))
    assert told(found["gates"]) == {"result": (None, "PASSED"), "shape_error": (None, "passed")}
    assert "gates.shape_error.max" in told(found["spec"])


def test_what_is_not_there_is_told(grown: str, tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match="has no version 9"):
        diff(f"{grown}@9", grown)
    with pytest.raises(ProvenanceError, match="holds no attested data set"):
        diff(grown, str(tmp_path / "nothing"))
    for tile in (tmp_path / "out/_mintage/versions/2/tile").rglob("*"):
        if tile.is_file():
            tile.unlink()
    with pytest.raises(ProvenanceError, match="version 2 of .* is not whole"):  # noqa: RUF043
        diff(f"{grown}@1", f"{grown}@2")


def test_no_part_is_read(grown: str, tmp_path: Path) -> None:
    for part in (tmp_path / "out/data").rglob("*.parquet"):
        part.unlink()
    assert diff(f"{grown}@1", f"{grown}@2").shards.shared == 4


def test_the_command_tells_it_and_its_exit_code_says_whether(grown: str) -> None:
    same = CliRunner().invoke(main, ["diff", f"{grown}@2", f"{grown}@2"])
    assert (same.exit_code, same.output.splitlines()[0]) == (0, "equal: the same shards, byte for byte")
    other = CliRunner().invoke(main, ["diff", f"{grown}@1", f"{grown}@2"])
    assert other.exit_code == 1
    assert "4 shared, 0 differ, 0 only in a, 2 only in b" in other.output
    assert "seed: 3 > 4" in other.output
    as_json = CliRunner().invoke(main, ["diff", f"{grown}@1", grown, "--json"])
    assert json.loads(as_json.output)["equal"] is False
