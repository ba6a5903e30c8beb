"""Which type all values of a column of text have: found over the whole column, not its first rows.

Each block of a column is classified on its distinct values, and classes are joined, so that the
result does not depend on where blocks begin. Types never lose what was written: digits with leading
zeros, and whole numbers that a float would round, stay text.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

import pyarrow as pa
import pyarrow.compute as pc

from mintage_connectors.text.values import trim

_EXACT = 2**53
"""Whole numbers up to this size are exact in a float64."""

_INTEGER = r"^(?:0|-?[1-9][0-9]{0,18})$"
_MANY_DIGITS = r"^-?[0-9]{16,}$"
_NOT_FINITE = r"^-?(?i:inf|infinity|nan)$"
_FLOAT = rf"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$|{_NOT_FINITE}"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_CLOCK = r"[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_TIMESTAMP = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:{_CLOCK})?$"
_INSTANT = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_CLOCK}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)$"
_NANOSECONDS = r"\.[0-9]{7,9}"
_SAMPLE = 32

TRUE = ("true", "True", "TRUE")
FALSE = ("false", "False", "FALSE")
"""How booleans are spelled; 0 and 1 are numbers, yes and no are text."""


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

    `nulls` are spellings that mean null even when they are quoted, unless the column is text.
    """

    def __init__(self, nulls: Collection[str] = ()) -> None:
        self.kind = Kind.NOTHING
        self.quoted_nulls = False
        """Whether a spelling of null was met in quotes, where the parser does not see a null."""
        self._nulls = pa.array(list(nulls), pa.string())

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the column so far."""
        return self.kind.type

    def update(self, values: pa.Array) -> None:
        """Take a block of the column, as an array of strings."""
        if self.kind is Kind.TEXT:
            return
        distinct = pc.drop_null(pc.unique(values))
        spelled = pc.is_in(distinct, self._nulls)
        if pc.any(spelled).as_py():
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
    if pc.all(pc.is_in(values, pa.array([*TRUE, *FALSE]))).as_py():
        return Kind.BOOLEAN
    trimmed = trim(values)
    if _all_match(trimmed, _FLOAT):
        return _number_kind(trimmed)
    return moment_kind_of(values)


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


def _number_kind(values: pa.Array) -> Kind:
    if _all_match(values, _INTEGER):
        if _castable(values, Kind.LONG) is Kind.TEXT:
            return Kind.TEXT
        bounds = pc.min_max(values.cast(pa.int64())).as_py()
        return Kind.INTEGER if max(-bounds["min"], bounds["max"]) <= _EXACT else Kind.LONG
    many = values.filter(pc.match_substring_regex(values, _MANY_DIGITS))
    if len(many) and pc.max(pc.abs(many.cast(pa.float64()))).as_py() > _EXACT:
        return Kind.TEXT
    overflown = values.filter(pc.is_inf(values.cast(pa.float64())))
    return Kind.FLOAT if not len(overflown) or _all_match(overflown, _NOT_FINITE) else Kind.TEXT


def _all_match(values: pa.Array, pattern: str) -> bool:
    # Most columns that do not match show it in their first values.
    return all(
        pc.all(pc.match_substring_regex(part, pattern)).as_py() for part in (values.slice(0, _SAMPLE), values)
    )


def _any_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, pattern)).as_py())


def _castable(values: pa.Array, kind: Kind) -> Kind:
    """`kind` when every value is one (the 31st of February is none), else text."""
    try:
        values.cast(kind.type)
    except pa.ArrowInvalid:
        return Kind.TEXT
    return kind
