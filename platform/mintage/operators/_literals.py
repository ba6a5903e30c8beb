"""Values of a spec as values of a column: JSON carries no dates, durations or decimals."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Annotated

import polars as pl
import pyarrow as pa
from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr, TypeAdapter

from mintage.contracts import ColumnSchema, type_name
from mintage.errors import SpecError
from mintage.operators._columns import is_decimal, is_text, value_type
from mintage.operators._frames import to_series

_DURATION = TypeAdapter(datetime.timedelta)


def _iso_text(value: object) -> object:
    """YAML and Python callers may give dates and times as such."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, decimal.Decimal) else value


Bound = Annotated[
    StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | StrictStr, BeforeValidator(_iso_text)
]
"""A limit in a spec: a number, or ISO 8601 text for dates, times and durations."""

Value = Annotated[
    StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | StrictStr,
    BeforeValidator(_iso_text),
]
"""A value in a spec: as `Bound`, or a boolean."""


def is_comparable(type_: pa.DataType) -> bool:
    """Whether values of that type can be written in a spec."""
    plain = value_type(type_)
    return bool(
        is_text(plain)
        or pa.types.is_boolean(plain)
        or pa.types.is_integer(plain)
        or pa.types.is_floating(plain)
        or is_decimal(plain)
        or pa.types.is_temporal(plain)
    ) and not pa.types.is_interval(plain)


def typed_values(values: Sequence[object], column: ColumnSchema, rule: str) -> pl.Series:
    """The values as a series of the column's type. Raises `SpecError` for one that is no such value."""
    type_ = value_type(column.type)
    scalars = [_typed(value, type_, column.name, rule) for value in values]
    return to_series(pa.concat_arrays([pa.repeat(scalar, 1) for scalar in scalars]))


def _typed(value: object, type_: pa.DataType, column: str, rule: str) -> pa.Scalar:
    try:
        return _scalar(value, type_)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, decimal.InvalidOperation) as exc:
        raise SpecError(
            f"{rule}: {value!r} is no value of the column {column!r}, which is {type_name(type_)}",
            _how_to_write(type_),
        ) from exc


def _scalar(value: object, type_: pa.DataType) -> pa.Scalar:
    """The value in Arrow; what Python raises tells that it does not fit."""
    if pa.types.is_boolean(type_) or is_text(type_):
        if isinstance(value, bool) is not pa.types.is_boolean(type_) or not isinstance(value, bool | str):
            raise TypeError(value)
        return pa.scalar(value, type_)
    if isinstance(value, bool) or value is None:
        raise TypeError(value)
    if pa.types.is_integer(type_):
        return pa.scalar(_whole(value), type_)
    if pa.types.is_floating(type_):
        return pa.scalar(float(_number(value)), pa.float64()).cast(type_)
    if pa.types.is_decimal(type_):
        return pa.scalar(decimal.Decimal(str(value)), type_)
    if pa.types.is_duration(type_):
        return pa.scalar(_DURATION.validate_python(value), type_)
    if pa.types.is_time(type_):
        return pa.scalar(datetime.time.fromisoformat(_text(value)), type_)
    return pa.scalar(_text(value)).cast(type_)


def _whole(value: object) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value) if isinstance(value, int | float | str) else int(_number(value))


def _number(value: object) -> int | float:
    if not isinstance(value, int | float):
        raise TypeError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _how_to_write(type_: pa.DataType) -> str:
    if pa.types.is_timestamp(type_):
        zone = ", with its offset: '2013-01-31T06:00:00-05:00'" if type_.tz else ": '2013-01-31T06:00:00'"
        return f"write a timestamp as ISO 8601 text{zone}, no finer than {type_.unit}"
    if pa.types.is_date(type_):
        return "write a date as ISO 8601 text: '2013-01-31'"
    if pa.types.is_time(type_):
        return "write a time as ISO 8601 text: '06:00:00'"
    if pa.types.is_duration(type_):
        return "write a duration as seconds, or as ISO 8601 text: 'PT1H30M'"
    if pa.types.is_integer(type_):
        return "write a whole number that the column can hold; leave out a limit that it cannot pass"
    if pa.types.is_decimal(type_):
        return f"write a number with at most {type_.scale} decimal places"
    return "write " + (
        "true or false" if pa.types.is_boolean(type_) else "text in quotes, or a number for numbers"
    )
