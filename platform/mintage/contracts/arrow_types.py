"""Arrow types as text and back: the names that plans, records and digests use."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa

from mintage.errors import SpecError

_UNITS = "s|ms|us|ns"
# Lists of lists nest by recursion: long enough for every real type, short enough for the stack.
_MAX_TYPE_NAME = 512

_PLAIN: dict[str, pa.DataType] = {
    str(type_): type_
    for type_ in (
        pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(),
        pa.uint32(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.string(), pa.large_string(),
        pa.binary(), pa.large_binary(), pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"),
        pa.time64("us"), pa.time64("ns"), pa.duration("s"), pa.duration("ms"), pa.duration("us"),
        pa.duration("ns"),
    )
}  # fmt: skip

_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], pa.DataType]], ...] = (
    (re.compile(rf"timestamp\[({_UNITS})\]"), lambda m: pa.timestamp(m[1])),
    (re.compile(rf"timestamp\[({_UNITS}), tz=([\w/+:\-]+)\]"), lambda m: pa.timestamp(m[1], m[2])),
    (re.compile(r"decimal128\((\d+), (-?\d+)\)"), lambda m: pa.decimal128(int(m[1]), int(m[2]))),
    (re.compile(r"decimal256\((\d+), (-?\d+)\)"), lambda m: pa.decimal256(int(m[1]), int(m[2]))),
    (re.compile(r"fixed_size_binary\[(\d+)\]"), lambda m: pa.binary(int(m[1]))),
    (re.compile(r"list<(.+)>"), lambda m: pa.list_(parse_type(m[1]))),
    (re.compile(r"fixed_size_list<(.+)>\[(\d+)\]"), lambda m: pa.list_(parse_type(m[1]), int(m[2]))),
)


def type_name(type_: pa.DataType) -> str:
    """The text of an Arrow type. A dictionary is named by its values: encoding is not identity.

    >>> type_name(pa.dictionary(pa.int32(), pa.string())), type_name(pa.list_(pa.int64()))
    ('string', 'list<int64>')

    Raises `SpecError` for a type that Mintage does not carry.
    """
    if pa.types.is_dictionary(type_):
        return type_name(type_.value_type)
    if pa.types.is_fixed_size_list(type_):
        return f"fixed_size_list<{type_name(type_.value_type)}>[{type_.list_size}]"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return f"list<{type_name(type_.value_type)}>"
    if pa.types.is_fixed_size_binary(type_) and not pa.types.is_decimal(type_):
        return f"fixed_size_binary[{type_.byte_width}]"
    name = str(type_)
    parse_type(name)
    return name


def parse_type(name: str) -> pa.DataType:
    """The Arrow type of that name; raises `SpecError` for one that Mintage does not carry.

    >>> parse_type("timestamp[us, tz=UTC]"), parse_type("decimal128(10, 2)")
    (TimestampType(timestamp[us, tz=UTC]), Decimal128Type(decimal128(10, 2)))
    """
    if name in _PLAIN:
        return _PLAIN[name]
    for pattern, build in _PATTERNS:
        if len(name) <= _MAX_TYPE_NAME and (match := pattern.fullmatch(name)):
            try:
                return build(match)
            except (ValueError, OverflowError) as exc:
                raise _unsupported(name) from exc
    raise _unsupported(name)


def _unsupported(name: str) -> SpecError:
    return SpecError(
        f"columns of the Arrow type {name[:100]!r} are not supported",
        "cast the column to numbers, text, dates or times, binary, or lists of these",
    )
