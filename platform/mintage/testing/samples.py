"""Tables to try connectors with: every type that Mintage carries, and the values that go wrong."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa

_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
_LIMITS = {
    pa.int8(): (-(2**7), 2**7 - 1),
    pa.int16(): (-(2**15), 2**15 - 1),
    pa.int32(): (-(2**31), 2**31 - 1),
    pa.int64(): (-(2**63), 2**63 - 1),
    pa.uint8(): (0, 2**8 - 1),
    pa.uint16(): (0, 2**16 - 1),
    pa.uint32(): (0, 2**32 - 1),
    pa.uint64(): (0, 2**64 - 1),
}
_TEXTS = ["", "plain", None, 'quote " comma , line\nbreak', "\u00e9\u2603\U0001f600"]
_MOMENTS = [
    datetime(1970, 1, 1),
    datetime(2024, 2, 29, 23, 59, 58),
    None,
    datetime(1969, 12, 31, 1),
    datetime(2100, 1, 1),
]
_SPANS = [timedelta(0), timedelta(days=400, seconds=1), None, timedelta(seconds=-5), timedelta(hours=1)]


def every_type() -> pa.Table:
    """Five rows with a column of each kind of type; the third row is null throughout.

    Integers reach their limits, floats have NaN and infinities, texts have quotes, line breaks and
    characters beyond the basic plane, times lie before 1970 and on a leap day.
    """
    columns: dict[str, pa.Array] = {"flag": pa.array([True, False, None, True, False])}
    for type_ in _INTEGERS:
        low, high = _LIMITS[type_]
        columns[str(type_)] = pa.array([low, high, None, 0, 1], type_)
    for type_ in (pa.float32(), pa.float64()):
        columns[str(type_)] = pa.array([0.5, math.nan, None, math.inf, -1e30], type_)
    columns |= _texts_and_bytes() | _times() | _lists()
    money = [Decimal("0.00"), Decimal("-12345678.90"), None, Decimal("99999999.99"), Decimal("0.01")]
    columns["decimal128"] = pa.array(money, pa.decimal128(10, 2))
    return pa.table(columns)


def plain_types() -> pa.Table:
    """Five rows of what text formats carry without a word on types: integers, floats, booleans, texts.

    There are no empty texts, because CSV cannot tell them from nulls.
    """
    return pa.table(
        {
            "count": pa.array([1, -(2**40), None, 0, 7], pa.int64()),
            "share": pa.array([0.5, -1e300, None, 0.1, 3.0], pa.float64()),
            "flag": pa.array([True, False, None, True, False]),
            "name": pa.array(["plain", 'quote " comma ,', None, "line\nbreak", "\u00e9\u2603\U0001f600"]),
        }
    )


def _texts_and_bytes() -> dict[str, pa.Array]:
    octets = [b"", b"\x00\xff", None, b"abc", b"\n"]
    return {
        "text": pa.array(_TEXTS, pa.string()),
        "large_text": pa.array(_TEXTS, pa.large_string()),
        "bytes": pa.array(octets, pa.binary()),
        "two_bytes": pa.array([b"ab", b"\x00\xff", None, b"  ", b"\n\r"], pa.binary(2)),
    }


def _times() -> dict[str, pa.Array]:
    days = [date(1970, 1, 1), date(2024, 2, 29), None, date(1900, 3, 1), date(2100, 1, 1)]
    clocks = [time(0), time(23, 59, 59), None, time(12, 30, 1), time(6)]
    columns: dict[str, pa.Array] = {"date": pa.array(days, pa.date32())}
    for unit in ("ms", "us", "ns"):
        columns[f"moment_{unit}"] = pa.array(_MOMENTS, pa.timestamp(unit))
        columns[f"span_{unit}"] = pa.array(_SPANS, pa.duration(unit))
    columns["moment_utc"] = pa.array(_MOMENTS, pa.timestamp("us", "UTC"))
    columns["moment_berlin"] = pa.array(_MOMENTS, pa.timestamp("us", "Europe/Berlin"))
    columns["clock_ms"] = pa.array(clocks, pa.time32("ms"))
    columns["clock_us"] = pa.array(clocks, pa.time64("us"))
    return columns


def _lists() -> dict[str, pa.Array]:
    return {
        "integers": pa.array([[], [1, None, 3], None, [4], [5, 6]], pa.list_(pa.int64())),
        "texts": pa.array([["a"], [], None, ["", None], ["b", "c"]], pa.list_(pa.string())),
        "vector": pa.array(
            [[1.0, 2.0], [0.0, -1.0], None, [3.0, 4.0], [5.0, 6.0]], pa.list_(pa.float32(), 2)
        ),
    }
