"""The rows of the source, in the types of the table that is minted from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa

from mintage.contracts import Source, TableSchema, type_name
from mintage.errors import SourceError, SpecError
from mintage.operators._columns import find_columns, nearest
from mintage.operators._frames import plain_type, to_frame


def source_frames(
    source: Source | None, table: TableSchema, columns: Sequence[str], rule: str
) -> Iterator[pl.DataFrame]:
    """Stream those columns of the source's table, as they would look in `table`.

    Raises `SpecError` when there is no source or it lacks a column, `SourceError` when the source
    holds a value that the table's type cannot.
    """
    if source is None:
        raise SpecError(
            f"{rule} compares with the source, but the job has none", "give a source, or remove the rule"
        )
    name = _source_table(source, table.name, rule)
    find_columns(source.schema.table(name), columns, f"{rule}, in the source")
    wanted = pa.schema([pa.field(column, plain_type(table.column(column).type)) for column in columns])
    for batch in source.scan(name, list(columns)):
        yield to_frame(_cast(batch, wanted, rule))


def _source_table(source: Source, name: str, rule: str) -> str:
    names = source.schema.names
    if name in names:
        return name
    if len(names) == 1:
        return names[0]
    raise SpecError(f"{rule}: the source has no table {name!r}", nearest(name, names))


def _cast(batch: pa.RecordBatch, wanted: pa.Schema, rule: str) -> pa.RecordBatch:
    arrays = []
    for field in wanted:
        array = batch.column(batch.schema.get_field_index(field.name))
        try:
            arrays.append(array if array.type.equals(field.type) else array.cast(field.type))
        except pa.ArrowException as exc:
            raise SourceError(
                f"{rule}: the source's column {field.name!r} is {type_name(array.type)} and holds values "
                f"that are no {type_name(field.type)}",
                "remove the column from the rule",
            ) from exc
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)
