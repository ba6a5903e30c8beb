"""One schema for a table whose files may differ a little, and batches that keep to it."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.types as pt

from mintage.contracts import type_name
from mintage.errors import SourceError, SpecError
from mintage_connectors.files.reading import reading

_SIGNED = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_UNSIGNED = (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
_FLOATS = (pa.float16(), pa.float32(), pa.float64())
_FAMILIES = (_SIGNED, _UNSIGNED, _FLOATS, (pa.string(), pa.large_string()), (pa.binary(), pa.large_binary()))
"""Types of which a later one holds every value of an earlier one."""


def plain_type(type_: pa.DataType) -> pa.DataType:
    """The type as which a type is read: dictionaries, views and large lists are mere encodings.

    >>> plain_type(pa.dictionary(pa.int8(), pa.string())), plain_type(pa.large_list(pa.string_view()))
    (DataType(string), ListType(list<item: string>))
    """
    if pt.is_dictionary(type_):
        return plain_type(type_.value_type)
    if pt.is_string_view(type_):
        return pa.string()
    if pt.is_binary_view(type_):
        return pa.binary()
    if pt.is_fixed_size_list(type_):
        return pa.list_(plain_type(type_.value_type), type_.list_size)
    if pt.is_list(type_) or pt.is_large_list(type_):
        return pa.list_(plain_type(type_.value_type))
    return type_


def plain_schema(schema: pa.Schema, place: str) -> pa.Schema:
    """The schema by which rows are read. Raises `SourceError` for columns that Mintage does not carry."""
    check_names(schema.names, place)
    for field in schema:
        try:
            type_name(field.type)
        except SpecError as exc:
            raise SourceError(
                f"{place}: the column {field.name!r} is of the type {field.type}, {exc.message}", exc.hint
            ) from exc
    return pa.schema([pa.field(field.name, plain_type(field.type), field.nullable) for field in schema])


def check_names(names: list[str], place: str) -> None:
    """Raise `SourceError` when there are no columns, or a name is missing or there twice."""
    if not names:
        raise SourceError(f"{place} has no columns", "a table needs at least one column")
    twice = [name for name, count in Counter(names).items() if count > 1 and name.strip()]
    if twice:
        raise SourceError(
            f"{place} has several columns called {twice[0]!r}", "give each column a name of its own"
        )
    if (at := next((at for at, name in enumerate(names, 1) if not name.strip()), None)) is not None:
        raise SourceError(f"column {at} of {place} has no name", f"name it; its neighbours are {names[:5]}")


def check_part_columns(names: list[str], expected: list[str]) -> None:
    """Raise `SourceError` when a part has other columns than it was written with."""
    if names != expected:
        raise SourceError(
            f"the part has the columns {names[:10]}, not {expected[:10]}",
            "it is damaged, or not of this table",
        )


def widen(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds every value of both without loss, None when they are of different kinds.

    >>> widen(pa.int32(), pa.int64()), widen(pa.null(), pa.string()), widen(pa.int64(), pa.string())
    (DataType(int64), DataType(string), None)
    """
    if one == other or pt.is_null(other):
        return one
    if pt.is_null(one):
        return other
    for family in _FAMILIES:
        if one in family and other in family:
            return family[max(family.index(one), family.index(other))]
    if one in _UNSIGNED and other in _SIGNED:
        one, other = other, one
    if one in _SIGNED and other in _UNSIGNED and _UNSIGNED.index(other) < 3:
        return _SIGNED[max(_SIGNED.index(one), _UNSIGNED.index(other) + 1)]
    if pt.is_decimal128(one) and pt.is_decimal128(other) and one.scale == other.scale:
        return pa.decimal128(max(one.precision, other.precision), one.scale)
    return None


def conform(batch: pa.RecordBatch, schema: pa.Schema, place: str) -> pa.RecordBatch:
    """The batch with the columns of `schema` by name, in its order and of its types.

    Raises `SourceError` naming `place` when a value does not fit.
    """
    if batch.schema.equals(schema):
        return batch
    columns = []
    with reading(place, "the file may have changed since it was first read; run the job again"):
        for field in schema:
            column = batch.column(field.name)
            columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
