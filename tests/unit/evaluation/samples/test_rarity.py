"""Odd rows are found by the rows themselves."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mintage.evaluation.samples.rarity import find_odd_rows, group_values

ROWS = 4000


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Two columns that go together but in two rows, and one that goes with nothing."""
    rng = np.random.default_rng(0)
    country = rng.choice(["fr", "de", "it"], ROWS)
    capital = np.array([{"fr": "Paris", "de": "Berlin", "it": "Rome"}[name] for name in country])
    capital[7] = "Rome" if country[7] != "it" else "Paris"
    capital[11] = "Berlin" if country[11] != "de" else "Paris"
    return pa.table({"country": country, "capital": capital, "size": rng.normal(size=ROWS)})


def test_the_rows_that_break_the_rule_are_found_and_explained(table: pa.Table) -> None:
    odd = find_odd_rows(table, table.column_names, 20)
    assert {row.row for row in odd} == {7, 11}
    assert all(row.columns == ("country", "capital") and row.found <= 2 for row in odd)
    assert all(300 < row.expected < 600 for row in odd)


def test_chance_alone_makes_no_row_odd() -> None:
    rng = np.random.default_rng(1)
    values = {f"c{number}": rng.normal(size=ROWS) for number in range(10)}
    levels = {f"l{number}": rng.choice(list("abcdef"), ROWS) for number in range(10)}
    assert find_odd_rows(pa.table({**values, **levels}), [*values, *levels], 20) == []


def test_rows_of_one_kind_do_not_fill_the_list(table: pa.Table) -> None:
    country = table.column("country").to_pylist()
    capital = table.column("capital").to_pylist()
    wrong = [row for row in range(100, 400) if country[row] == "fr"][:20]
    for row in wrong:
        capital[row] = "Rome"
    many = table.set_column(1, "capital", pa.array(capital))
    odd = find_odd_rows(many, table.column_names, 20)
    assert [row.found for row in odd].count(21) == 2


@pytest.mark.parametrize(
    "column",
    [
        pa.array([], pa.string()),
        pa.array([None, None, None], pa.float64()),
        pa.array([float("nan"), 1.0, float("inf")] * 100),
        pa.array([b"a", None, b"b"]),
        pa.array([[1, 2], None, []], pa.list_(pa.int64())),
        pa.array([1, None, 3], pa.timestamp("ns", "UTC")),
        pa.array(range(200), pa.time32("s")),
        pa.array(range(200), pa.date32()),
        pa.array(range(200), pa.duration("us")),
        pa.array([True, False, None]),
        pa.array([None, None], pa.null()),
    ],
    ids=lambda column: str(column.type),
)
def test_values_of_every_kind_have_groups(column: pa.Array) -> None:
    codes = group_values(pa.chunked_array([column]))
    assert len(codes) == len(column)
    assert [bool(code) for code in codes] == [value is not None for value in column.to_pylist()]


def test_what_is_not_finite_has_groups_too() -> None:
    values = np.array([*np.arange(200.0), np.inf, np.inf, -np.inf, np.nan])
    codes = group_values(pa.chunked_array([values]))
    assert (codes[-1], codes[-2], codes[-3]) == (0, 1, codes.max())


def test_no_rows_have_no_odd_ones() -> None:
    assert (
        find_odd_rows(pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())}), ["a", "b"], 5)
        == []
    )
