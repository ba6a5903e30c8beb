"""Nulls are filled from a model, in Python and from the command line; what is there stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import mintage
from mintage.cli.main import main
from mintage.contracts import FitContext, ImputeRequest, Model
from mintage.errors import ConditionError, GenerationError, SpecError
from mintage.jobs.imputation import BATCH_ROWS
from mintage.testing import memory_source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.marginals.config import MarginalsConfig
from mintage_generators.tabular.marginals.generator import MarginalsGenerator

ROWS = 600


def trips(rows: int = ROWS) -> pa.Table:
    """Trips whose arrival is after their departure; the region follows from the town."""
    rng = np.random.default_rng(1)
    town = rng.integers(0, 6, rows)
    left = rng.integers(0, 1000, rows)
    return pa.table(
        {
            "town": pa.array(np.array(["ash", "bay", "cob", "dun", "elm", "fir"])[town]),
            "region": pa.array(np.array(["north", "south"])[town % 2]),
            "left": pa.array(left),
            "arrived": pa.array(left + rng.integers(1, 90, rows)),
            "fare": pa.array(rng.normal(town * 10.0, 1.0).round(2)),
        }
    )


def with_holes(table: pa.Table, share: float = 0.3) -> pa.Table:
    rng = np.random.default_rng(2)
    return pa.table(
        {
            name: pa.array(table[name].to_pylist(), table[name].type, mask=rng.random(len(table)) < share)
            for name in table.column_names
        }
    )


CONFIG = AutoregressiveConfig.model_validate(
    {
        "max_steps": 150,
        "hidden": 32,
        "batch_rows": 64,
        "constraints": [{"kind": "inequality", "lower": "left", "upper": "arrived", "strict": True}],
    }
)


@pytest.fixture(scope="module")
def model() -> Model:
    return AutoregressiveGenerator(CONFIG).fit(memory_source(trips()), FitContext(seed=3))


def test_nulls_are_filled_and_all_else_stays(model: Model) -> None:
    holes = with_holes(trips())
    done = mintage.impute(holes, model=model, seed=5)
    assert done.table is not None
    assert done.table.schema == holes.schema
    before, after = pl.DataFrame(pl.from_arrow(holes)), pl.DataFrame(pl.from_arrow(done.table))
    for name in before.columns:
        assert (before[name].is_null() | before[name].eq_missing(after[name])).all()
    assert done.filled["town"] + done.left_null["town"] == before["town"].null_count()
    # Only an arrival before every departure that the model makes leaves a departure open.
    assert sum(done.left_null.values()) <= 5
    assert (after["left"] < after["arrived"]).drop_nulls().all()


def test_cells_are_drawn_given_the_rest_of_the_row(model: Model) -> None:
    towns = pa.table({name: trips()[name] for name in trips().column_names})
    done = mintage.impute(towns, model=model, renew=["region", "fare"])
    assert done.table is not None
    region = {"ash": "north", "bay": "south", "cob": "north", "dun": "south", "elm": "north", "fir": "south"}
    assert [region[town] for town in done.table["town"].to_pylist()] == done.table["region"].to_pylist()
    fares = pl.DataFrame(pl.from_arrow(done.table)).group_by("town").agg(pl.col("fare").median()).sort("town")
    assert fares["fare"].is_sorted()


def test_the_seed_alone_decides_however_the_rows_are_cut(model: Model) -> None:
    holes = with_holes(trips(700))
    cut = pa.concat_tables([holes.slice(0, 1), holes.slice(1, 400), holes.slice(401)])
    one, other = (mintage.impute(table, model=model, seed=9).table for table in (holes, cut))
    assert one is not None
    assert other is not None
    assert one.combine_chunks().equals(other.combine_chunks())
    again = mintage.impute(holes, model=model, seed=10).table
    assert again is not None
    assert not again.equals(one)


def test_values_never_seen_stay_and_tell_nothing(model: Model) -> None:
    table = trips(200).set_column(0, "town", pa.array(["gap", *["ash"] * 199]))
    holes = table.set_column(4, "fare", pa.nulls(200, pa.float64())).set_column(
        1, "region", pa.nulls(200, pa.string())
    )
    done = mintage.impute(holes, model=model)
    assert done.table is not None
    assert done.table["town"].to_pylist()[0] == "gap"
    assert done.table["fare"].null_count == 0
    # The region follows from the town; of a town never seen there is nothing to follow.
    assert done.left_null["region"] == 1
    assert done.table["region"].to_pylist()[:2] == [None, "north"]


def test_a_dictionary_column_comes_back_as_one(model: Model) -> None:
    holes = with_holes(trips())
    encoded = holes.set_column(0, "town", holes["town"].combine_chunks().dictionary_encode())
    request = ImputeRequest(seed=5, batch=0, columns=("town", "fare"))
    plain, filled = (model.impute(t.combine_chunks().to_batches()[0], request) for t in (holes, encoded))
    assert filled.schema == encoded.schema
    assert filled.column("town").to_pylist() == plain.column("town").to_pylist()
    assert filled.column("left").equals(holes["left"].combine_chunks())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"columns": ["fear"]}, SpecError, "fear"),
        ({"seed": -1}, SpecError, "seed"),
        ({"table": trips().drop_columns(["fare"])}, ConditionError, "fare"),
        ({"table": trips().set_column(2, "left", pa.array(["x"] * ROWS))}, ConditionError, "left"),
    ],
    ids=["unknown column", "negative seed", "a column lacks", "wrong type"],
)
def test_what_cannot_be_filled_is_named(
    model: Model, change: dict[str, object], error: type[Exception], words: str
) -> None:
    asked: dict[str, object] = {"table": with_holes(trips()), "model": model, **change}
    with pytest.raises(error, match=words):
        mintage.impute(**asked)  # type: ignore[arg-type]  # as a caller without types would


def test_a_model_that_cannot_fill_says_so() -> None:
    baseline = MarginalsGenerator(MarginalsConfig()).fit(memory_source(trips()), FitContext(seed=3))
    with pytest.raises(GenerationError, match="cannot fill"):
        mintage.impute(with_holes(trips()), model=baseline)


def test_the_command_fills_a_file_and_never_overwrites_one(tmp_path: Path) -> None:
    holes, filled = tmp_path / "holes.parquet", tmp_path / "filled.parquet"
    pq.write_table(with_holes(trips(BATCH_ROWS + 50)), holes)
    pq.write_table(trips(), tmp_path / "trips.parquet")
    spec = {
        "name": "trips",
        "rows": 50,
        "source": {"uri": str(tmp_path / "trips.parquet")},
        "generator": {"kind": "tabular.autoregressive", **CONFIG.model_dump(mode="json"), "max_steps": 20},
        "sink": {"uri": str(tmp_path / "out")},
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": []},
    }
    mintage.run(spec)
    command = ["impute", str(holes), "--model", str(tmp_path / "out"), "--to", str(filled), "--json"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    rows = pq.read_table(filled)
    assert told["rows"] == rows.num_rows == BATCH_ROWS + 50
    assert sum(told["left_null"].values()) == sum(rows[name].null_count for name in rows.column_names)
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 1
    assert "is there already" in again.output
