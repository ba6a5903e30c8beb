"""Comparing tables: what is the same, and how a difference is told."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from mintage.contracts import ColumnSchema, DatasetSchema, Semantics, TableSchema
from mintage.testing import every_type
from mintage.testing._tables import difference, same_values, table_difference, without_keys

NAN = math.nan


def test_a_table_of_every_type_equals_its_copy_in_other_chunks() -> None:
    table = every_type()
    chunks = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    assert difference({"t": table}, {"t": chunks}) == ""


@pytest.mark.parametrize("name", every_type().column_names)
def test_a_value_that_differs_is_found_in_a_column_of_any_type(name: str) -> None:
    column = every_type().select([name])
    changed = pa.concat_tables([column.slice(0, 1), column.slice(0, 1), column.slice(2)])
    assert table_difference("t", column, changed).startswith(f"t.{name}, row 1: ")


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ([NAN, 1.0], [NAN, 1.0], True),
        ([NAN, 1.0], [1.0, NAN], False),
        ([NAN], [None], False),
        ([[NAN], None, []], [[NAN], None, []], True),
        ([[NAN, 1.0]], [[NAN], [1.0]], False),
        ([[NAN, 1.0], []], [[NAN], [1.0]], False),
        ([[1.0]], [[2.0]], False),
        (["a"], ["b"], False),
    ],
)
def test_nan_equals_nan_and_null_is_no_nan(left: list[object], right: list[object], *, same: bool) -> None:
    assert same_values(pa.array(left), pa.array(right)) is same


def test_a_difference_names_tables_columns_types_and_counts() -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    assert difference({"t": table}, {"u": table}) == "tables ['t'], then ['u']"
    assert difference({"t": table}, {"t": table.slice(1)}) == "rows of table 't': 2, then 1"
    assert "columns ['a', 'b'], then ['b', 'a']" in difference({"t": table}, {"t": table.select(["b", "a"])})
    narrow = table.cast(pa.schema([pa.field("a", pa.int32(), nullable=False), ("b", pa.string())]))
    assert "a: int64, then a: int32 not null" in difference({"t": table}, {"t": narrow})


def test_keys_are_left_out_as_long_as_anything_is_left() -> None:
    columns = tuple(ColumnSchema(name=name, type=pa.int64(), semantics=Semantics.NUMERIC) for name in "ab")
    keyed = TableSchema(name="t", columns=columns, primary_key=("a",))
    only_key = TableSchema(name="u", columns=columns, primary_key=("a", "b"))
    table = pa.table({"a": [1], "b": [2]})
    rest = without_keys({"t": table, "u": table}, DatasetSchema(tables=(keyed, only_key), root="t"))
    assert {name: found.column_names for name, found in rest.items()} == {"t": ["b"], "u": ["a", "b"]}
