"""From pandas, polars and Arrow to one Arrow table with plain types."""

from __future__ import annotations

import sys
from typing import Any

import pyarrow as pa

from mintage.contracts import SCAN_ROWS
from mintage.errors import SourceError
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import check_names, plain_schema

_PLACE = "the frame"
_HINT = "give each column values of one type: numbers, text, dates or times, binary, or lists of these"


def as_table(frame: object) -> pa.Table:
    """The rows of a pandas or polars frame or an Arrow table. A lazy frame is collected, streaming.

    Raises `SourceError` for other objects, and for columns that Mintage does not carry.
    """
    with reading(_PLACE, _HINT):
        table = _arrow(frame)
        # Arrow objects made from foreign memory may hold anything; nobody looks at them before this.
        table.validate(full=True)
        return table.cast(plain_schema(table.schema, _PLACE))


def _arrow(frame: object) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    library = type(frame).__module__.partition(".")[0]
    if library == "polars" and (table := _from_polars(frame)) is not None:
        return table
    if library == "pandas" and (table := _from_pandas(frame)) is not None:
        return table
    raise SourceError(
        f"{type(frame).__module__}.{type(frame).__qualname__} is no table",
        "hand over a pandas or polars frame, or an Arrow table",
    )


def _from_polars(frame: object) -> pa.Table | None:
    import polars as pl

    if isinstance(frame, pl.LazyFrame):
        try:
            frame = frame.collect(engine="streaming")
        except pl.exceptions.PolarsError as exc:
            raise SourceError(
                f"the lazy frame cannot be collected: {exc}", "try frame.collect() by itself"
            ) from exc
    if not isinstance(frame, pl.DataFrame):
        return None
    for name, type_ in frame.schema.items():
        if type_.base_type() is pl.Object:
            raise SourceError(f"the column {name!r} of {_PLACE} holds Python objects", _HINT)
    return _with_short_text(frame.to_arrow())


def _with_short_text(table: pa.Table) -> pa.Table:
    """The table with 32-bit offsets: polars has one type of text and one of bytes, Arrow two of each."""
    short = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
    schema = pa.schema([field.with_type(short.get(field.type, field.type)) for field in table.schema])
    # In pieces: what one offset counts may be larger than 2 GiB for a whole column.
    return pa.Table.from_batches(table.to_batches(max_chunksize=SCAN_ROWS), table.schema).cast(schema)


def _from_pandas(table: object) -> pa.Table | None:
    pandas = sys.modules["pandas"]
    if not isinstance(table, pandas.DataFrame):
        return None
    frame: Any = table  # pandas is no dependency, so its types are not at hand
    if any(name is not None for name in frame.index.names):
        raise SourceError(
            f"the index {list(frame.index.names)} of {_PLACE} is no column",
            "call reset_index() to keep it, or reset_index(drop=True)",
        )
    check_names([str(name) for name in frame.columns], _PLACE)
    return pa.Table.from_pandas(frame, preserve_index=False)
