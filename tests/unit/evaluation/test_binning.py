"""The grid of a table: what it may tell of the real rows, what it skips, its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.contracts import ColumnSchema, ForeignKey, Semantics, TableSchema
from mintage.errors import ProvenanceError
from mintage.evaluation._binning_edges import BIN_MASS, Grid, make_grid
from mintage.evaluation._binning_sample import SAMPLE_ROWS, sample_rows
from mintage.evaluation.binning import Binning, make_binning
from mintage.evaluation.sketch import sketch_of


def grid(table: pa.Table, **kinds: Semantics) -> Binning:
    binning = make_binning(table.to_batches(), TableSchema.of("t", table.schema), kinds)
    assert binning is not None
    return binning


def edges_of(values: list[float]) -> Grid:
    return make_grid(np.sort(np.array(values, np.float64)), 10_000)


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), unique=True, max_size=200), st.integers(2, 5000))
def test_of_values_that_one_row_holds_only_averages_of_five_are_told(values: list[float], bins: int) -> None:
    ordered = np.sort(np.array(values, np.float64))
    made = make_grid(ordered, bins)
    told = np.setdiff1d(made.edges, made.display)
    averages = np.array([ordered[start : start + 5].mean() for start in range(len(ordered) - 4)])
    starts = []
    for edge in told:
        matches = np.flatnonzero(np.isclose(averages, edge, rtol=1e-9, atol=1e-9))
        assert len(matches), f"{edge} is no average of five neighbours"
        starts.append(int(matches[0]))
    if len(np.unique(averages.round(6))) == len(averages):
        assert np.all(np.diff(starts) >= 5), "a value takes part in two averages"
    assert not len(made.edges) or set(made.display) <= set(made.edges)


@given(st.lists(st.integers(-30, 30), max_size=300))
def test_whole_numbers_that_fewer_than_five_rows_hold_have_no_bin_of_their_own(values: list[int]) -> None:
    made = edges_of([float(value) for value in values])
    single = made.edges[:-1][made.edges[1:] == np.nextafter(made.edges[:-1], np.inf)]
    assert all(values.count(int(value)) >= 5 for value in single)
    assert set(single) == {float(value) for value in values if values.count(value) >= 5}


def test_the_extremes_are_averages_of_five() -> None:
    values = [float(v) ** 2 for v in range(1, 1001)]
    made = edges_of(values)
    assert made.low == pytest.approx(np.mean(values[:5]))
    assert made.high == pytest.approx(np.mean(values[-5:]))


def test_changing_a_single_outlier_moves_the_highest_edge_by_a_fifth_of_it() -> None:
    values = [float(v) for v in range(1000)]
    assert edges_of([*values, 2000.0]).high - edges_of([*values, 1000.0]).high == pytest.approx(200)


def test_a_value_that_five_rows_hold_has_a_bin_of_its_own() -> None:
    rng = np.random.default_rng(0)
    values = [0.0] * 500 + rng.normal(size=3000).tolist()
    edges = edges_of(values).edges.tolist()
    assert 0.0 in edges
    assert np.nextafter(0.0, 1) in edges


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.normal(size=20_000),
        lambda rng: rng.lognormal(3, 2, 20_000),
        lambda rng: rng.integers(0, 10**6, 20_000).astype(float),
        lambda rng: rng.zipf(1.3, 20_000).clip(0, 10**9).astype(float),
        lambda rng: np.where(rng.random(20_000) < 0.9, 0, rng.random(20_000)),
    ],
    ids=["normal", "lognormal", "integers", "zipf", "mostly zero"],
)
def test_no_bin_of_several_values_holds_more_than_a_thousandth_of_the_rows(draw: Callable[..., Any]) -> None:
    values = np.sort(draw(np.random.default_rng(3)))
    edges = make_grid(values, 10_000).edges
    places = np.searchsorted(edges, values, side="right")
    for place in np.unique(places):
        held = values[places == place]
        assert len(held) <= 0.001 * len(values) or held[0] == held[-1]
    assert BIN_MASS < 0.001


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [1.0] * 4,
        [3.0] * 100,
        [0.0, 1e308, -1e308, 5e-324, 1.0, 2.0],
        [2.0**60] * 9 + [-(2.0**60)] * 9,
    ],
    ids=["none", "one", "four", "constant", "the whole range", "far apart"],
)
def test_every_column_has_a_grid(values: list[float]) -> None:
    made = edges_of(values)
    assert np.isfinite(made.edges).all()
    assert np.all(np.diff(made.edges) > 0)
    assert np.isfinite([made.low, made.high, made.centre, made.unit]).all()
    assert made.unit > 0
    if len(values) < 5:
        assert len(made.edges) == 0


def test_rare_levels_are_not_told() -> None:
    table = pa.table({"k": ["often"] * 20 + ["five"] * 5 + ["secret"] * 4 + ["once"]})
    binning = grid(table)
    assert binning.columns[0].levels == ("often", "five")
    assert b"secret" not in binning.to_bytes()
    assert b"once" not in binning.to_bytes()
    assert sketch_of(table.to_batches(), binning).counts(0).tolist() == [0, 20, 5, 5]


def test_keys_text_binary_and_identifiers_are_skipped_and_the_reason_is_told() -> None:
    rows = 200
    table = pa.table(
        {
            "id": range(rows),
            "parent": range(rows),
            "email": [f"u{i}@x" for i in range(rows)],
            "free": ["some words"] * rows,
            "raw": [b"\x00"] * rows,
            "list": [[1, 2]] * rows,
            "sex": ["F", "M"] * (rows // 2),
            "gone": [None] * rows,
        }
    )
    columns = tuple(
        ColumnSchema(
            name=field.name,
            type=field.type,
            semantics=Semantics.TEXT if field.name == "free" else Semantics.of(field.type),
        )
        for field in table.schema
    )
    schema = TableSchema(
        name="t",
        columns=columns,
        primary_key=("id",),
        foreign_keys=(ForeignKey(columns=("parent",), table="t", references=("id",)),),
    )
    binning = make_binning(table.to_batches(), schema, {})
    assert binning is not None
    assert [column.name for column in binning.columns] == ["sex", "gone"]
    assert set(binning.skipped) == {"id", "parent", "email", "free", "raw", "list"}
    asked = make_binning(table.to_batches(), schema, {"email": Semantics.CATEGORY, "sex": Semantics.KEY})
    assert asked is not None
    assert [column.name for column in asked.columns] == ["email", "gone"]


def test_a_column_that_one_side_lacks_or_holds_as_text_is_skipped() -> None:
    real = pa.table({"a": ["1", "x"] * 10, "b": range(20)})
    made = TableSchema.of("t", pa.schema({"a": pa.int64(), "b": pa.int64(), "c": pa.int64()}))
    binning = make_binning(real.to_batches(), made)
    assert binning is not None
    assert [column.name for column in binning.columns] == ["b"]
    assert set(binning.skipped) == {"a", "c"}


def test_a_table_without_any_column_to_count_has_no_grid() -> None:
    table = pa.table({"k": [b"x"] * 10})
    assert make_binning(table.to_batches(), TableSchema.of("t", table.schema)) is None
    assert make_binning([], TableSchema.of("t", table.schema)) is None


def test_equal_rows_give_equal_bytes_however_they_are_batched() -> None:
    table = pa.table({"x": np.random.default_rng(0).normal(size=3000), "k": ["a", "b", "c"] * 1000})
    made = [
        make_binning(table.to_batches(size), TableSchema.of("t", table.schema)) for size in (17, 1000, 3000)
    ]
    assert len({binning.digest for binning in made if binning}) == 1


def test_a_binning_is_read_back_as_it_was_written() -> None:
    rng = np.random.default_rng(1)
    table = pa.table(
        {"x": rng.normal(size=300), "k": rng.choice(["a", "b"], 300), "f": rng.random(300) < 0.5}
    )
    binning = grid(table)
    again = Binning.from_bytes(binning.to_bytes())
    assert again.to_bytes() == binning.to_bytes()
    assert again.digest == binning.digest
    assert again.pairs == binning.pairs


def _changed(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        value = json.loads(data)
        change(value)
        return json.dumps(value).encode()

    return apply


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda _: b"{}",
        lambda data: data[:-1],
        lambda _: b"[" * 100_000,
        lambda _: bytes(64 * 2**20 + 1),
        _changed(lambda v: v.update(format="mintage-binning/2")),
        _changed(lambda v: v.update(more=1)),
        _changed(lambda v: v["columns"].clear()),
        _changed(lambda v: v["columns"][0]["edges"].reverse()),
        _changed(lambda v: v["columns"][0].update(edges=None)),
        _changed(lambda v: v["columns"][0].update(levels=["a"])),
        _changed(lambda v: v["columns"][0].update(semantics="category")),
        _changed(lambda v: v["columns"][0].update(unit=0)),
        _changed(lambda v: v["columns"][0].update(low="a")),
        _changed(lambda v: v["columns"][1].update(name="x")),
        _changed(lambda v: v["columns"][1].update(levels=["a", "a"])),
        _changed(lambda v: v["pairs"].append([0, 7, 0, 0])),
        _changed(lambda v: v["pairs"].append([1, 0, 2, 2])),
        _changed(lambda v: v["pairs"][0].__setitem__(2, 10**9)),
        _changed(lambda v: v["pairs"][0].__setitem__(3, 0)),
        _changed(lambda v: v["pairs"].append(v["pairs"][0])),
    ],
    ids=[
        "nothing", "empty object", "cut off", "deep", "too large", "another format", "unknown key",
        "no columns",
        "edges descend", "neither", "both", "wrong meaning", "no unit", "text for a number", "column twice",
        "level twice", "unknown column", "wrong order", "too many codes", "no codes", "pair twice",
    ],
)  # fmt: skip
def test_what_is_no_binning_is_refused(change: Callable[[bytes], bytes]) -> None:
    table = pa.table({"x": np.random.default_rng(1).normal(size=300), "k": ["a", "b", "c"] * 100})
    with pytest.raises(ProvenanceError):
        Binning.from_bytes(change(grid(table).to_bytes()))


def test_of_a_long_table_an_even_part_is_looked_at() -> None:
    rows = 3 * SAMPLE_ROWS
    batches = (
        pa.record_batch({"x": np.arange(start, min(start + 2**16, rows))}) for start in range(0, rows, 2**16)
    )
    sample = sample_rows(batches)
    assert sample is not None
    assert SAMPLE_ROWS // 2 < sample.num_rows <= SAMPLE_ROWS
    assert np.asarray(sample["x"]).mean() == pytest.approx(rows / 2, rel=0.01)


def test_wide_tables_count_the_strongest_pairs() -> None:
    rng = np.random.default_rng(5)
    columns = {f"n{i:03}": rng.normal(size=400) for i in range(100)}
    columns["n077"] = columns["n003"] + 0.01 * rng.normal(size=400)
    binning = grid(pa.table(columns | {"k": rng.choice(["a", "b"], 400)}))
    names = [column.name for column in binning.columns]
    counted = {(names[pair.left], names[pair.right]) for pair in binning.pairs}
    assert len(counted) == 2016 < binning.all_pairs
    assert ("n003", "n077") in counted
    assert {name for pair in counted for name in pair} == set(names)


def test_pairs_of_many_levels_lump_the_rarest() -> None:
    rng = np.random.default_rng(6)
    levels = [f"v{k:04}" for k in range(1500)]
    table = pa.table({"a": rng.choice(levels, 40_000), "b": rng.choice(levels, 40_000)})
    binning = grid(table)
    pair = binning.pairs[0]
    assert pair.cells <= 2**17 < binning.columns[0].codes * binning.columns[1].codes
    sketch = sketch_of(table.to_batches(), binning)
    assert sketch.cells(0).sum() == 40_000
    assert sketch.cells(0).sum(axis=1)[1] == sketch.counts(0)[1]
