"""Values of conditions against Arrow columns: ISO 8601 text for dates and times, text for decimals."""

from __future__ import annotations

from datetime import time

import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import Scalar


def is_conditionable(type_: pa.DataType) -> bool:
    """Whether a condition can name values of this type."""
    is_number = pa.types.is_boolean(type_) or pa.types.is_integer(type_) or pa.types.is_floating(type_)
    return is_number or _is_plain_text(type_) or _is_written_as_text(type_)


def common_value(column: pa.ChunkedArray) -> Scalar:
    """The commonest value of the column that is not null; None when there is no other."""
    counts = pc.value_counts(pc.drop_null(column))
    if not len(counts):
        return None
    value = counts.field("values")[pc.index(counts.field("counts"), pc.max(counts.field("counts"))).as_py()]
    if _is_written_as_text(column.type):
        return str(value.cast(pa.string()).as_py()).replace(" ", "T")
    found = value.as_py()
    assert isinstance(found, str | int | float | bool)
    return found


def breaking(
    column: pa.ChunkedArray, is_fixed: bool, fixed: Scalar, excluded: tuple[Scalar, ...]
) -> list[object]:
    """Values of the column that the conditions do not allow."""
    bad = pc.invert(_equals(column, fixed)) if is_fixed else pa.chunked_array([pa.repeat(False, len(column))])
    for value in excluded:
        bad = pc.or_(bad, _equals(column, value))
    return list(column.filter(bad).unique().to_pylist())


def _equals(column: pa.ChunkedArray, value: Scalar) -> pa.ChunkedArray:
    if value is None:
        return pc.is_null(column)
    try:
        wanted = _as_type(value, column.type)
    except (pa.ArrowException, OverflowError, ValueError):
        # Not a value of this type, so no row has it.
        return pa.chunked_array([pa.repeat(False, len(column))])
    return pc.fill_null(pc.equal(column, wanted), False)


def _as_type(value: Scalar, type_: pa.DataType) -> pa.Scalar:
    if pa.types.is_time(type_):
        # Arrow casts text to dates and timestamps, but not to times of day.
        return pa.scalar(time.fromisoformat(str(value)), type_)
    if pa.types.is_integer(type_) and isinstance(value, int):
        # Without its type, a number beyond 63 bits is no Arrow value at all.
        return pa.scalar(value, type_)
    return pa.scalar(value).cast(type_)


def _is_plain_text(type_: pa.DataType) -> bool:
    is_text = pa.types.is_string(type_) or pa.types.is_large_string(type_)
    return is_text or (pa.types.is_dictionary(type_) and _is_plain_text(type_.value_type))


def _is_written_as_text(type_: pa.DataType) -> bool:
    is_point_in_time = pa.types.is_date(type_) or pa.types.is_timestamp(type_) or pa.types.is_time(type_)
    return bool(is_point_in_time or pa.types.is_decimal(type_))
