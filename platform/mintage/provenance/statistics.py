"""What a column's values look like at a glance: nulls, least and greatest value."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import type_name
from mintage.errors import ProvenanceError

MAX_TEXT = 128
"""Characters of a text that are kept; what is longer is cut."""

_Value = int | float | str | bool | Decimal


class ColumnStatistics:
    """Counts of nulls, minimum and maximum for each column of a table, batch by batch.

    >>> statistics = ColumnStatistics(pa.schema({"n": pa.int64()}))
    >>> statistics.update(pa.record_batch({"n": [3, None, 1]}))
    >>> statistics.to_json()
    [{'name': 'n', 'nulls': '1', 'min': '1', 'max': '3'}]

    Types without a useful order (binary, lists) have only their nulls counted. NaN is neither least
    nor greatest, and -0.0 counts as 0.0, so the order of the rows does not show.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = [_Column(field) for field in schema]

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in the rows of a batch of that schema."""
        for column, array in zip(self._columns, batch.columns, strict=True):
            column.update(array)

    def merge(self, other: Self) -> None:
        """Take in what another one of the same schema has seen."""
        for mine, theirs in zip(self._columns, other._columns, strict=True):
            mine.merge(theirs)

    def to_json(self) -> list[dict[str, str]]:
        """For each column in order: name, nulls, and min and max where there are any, all as text.

        Numbers and decimals are decimal text, dates and times ISO 8601, durations a count of the
        type's unit.
        """
        return [column.to_json() for column in self._columns]


class _Column:
    def __init__(self, field: pa.Field) -> None:
        self.name = field.name
        self.kind = type_name(field.type)
        self.type = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        self.ordered = _is_ordered(self.type)
        self.nulls = 0
        self.low: _Value | None = None
        self.high: _Value | None = None

    def update(self, array: pa.Array) -> None:
        if isinstance(array, pa.DictionaryArray) and array.dictionary.null_count:
            array = array.dictionary_decode()
        self.nulls += array.null_count
        values = _used_values(array) if isinstance(array, pa.DictionaryArray) else array
        if not self.ordered or values.null_count == len(values):
            return
        extremes = pc.min_max(_comparable(values)).values()
        low, high = (_python(scalar) for scalar in extremes)
        if low is not None and high is not None:
            self._widen(low, high)

    def merge(self, other: _Column) -> None:
        if (self.name, self.kind) != (other.name, other.kind):
            raise ProvenanceError(
                f"statistics of {self.name!r} cannot be merged with those of {other.name!r}"
            )
        self.nulls += other.nulls
        if other.low is not None and other.high is not None:
            self._widen(other.low, other.high)

    def _widen(self, low: _Value, high: _Value) -> None:
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    def to_json(self) -> dict[str, str]:
        entry = {"name": self.name, "nulls": str(self.nulls)}
        if self.low is not None and self.high is not None:
            entry |= {"min": _text(self.low, self.type), "max": _text(self.high, self.type)}
        return entry


def _is_ordered(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_boolean(type_)
        or pa.types.is_integer(type_)
        or pa.types.is_floating(type_)
        or pa.types.is_decimal(type_)
        or pa.types.is_temporal(type_)
        or pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
    )


def _used_values(array: pa.DictionaryArray) -> pa.Array:
    """The values of the dictionary that occur, each once: far fewer than rows."""
    codes = array.indices.drop_null().to_numpy(zero_copy_only=False)
    used = np.bincount(codes, minlength=len(array.dictionary)) > 0
    return array.dictionary.filter(pa.array(used))


def _comparable(array: pa.Array) -> pa.Array:
    """The same order in a type that every version of Arrow can compare, and Python can hold."""
    type_ = array.type
    if pa.types.is_float16(type_):
        return array.cast(pa.float32())
    if pa.types.is_temporal(type_):
        return array.view(pa.int32() if type_.bit_width == 32 else pa.int64())
    return array


def _python(scalar: pa.Scalar) -> _Value | None:
    value: _Value | None = scalar.as_py()
    if isinstance(value, float):
        return None if math.isnan(value) else value + 0.0
    return value


def _text(value: _Value, type_: pa.DataType) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int) and pa.types.is_temporal(type_):
        return _time_text(value, type_)
    return repr(value)


def _time_text(count: int, type_: pa.DataType) -> str:
    if pa.types.is_duration(type_):
        return str(count)
    if pa.types.is_date32(type_):
        return str(np.datetime64(count, "D"))
    if pa.types.is_date64(type_):
        return str(np.datetime64(count, "ms").astype("datetime64[D]"))
    moment = str(np.datetime64(count, type_.unit))
    if pa.types.is_time(type_):
        return moment.partition("T")[2]
    return f"{moment}Z" if type_.tz else moment
