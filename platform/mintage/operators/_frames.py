"""Arrow batches as polars frames: without a copy where the layouts agree, and always of plain types."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa


def to_frame(batch: pa.RecordBatch, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The batch, or the named columns of it, as operators see it.

    Dictionaries are decoded, so that a rule sees values and not an encoding; decimals of more than
    38 digits become text and 16-bit floats 32-bit ones, because polars has no such types.
    """
    chosen = batch if columns is None else batch.select(list(columns))
    arrays = [_plain(array) for array in chosen.columns]
    frame = pl.from_arrow(pa.RecordBatch.from_arrays(arrays, names=chosen.schema.names))
    assert isinstance(frame, pl.DataFrame)
    return frame


def to_series(array: pa.Array) -> pl.Series:
    """One array, converted as `to_frame` does it."""
    return to_frame(pa.RecordBatch.from_arrays([array], names=["values"])).to_series()


def plain_type(type_: pa.DataType) -> pa.DataType:
    """The type that a column is cast to before polars gets it.

    >>> plain_type(pa.dictionary(pa.int8(), pa.string())), plain_type(pa.decimal256(50, 2))
    (DataType(string), DataType(string))
    """
    if pa.types.is_dictionary(type_):
        return plain_type(type_.value_type)
    if pa.types.is_decimal256(type_):
        return pa.string()
    if pa.types.is_float16(type_):
        return pa.float32()
    if pa.types.is_fixed_size_list(type_):
        return pa.list_(plain_type(type_.value_type), type_.list_size)
    if pa.types.is_list(type_):
        return pa.list_(plain_type(type_.value_type))
    if pa.types.is_large_list(type_):
        return pa.large_list(plain_type(type_.value_type))
    return type_


def _plain(array: pa.Array) -> pa.Array:
    plain = plain_type(array.type)
    return array if plain.equals(array.type) else array.cast(plain)
