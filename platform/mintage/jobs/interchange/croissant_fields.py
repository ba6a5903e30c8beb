"""Tables as Croissant RecordSets: a field for each column, keys, and references between tables."""

from __future__ import annotations

from urllib.parse import quote

import pyarrow as pa

from mintage.contracts import ColumnSchema, DatasetSchema, TableSchema
from mintage.contracts.arrow_types import type_name

_PLAIN = {
    **{f"{sign}int{bits}": f"cr:{sign.upper()}Int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "halffloat": "cr:Float16",
    "float": "cr:Float32",
    "double": "cr:Float64",
    "bool": "sc:Boolean",
}


def record_set(table: TableSchema, schema: DatasetSchema, file_set: str) -> dict[str, object]:
    """The RecordSet of a table whose parts are the FileSet of that id."""
    references = {
        column: f"{reference(key.table)}/{reference(target)}"
        for key in table.foreign_keys
        if len(key.columns) == 1
        for column, target in zip(key.columns, key.references, strict=True)
    }
    key = [{"@id": _field_id(table, column)} for column in table.primary_key]
    return {
        "@type": "cr:RecordSet",
        "@id": reference(table.name),
        "name": table.name,
        "description": f"A row of the table{' that shards are cut along' * (table.name == schema.root)}.",
        **({"key": key} if key else {}),
        "field": [_field(table, column, file_set, references.get(column.name)) for column in table.columns],
    }


def reference(name: str) -> str:
    """A name as part of an id: ids are IRIs, which hold no spaces, brackets and the like.

    >>> reference("no, [x]")
    'no%2C%20%5Bx%5D'
    """
    return quote(name, safe="")


def _field_id(table: TableSchema, column: str) -> str:
    return f"{reference(table.name)}/{reference(column)}"


def _field(table: TableSchema, column: ColumnSchema, file_set: str, target: str | None) -> dict[str, object]:
    inner, shape = _unwrap(column.type)
    null = "may be null" if column.nullable else "never null"
    return {
        "@type": "cr:Field",
        "@id": _field_id(table, column.name),
        "name": column.name,
        "description": f"{column.semantics.value}, stored as {type_name(column.type)}, {null}",
        "dataType": _data_type(inner),
        **({"isArray": True, "arrayShape": ",".join(map(str, shape))} if shape else {}),
        "source": {"fileSet": {"@id": file_set}, "extract": {"column": column.name}},
        **({"references": {"field": {"@id": target}}} if target else {}),
    }


def _unwrap(type_: pa.DataType) -> tuple[pa.DataType, list[int]]:
    """The type of the values in lists, and the lengths of the lists, -1 where they differ."""
    shape: list[int] = []
    while pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        shape.append(type_.list_size if pa.types.is_fixed_size_list(type_) else -1)
        type_ = type_.value_type
    return (type_.value_type if pa.types.is_dictionary(type_) else type_), shape


def _data_type(type_: pa.DataType) -> str:
    """What Croissant calls a type; it has no decimals, durations and bytes."""
    if pa.types.is_decimal(type_):
        return "sc:Float"
    if pa.types.is_date(type_):
        return "sc:Date"
    if pa.types.is_timestamp(type_):
        return "sc:DateTime"
    if pa.types.is_time(type_):
        return "sc:Time"
    return _PLAIN.get(str(type_), "sc:Text")
