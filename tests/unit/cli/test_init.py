"""`mintage init`: a commented spec that runs as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from click.testing import Result
from pyarrow import parquet

from mintage.errors import SourceError, SpecError
from mintage.jobs.draft import SAMPLE_ROWS, draft_spec
from mintage.spec import read_spec

Invoke = Callable[..., Result]
ReadObject = Callable[[Result], dict[str, Any]]


def test_draft_is_written_and_runs_as_it_is(invoke: Invoke, read_object: ReadObject, flights: Path) -> None:
    made = read_object(invoke("init", flights.name, "--json"))
    assert made == {"spec": "flights.yaml", "source": "flights.parquet"}

    result = invoke("run", "flights.yaml", "--json", "--set", "generator.kind=tabular.marginals")
    assert result.exit_code == 0, result.output
    assert read_object(result)["rows"] == 400


def test_draft_tells_what_it_found(flights: Path) -> None:
    text = draft_spec(str(flights))

    assert "# Found in all 400 rows" not in text.splitlines()
    assert "  # Found in all 400 rows" in text
    lines = {line.split()[1]: line.split()[2:] for line in text.splitlines() if line.startswith("  #   ")}
    assert lines["id"][:4] == ["int64", "key", "0", "400"]
    assert lines["carrier"][:4] == ["large_string", "category", "0", "4"]
    assert lines["distance"][1] == "numeric"
    assert int(lines["distance"][2]) > 0
    assert "2013-01-01 to 2013-12-31" in text


def test_draft_proposes_rules_from_what_it_found(flights: Path) -> None:
    text = draft_spec(str(flights))
    rules = {rule.kind: rule.config for rule in read_spec(text).validate_}

    assert rules["type"] == {"columns": ["id", "carrier", "delay", "no, [x]", "day"], "nullable": False}
    assert rules["exact_copy"] == {}
    assert "  # - {kind: range, column: distance, min: 0}" in text
    assert "  # - {kind: allowed, column: carrier, values_from: source}" in text


def test_rules_that_are_commented_out_are_sound_too(invoke: Invoke, flights: Path) -> None:
    text = draft_spec(str(flights)).replace("  # - {", "  - {")
    path = flights.with_suffix(".yaml")
    path.write_text(text, encoding="utf-8")

    result = invoke("preview", str(path), "--rows", "2", "--set", "generator.kind=tabular.marginals")
    assert result.exit_code == 0, result.output


def test_values_of_the_source_stay_in_comments(flights: Path) -> None:
    written = [line.partition("#")[0] for line in draft_spec(str(flights)).splitlines()]

    assert not any("999" in line or "2013" in line or "UA" in line for line in written)


def test_draft_of_rows_that_repeat_expects_copies(tmp_path: Path) -> None:
    path = tmp_path / "coins.parquet"
    pl.DataFrame({"side": ["head", "tail"] * 50}).write_parquet(path)
    text = draft_spec(str(path))

    assert [rule.kind for rule in read_spec(text).validate_] == ["type"]
    assert "# - {kind: exact_copy}  # rows repeat" in text


def test_draft_of_a_large_source_looks_at_its_first_rows(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    pl.DataFrame({"x": range(SAMPLE_ROWS + 1)}).write_parquet(path)
    text = draft_spec(str(path))

    assert f"# Found in the first {SAMPLE_ROWS:,} rows" in text
    assert "# - {kind: type" in text


def test_draft_of_columns_without_order_or_count_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    table = pa.table(
        {
            "list": pa.array([[1, 2], None], pa.list_(pa.int64())),
            "bytes": pa.array([b"a", b"b"]),
            "none": pa.array([None, None], pa.int64()),
            "text\n#: x": pa.array(["long " * 20, "x"]),
            "category": pa.array(["a", "b"]).dictionary_encode(),
            "wait": pa.array([1, 2], pa.duration("s")),
        }
    )
    parquet.write_table(table, path)
    spec = read_spec(draft_spec(str(path)))

    assert spec.validate_[0].config["columns"] == ["bytes", "text\n#: x", "category", "wait"]


def test_draft_is_not_overwritten_unless_forced(invoke: Invoke, flights: Path) -> None:
    path = flights.with_suffix(".yaml")
    path.write_text("mine", encoding="utf-8")

    refused = invoke("init", str(flights))
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert path.read_text(encoding="utf-8") == "mine"

    assert invoke("init", str(flights), "--force").exit_code == 0
    assert read_spec(path).name == "flights"


def test_draft_goes_where_it_is_asked_to(invoke: Invoke, flights: Path) -> None:
    assert invoke("init", str(flights), "-o", "mine.yaml").exit_code == 0
    assert read_spec(flights.parent / "mine.yaml").name == "flights"


def test_draft_that_cannot_be_written_is_bad_input(invoke: Invoke, flights: Path) -> None:
    result = invoke("init", str(flights), "-o", "no/such/folder.yaml")

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_source_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    pl.DataFrame({"x": []}, schema={"x": pl.Int64}).write_parquet(path)

    with pytest.raises(SourceError):
        draft_spec(str(path))


def test_source_with_credentials_is_refused() -> None:
    with pytest.raises(SpecError, match="holds a credential") as caught:
        draft_spec("s3://me:hunter2@bucket/x.csv")
    assert "hunter2" not in str(caught.value)
