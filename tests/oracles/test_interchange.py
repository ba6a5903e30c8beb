"""What others read in croissant.json and in OpenLineage events, with their own reference readers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mintage

pytestmark = [pytest.mark.oracle, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).parent / "interchange_readers.py"
SHEET = {
    "license": "https://spdx.org/licenses/CC0-1.0.html",
    "url": "https://example.org/people",
    "creators": [{"name": "Ann", "kind": "person"}],
    "citation": "@misc{people}",
    "limitations": ["No children"],
}


@pytest.fixture(scope="module")
def python(repository: Path) -> Path:
    path = repository / ".venv-oracles" / "interchange" / "bin" / "python"
    if not path.exists():
        pytest.fail(f"there is no {path}; run: make test-oracles")
    return path


@pytest.fixture
def spec(tmp_path: Path) -> dict[str, Any]:
    rows = 300
    pl.DataFrame(
        {
            "age": [20 + row % 50 for row in range(rows)],
            "no, [x]": [f"<b>{row % 3}</b>" for row in range(rows)],
            "score": [None if row % 7 == 0 else row / 8 for row in range(rows)],
            "member": [row % 2 == 0 for row in range(rows)],
        }
    ).with_columns(day=pl.date(2020, 1, 1) + pl.duration(days=pl.col("age"))).write_parquet(
        tmp_path / "people.parquet"
    )
    return {
        "name": "people",
        "source": {"uri": str(tmp_path / "people.parquet")},
        "generator": {"kind": "tabular.marginals"},
        "rows": 200,
        "sink": {"uri": str(tmp_path / "out"), "shard_rows": 70},
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": ["fidelity"]},
        "gates": {"shape_error": {"max": 90}, "trend_error": {"max": 0, "action": "warn"}},
        "telemetry": {"openlineage": {"to": str(tmp_path / "events.jsonl")}},
    }


def read(python: Path, kind: str, path: Path) -> Any:  # noqa: ANN401  # any JSON
    command = [str(python), str(SCRIPT), kind, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def copied(result: mintage.Result, folder: Path) -> Path:
    """A copy of croissant.json where its paths begin."""
    shutil.copy(folder / f"_mintage/versions/{result.manifest.head.version}/croissant.json", folder)
    return folder / "croissant.json"


def without_empty(value: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(value, dict):
        return {key: without_empty(item) for key, item in value.items() if item not in ({}, [])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def test_mlcroissant_accepts_the_file_and_reads_the_very_rows(
    python: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    result = mintage.run({**spec, "datasheet": SHEET})
    found = read(python, "croissant", copied(result, tmp_path / "out"))
    assert (found["errors"], found["warnings"]) == ([], [])
    assert found["version"] == "http://mlcommons.org/croissant/1.1"
    assert found["limitations"][0] == "No children"
    rows = result.scan().collect().to_dicts()
    records = found["records"]["people"]
    assert len(records) == len(rows) == 200
    assert [record["people/age"] for record in records] == [row["age"] for row in rows]
    assert [record["people/no%2C%20%5Bx%5D"] for record in records] == [row["no, [x]"] for row in rows]
    assert [record["people/day"][:10] for record in records] == [row["day"].isoformat() for row in rows]
    assert [record["people/member"] for record in records] == [row["member"] for row in rows]


def test_without_a_datasheet_mlcroissant_warns_of_what_is_not_made_up(
    python: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    found = read(python, "croissant", copied(mintage.run(spec), tmp_path / "out"))
    assert found["errors"] == []
    assert len(found["warnings"]) == 2
    assert "citeAs" in found["warnings"][0]
    assert "license" in found["warnings"][1]


def test_the_official_client_writes_the_same_events(
    python: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    mintage.run(spec)
    failing = {**spec, "sink": {"uri": str(tmp_path / "other")}, "gates": {"shape_error": {"max": 0}}}
    with pytest.raises(mintage.MintageError):
        mintage.run(failing)
    path = tmp_path / "events.jsonl"
    written = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [event["eventType"] for event in written] == ["START", "COMPLETE", "COMPLETE", "START", "FAIL"]
    # The client writes out what is empty; that means the same as what is left out.
    assert without_empty(read(python, "openlineage", path)) == without_empty(written)
