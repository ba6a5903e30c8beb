"""The values of conditions, as JSON carries them, read as values of a column's type."""

from __future__ import annotations

import math
import re
from datetime import time
from decimal import Decimal, InvalidOperation

import pyarrow as pa

from mintage.contracts import Scalar
from mintage.errors import ConditionError
from mintage_generators.tabular.codec.physical import is_text

_DURATION = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?")
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def read_scalar(name: str, type_: pa.DataType, value: Scalar) -> pa.Scalar:
    """The Arrow scalar of `value`; raises `ConditionError` when it is no value of that type."""
    if value is None:
        return pa.scalar(None, type_)
    try:
        return _read(type_, value)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, InvalidOperation) as exc:
        raise ConditionError(
            f"{value!r} is no value of column {name!r}, which is of type {type_}", _expected(type_)
        ) from exc


def _read(type_: pa.DataType, value: str | float | bool) -> pa.Scalar:
    if pa.types.is_boolean(type_) or isinstance(value, bool):
        return _same(type_, value, bool, pa.types.is_boolean(type_))
    if is_text(type_):
        return _same(type_, value, str, True)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("JSON has no such number")
    if pa.types.is_floating(type_):
        return pa.scalar(float(value), type_)
    if pa.types.is_integer(type_):
        return _same(
            type_, int(value) if isinstance(value, float) and value.is_integer() else value, int, True
        )
    if pa.types.is_decimal(type_):
        return pa.scalar(Decimal(repr(value) if isinstance(value, float) else value), type_)
    if pa.types.is_duration(type_) and isinstance(value, str):
        return pa.scalar(_duration(value, type_.unit), type_)
    if pa.types.is_time(type_) and isinstance(value, str):
        return _exactly(type_, time.fromisoformat(value))
    return pa.scalar(value, pa.string() if isinstance(value, str) else pa.int64()).cast(type_)


def _same(type_: pa.DataType, value: object, kind: type, fits: bool) -> pa.Scalar:
    if not fits or not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}")
    return pa.scalar(value, type_)


def _exactly(type_: pa.DataType, value: time) -> pa.Scalar:
    scalar = pa.scalar(value, type_)
    if scalar.as_py() != value:
        raise ValueError("finer than the column's unit")
    return scalar


def _duration(text: str, unit: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        raise ValueError("no ISO 8601 duration")
    sign, *parts, fraction = match.groups()
    days, hours, minutes, seconds = (int(part or 0) for part in parts)
    nanoseconds = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 10**9 + int(
        (fraction or "").ljust(9, "0")
    )
    whole, rest = divmod(nanoseconds, _NANOSECONDS[unit])
    if rest:
        raise ValueError(f"finer than the column's unit {unit!r}")
    return -whole if sign else whole


def _expected(type_: pa.DataType) -> str:
    if pa.types.is_timestamp(type_):
        return (
            "write it as 2024-01-31T13:45:00Z"
            if type_.tz
            else "write it as 2024-01-31T13:45:00, without a zone"
        )
    if pa.types.is_date(type_):
        return "write it as 2024-01-31"
    if pa.types.is_time(type_):
        return "write it as 13:45:00"
    if pa.types.is_duration(type_):
        return "write it as P1DT2H30M, or as a whole number of the column's unit"
    if pa.types.is_decimal(type_):
        return f'write it as text such as "12.50", with at most {type_.scale} decimals'
    if pa.types.is_boolean(type_):
        return "write true or false"
    if pa.types.is_floating(type_):
        return 'write a number, or "nan", "inf" or "-inf" in quotes'
    return "write text, in quotes" if is_text(type_) else "write a number"
