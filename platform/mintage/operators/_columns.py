"""The columns that a rule names: found in the table, or refused with the nearest name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import pyarrow as pa

from mintage.contracts import ColumnSchema, TableSchema, type_name
from mintage.errors import SpecError

_NO_REASON = re.compile(r"[^A-Za-z0-9_.:\-]")
_MAX_REASON = 100


def default_reason(kind: str, columns: Sequence[str]) -> str:
    """The reason code of a rule without a name.

    >>> default_reason("unique", ["order id", "line"])
    'unique:order_id.line'
    """
    return _NO_REASON.sub("_", f"{kind}:{'.'.join(columns)}" if columns else kind)[:_MAX_REASON]


def find_columns(table: TableSchema, names: Sequence[str], rule: str) -> tuple[ColumnSchema, ...]:
    """The columns of those names; raises `SpecError` for an unknown name, or one that is there twice."""
    if not names:
        raise SpecError(f"{rule} names no columns", f"columns of {table.name!r}: {_some(table.names)}")
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        raise SpecError(f"{rule} names the column {twice[0]!r} more than once", "name it once")
    return tuple(find_column(table, name, rule) for name in names)


def find_column(table: TableSchema, name: str, rule: str) -> ColumnSchema:
    """The column of that name; raises `SpecError` that suggests the nearest one."""
    if name not in table.names:
        raise SpecError(f"{rule}: table {table.name!r} has no column {name!r}", nearest(name, table.names))
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        # polars would expand such a name to every column that it matches.
        raise SpecError(f"{rule}: the column name {name!r} reads as a pattern", "rename the column")
    return table.column(name)


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint about a name that is not known.

    >>> nearest("dep_dely", ["dep_time", "dep_delay"])
    "did you mean 'dep_delay'?"
    """
    if close := difflib.get_close_matches(name, known, n=1, cutoff=0.6):
        return f"did you mean {close[0]!r}?"
    return f"known: {_some(known)}"


def value_type(type_: pa.DataType) -> pa.DataType:
    """The type of the values: a dictionary is only an encoding."""
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def is_text(type_: pa.DataType) -> bool:
    """Whether the values are text, however encoded."""
    plain = value_type(type_)
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain))


def is_binary(type_: pa.DataType) -> bool:
    """Whether the values are bytes."""
    plain = value_type(type_)
    return bool(
        pa.types.is_binary(plain) or pa.types.is_large_binary(plain) or pa.types.is_fixed_size_binary(plain)
    )


def is_decimal(type_: pa.DataType) -> bool:
    """Whether the values are decimals that polars carries: up to 38 digits."""
    return bool(pa.types.is_decimal(type_) and type_.precision <= 38 and type_.bit_width <= 128)


def is_number(type_: pa.DataType) -> bool:
    """Whether the values are integers, floats or decimals."""
    plain = value_type(type_)
    return bool(pa.types.is_integer(plain) or pa.types.is_floating(plain) or is_decimal(plain))


def wrong_type(rule: str, column: ColumnSchema, wanted: str, hint: str) -> SpecError:
    """The error for a column whose type a rule cannot judge."""
    return SpecError(
        f"{rule} judges {wanted}, but the column {column.name!r} is {type_name(column.type)}", hint
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
