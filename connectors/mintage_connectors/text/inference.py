"""Which type all values of a column of text have: found over the whole column, not its first rows.

Each block of a column is classified on its distinct values, and classes are joined, so that the
result does not depend on where blocks begin. Types never lose what was written: digits with leading
zeros, and whole numbers that a float would round, stay text.
"""

from __future__ import annotations

import re
from enum import Enum

import pyarrow as pa
import pyarrow.compute as pc

from mintage_connectors.text.values import trim

_EXACT = 2**53
"""Whole numbers up to this size are exact in a float64."""

_NUMBER = r"^[ \t]*-?(?:\.?[0-9]|(?i:inf|nan))"
"""How numbers begin."""
_PADDED = r"^(?:\+|-?0[0-9])"
"""How digits begin that are no number: telephone and postal codes."""
_MANY_DIGITS = r"^-?[0-9]{16,}$"
_NOT_FINITE = r"^-?(?i:inf|infinity|nan)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_CLOCK = r"[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_TIMESTAMP = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:{_CLOCK})?$"
_INSTANT = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_CLOCK}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)$"
_NANOSECONDS = r"\.[0-9]{7,9}"
_SAMPLE = 32

TRUE = ("true", "True", "TRUE")
FALSE = ("false", "False", "FALSE")
"""How booleans are spelled; 0 and 1 are numbers, yes and no are text."""
_BOOLEANS = (*TRUE, *FALSE)


class Kind(Enum):
    """What the values of a column have in common."""

    NOTHING = "nothing"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    LONG = "long"
    """Integers of which some are not exact in a float64."""
    FLOAT = "float"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMP_NS = "timestamp_ns"
    INSTANT = "instant"
    """Timestamps with a zone or offset."""
    INSTANT_NS = "instant_ns"
    TEXT = "text"

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of this kind."""
        return _TYPES[self]


_TYPES = {
    Kind.NOTHING: pa.null(), Kind.BOOLEAN: pa.bool_(), Kind.INTEGER: pa.int64(), Kind.LONG: pa.int64(),
    Kind.FLOAT: pa.float64(), Kind.DATE: pa.date32(), Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMP_NS: pa.timestamp("ns"), Kind.INSTANT: pa.timestamp("us", "UTC"),
    Kind.INSTANT_NS: pa.timestamp("ns", "UTC"), Kind.TEXT: pa.string(),
}  # fmt: skip

# Within a row of this table a later kind holds every value of an earlier one.
_ORDERS = (
    (Kind.INTEGER, Kind.LONG),
    (Kind.INTEGER, Kind.FLOAT),
    (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_NS),
    (Kind.INSTANT, Kind.INSTANT_NS),
)


def join_kinds(one: Kind, other: Kind) -> Kind:
    """The narrowest kind that holds the values of both.

    >>> join_kinds(Kind.INTEGER, Kind.FLOAT), join_kinds(Kind.LONG, Kind.FLOAT)
    (<Kind.FLOAT: 'float'>, <Kind.TEXT: 'text'>)
    """
    if one is other or other is Kind.NOTHING:
        return one
    if one is Kind.NOTHING:
        return other
    for order in _ORDERS:
        if one in order and other in order:
            return order[max(order.index(one), order.index(other))]
    return Kind.TEXT


class Inference:
    """The kind of one column, block by block.

    `nulls`, an array of strings, spells null even where it is quoted, unless the column is text.
    """

    def __init__(self, nulls: pa.Array | None = None) -> None:
        self.kind = Kind.NOTHING
        self.quoted_nulls = False
        """Whether a spelling of null was met in quotes, where the parser does not see a null."""
        self._nulls = nulls

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the column so far."""
        return self.kind.type

    def update(self, values: pa.Array) -> None:
        """Take a block of the column, as an array of strings."""
        if self.kind is Kind.TEXT:
            return
        distinct = pc.drop_null(pc.unique(values))
        if self._nulls is not None and pc.any(spelled := pc.is_in(distinct, self._nulls)).as_py():
            self.quoted_nulls = True
            distinct = distinct.filter(pc.invert(spelled))
        self.kind = join_kinds(self.kind, kind_of(distinct))


def kind_of(values: pa.Array) -> Kind:
    """The narrowest kind of strings without nulls.

    >>> kind_of(pa.array(["1", "2.5"])), kind_of(pa.array(["2013-01-01", "2013-01-01T10:00"]))
    (<Kind.FLOAT: 'float'>, <Kind.TIMESTAMP: 'timestamp'>)
    """
    if not len(values):
        return Kind.NOTHING
    if values[0].as_py() in _BOOLEANS and pc.all(pc.is_in(values, pa.array(_BOOLEANS))).as_py():
        return Kind.BOOLEAN
    number = _number_kind(trim(values)) if _first_match(values, _NUMBER) else None
    return number or moment_kind_of(values)


def moment_kind_of(values: pa.Array) -> Kind:
    """As `kind_of`, where numbers and booleans in text are text: for formats that have them as such."""
    if not len(values):
        return Kind.NOTHING
    if _all_match(values, _TIMESTAMP):
        if _all_match(values, _DATE):
            return _castable(values, Kind.DATE)
        return _castable(values, Kind.TIMESTAMP_NS if _any_match(values, _NANOSECONDS) else Kind.TIMESTAMP)
    if _all_match(values, _INSTANT):
        return _castable(values, Kind.INSTANT_NS if _any_match(values, _NANOSECONDS) else Kind.INSTANT)
    return Kind.TEXT


def _number_kind(values: pa.Array) -> Kind | None:
    """The kind of strings that are all numbers, None for others."""
    if (integers := _cast(values, pa.int64())) is not None and integers.cast(pa.string()).equals(values):
        bounds = pc.min_max(integers).as_py()
        return Kind.INTEGER if max(-bounds["min"], bounds["max"]) <= _EXACT else Kind.LONG
    if (floats := _cast(values, pa.float64())) is None or _any_match(values, _PADDED):
        return None
    long = values.filter(pc.greater_equal(pc.binary_length(values), 16))
    many = long.filter(pc.match_substring_regex(long, _MANY_DIGITS))
    if len(many) and pc.max(pc.abs(many.cast(pa.float64()))).as_py() >= _EXACT:
        return None
    overflown = values.filter(pc.is_inf(floats))
    return Kind.FLOAT if not len(overflown) or _all_match(overflown, _NOT_FINITE) else None


def _cast(values: pa.Array, type_: pa.DataType) -> pa.Array | None:
    try:
        return values.cast(type_)
    except pa.ArrowInvalid:
        return None


def _first_match(values: pa.Array, pattern: str) -> bool:
    # Most columns that do not match show it in their first values, and for so few Python is faster
    # than Arrow, which compiles the pattern anew each time.
    matches = re.compile(pattern).search
    return all(matches(value) for value in values.slice(0, _SAMPLE).to_pylist())


def _all_match(values: pa.Array, pattern: str) -> bool:
    rest = values.slice(_SAMPLE)
    return _first_match(values, pattern) and (
        not len(rest) or bool(pc.all(pc.match_substring_regex(rest, pattern)).as_py())
    )


def _any_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, pattern)).as_py())


def _castable(values: pa.Array, kind: Kind) -> Kind:
    """`kind` when every value is one (the 31st of February is none), else text."""
    return Kind.TEXT if _cast(values, kind.type) is None else kind
