"""Arrow arrays as plain numbers and back, without rounding: int64, uint64 or float64.

Whole numbers, dates, times, durations and decimals (unscaled) are integers; floats are float64,
which holds every float16 and float32 exactly. Nulls are carried apart.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.errors import SourceError

_VIEWED = (pa.types.is_timestamp, pa.types.is_date64, pa.types.is_time64, pa.types.is_duration)


def value_type(type_: pa.DataType) -> pa.DataType:
    """The type of the values: that of a dictionary's entries, else the type itself."""
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def is_text(type_: pa.DataType) -> bool:
    """Whether values are strings."""
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def is_number(type_: pa.DataType) -> bool:
    """Whether `numbers` can carry the type."""
    return bool(
        pa.types.is_boolean(type_)
        or pa.types.is_integer(type_)
        or pa.types.is_floating(type_)
        or pa.types.is_temporal(type_)
        or pa.types.is_decimal(type_)
    )


def check_type(name: str, type_: pa.DataType) -> None:
    """Raise `SourceError` for a type that the codec cannot carry, naming the column and the way out."""
    kind = value_type(type_)
    if (is_text(kind) or is_number(kind) or pa.types.is_null(kind)) and not pa.types.is_float16(kind):
        return
    raise SourceError(
        f"column {name!r} is of type {type_}, which a tabular generator cannot learn",
        "leave the column out of the source, or cast it to numbers, text, dates or times",
    )


def numbers(array: pa.Array) -> np.ndarray:
    """The values of one array, shape (rows,), int64, uint64 or float64; nulls are 0."""
    type_ = array.type
    if pa.types.is_decimal(type_):
        return _unscaled(array)
    if any(is_kind(type_) for is_kind in _VIEWED):
        array = array.view(pa.int64())
    elif pa.types.is_date32(type_) or pa.types.is_time32(type_):
        array = array.view(pa.int32())
    elif pa.types.is_boolean(type_):
        array = array.cast(pa.uint8())
    filled = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(type_):
        # Adding 0.0 turns -0.0 into 0.0, which Arrow's hashes tell apart.
        return np.asarray(filled.astype(np.float64) + 0.0)
    return np.asarray(filled if filled.dtype == np.uint64 else filled.astype(np.int64))


def from_numbers(values: np.ndarray, nulls: np.ndarray | None, type_: pa.DataType) -> pa.Array:
    """The array of that type with those values (as `numbers` gives them) and nulls where True."""
    if pa.types.is_decimal(type_):
        return _scaled(values, nulls, type_)
    if any(is_kind(type_) for is_kind in _VIEWED):
        return pa.array(values, pa.int64(), mask=nulls).view(type_)
    if pa.types.is_date32(type_) or pa.types.is_time32(type_):
        return pa.array(values.astype(np.int32), pa.int32(), mask=nulls).view(type_)
    if pa.types.is_boolean(type_):
        return pa.array(values.astype(np.bool_), type_, mask=nulls)
    if pa.types.is_null(type_):
        return pa.nulls(len(values))
    return pa.array(values.astype(type_.to_pandas_dtype()), type_, mask=nulls)


def _unscaled(array: pa.Array) -> np.ndarray:
    words = array.type.bit_width // 64
    if array.null_count:
        array = pc.fill_null(array, pa.scalar(0, array.type))
    raw = np.frombuffer(array.buffers()[1], np.int64).reshape(-1, words)
    raw = raw[array.offset : array.offset + len(array)]
    low = raw[:, 0].copy()
    if (raw[:, 1:] != (low >> 63)[:, None]).any():
        raise SourceError(
            f"a column of type {array.type} holds numbers of more than 18 digits, which cannot be carried",
            "cast the column to a decimal of at most 18 digits, to float64, or to text",
        )
    return low


def _scaled(values: np.ndarray, nulls: np.ndarray | None, type_: pa.DataType) -> pa.Array:
    low = values.astype(np.int64)
    words = np.repeat((low >> 63)[:, None], type_.bit_width // 64, axis=1)
    words[:, 0] = low
    valid = None
    if nulls is not None and nulls.any():
        valid = pa.py_buffer(np.packbits(~nulls, bitorder="little").tobytes())
    return pa.Array.from_buffers(type_, len(low), [valid, pa.py_buffer(np.ascontiguousarray(words))])


def type_limits(type_: pa.DataType) -> tuple[int, int] | None:
    """The smallest and largest whole number, as `numbers` gives them, of a type; None for floats."""
    if pa.types.is_decimal(type_):
        most = 10 ** min(type_.precision, 18) - 1
        return -most, most
    if pa.types.is_floating(type_):
        return None
    kind = np.iinfo(type_.to_pandas_dtype()) if pa.types.is_integer(type_) else np.iinfo(np.int64)
    return int(kind.min), int(kind.max)
