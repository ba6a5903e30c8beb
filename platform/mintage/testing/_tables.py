"""Comparing Arrow tables value by value, and saying where they differ."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import DatasetSchema

Rows = Mapping[str, pa.Table]
"""Rows of each table of a data set, by table name."""


def difference(left: Rows, right: Rows) -> str:
    """The first difference in words, or "" when all values are the same (NaN equals NaN)."""
    if left.keys() != right.keys():
        return f"tables {sorted(left)}, then {sorted(right)}"
    for name, table in left.items():
        if found := table_difference(name, table, right[name]):
            return found
    return ""


def table_difference(name: str, left: pa.Table, right: pa.Table) -> str:
    """The first difference of two tables of that name, or ""."""
    if not left.schema.equals(right.schema):
        return f"schema of table {name!r}: {_other_fields(left.schema, right.schema)}"
    if left.num_rows != right.num_rows:
        return f"rows of table {name!r}: {left.num_rows}, then {right.num_rows}"
    for column in left.column_names:
        first, second = _whole(left[column]), _whole(right[column])
        if not same_values(first, second):
            row = _first_different_row(first, second)
            return f"{name}.{column}, row {row}: {_shown(first[row])}, then {_shown(second[row])}"
    return ""


def same_values(left: pa.Array, right: pa.Array) -> bool:
    """Whether two arrays of one type hold the same values; NaN equals NaN, which Arrow's `equals` denies."""
    if left.equals(right):
        return True
    if len(left) != len(right) or not left.is_null().equals(right.is_null()):
        return False
    if pa.types.is_floating(left.type):
        return bool(left.is_nan().equals(right.is_nan()) and _without_nan(left).equals(_without_nan(right)))
    if pa.types.is_list(left.type) or pa.types.is_fixed_size_list(left.type):
        lengths_agree = pc.list_value_length(left).equals(pc.list_value_length(right))
        return bool(lengths_agree) and same_values(left.flatten(), right.flatten())
    return False


def without_keys(rows: Rows, schema: DatasetSchema) -> Rows:
    """The rows less their primary and foreign keys, as long as anything is left of them."""
    return {name: _less(table, _key_columns(schema, name)) for name, table in rows.items()}


def _less(table: pa.Table, columns: set[str]) -> pa.Table:
    kept = [name for name in table.column_names if name not in columns]
    return table.select(kept) if kept else table


def _key_columns(schema: DatasetSchema, name: str) -> set[str]:
    table = schema.table(name)
    return {*table.primary_key, *(column for key in table.foreign_keys for column in key.columns)}


def _whole(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def _without_nan(array: pa.Array) -> pa.Array:
    return pc.if_else(array.is_nan(), pa.scalar(None, array.type), array)


def _first_different_row(left: pa.Array, right: pa.Array) -> int:
    def differs_up_to(row: int) -> bool:
        return not same_values(left.slice(0, row + 1), right.slice(0, row + 1))

    return bisect_left(range(len(left)), True, key=differs_up_to)


def _shown(value: pa.Scalar) -> str:
    return repr(value.as_py())[:80]


def _other_fields(left: pa.Schema, right: pa.Schema) -> str:
    if left.names != right.names:
        return f"columns {left.names[:20]}, then {right.names[:20]}"
    pairs = [(one, other) for one, other in zip(left, right, strict=True) if not one.equals(other)]
    return "; ".join(f"{_described(one)}, then {_described(other)}" for one, other in pairs[:5])


def _described(field: pa.Field) -> str:
    return f"{field.name}: {field.type}{'' if field.nullable else ' not null'}"
