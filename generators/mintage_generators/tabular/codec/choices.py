"""Sets and ranges of values of a column, as masks over its tokens and as domains of values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mintage.contracts import Choice, Scalar, Span
from mintage.errors import ConditionError
from mintage_generators.tabular.codec.column import Column, plain
from mintage_generators.tabular.codec.domains import Domain, is_ordered
from mintage_generators.tabular.codec.physical import numbers
from mintage_generators.tabular.codec.scalars import read_scalar

_Ends = tuple[float | None, float | None]


def choose(column: Column, choice: Choice) -> Domain | np.ndarray:
    """What the column may hold: a domain of an ordered column, else a mask, bool (tokens,).

    Raises `ConditionError` for values and ranges that the column cannot have.
    """
    if not is_ordered(column.type):
        if choice.spans:
            raise ConditionError(
                f"column {column.name!r} is of type {column.type}, which has no ranges",
                "list the values by any_of",
            )
        return _listed(column, choice)
    scalars = [read_scalar(column.name, column.type, value) for value in choice.values]
    found = np.array([to_number(column, scalar) for scalar in scalars if scalar.is_valid])
    ends: list[_Ends] = [(value, value) for value in found.tolist() if not np.isnan(value)]
    ends = _merged([*ends, *(_ends(column, span) for span in choice.spans)])
    domain = Domain.of(column)
    null = any(not scalar.is_valid for scalar in scalars)
    free = _free_tokens(column, domain.free, null=null, nan=bool(np.isnan(found).any()))
    if not choice.inverse:
        return domain.between(ends, free=True).with_free(free)
    return domain.between(_between(ends, domain.low.dtype), free=True).with_free(domain.free & ~free)


def to_number(column: Column, scalar: pa.Scalar) -> float:
    """A value that is not null as `physical.numbers` gives it."""
    number: float = numbers(plain(pa.array([scalar], column.type)))[0].item()
    return number


def _listed(column: Column, choice: Choice) -> np.ndarray:
    allowed = np.zeros(column.tokens, np.bool_)
    for value in choice.values:
        scalar = read_scalar(column.name, column.type, value)
        token = column.token_of(scalar)
        if token is None and not choice.inverse:
            raise ConditionError(
                f"column {column.name!r} cannot be {value!r}: the model never saw it in enough rows",
                f"values made: {column.describe()}",
            )
        allowed |= column.tokens_making(scalar)
    return ~allowed if choice.inverse else allowed


def _free_tokens(column: Column, free: np.ndarray, *, null: bool, nan: bool) -> np.ndarray:
    """Those of the tokens without a number that are asked for."""
    nulls = column.decode(np.arange(column.tokens), np.zeros(column.tokens)).is_null()
    is_null = nulls.to_numpy(zero_copy_only=False)
    return np.asarray(free & ((is_null & null) | (~is_null & nan)))


def _ends(column: Column, span: Span) -> _Ends:
    """Both ends, inclusive."""
    low, high = (_number(column, value) for value in (span.minimum, span.maximum))
    if span.below is not None:
        below = _number(column, span.below)
        assert below is not None
        high = _next(below, column, down=True)
    if low is not None and high is not None and low > high:
        raise ConditionError(
            f"the range of column {column.name!r} from {span.minimum!r} to "
            f"{span.below if span.maximum is None else span.maximum!r} is empty",
            "swap its ends",
        )
    return low, high


def _number(column: Column, value: Scalar) -> float | None:
    return None if value is None else to_number(column, read_scalar(column.name, column.type, value))


def _next(value: float, column: Column, *, down: bool) -> float:
    """The neighbour of a number: the number before or after it."""
    if isinstance(value, int):
        return value - 1 if down else value + 1
    kind = column.type.to_pandas_dtype()
    return float(np.nextafter(kind(value), kind(-np.inf if down else np.inf)))


def _merged(ends: list[_Ends]) -> list[_Ends]:
    """The same ranges in order, none overlapping another."""
    merged: list[_Ends] = []
    for low, high in sorted(ends, key=lambda pair: (pair[0] is not None, pair[0] or 0)):
        before = merged[-1] if merged else None
        if before is None or not (low is None or before[1] is None or low <= before[1]):
            merged.append((low, high))
        elif before[1] is not None and (high is None or high > before[1]):
            merged[-1] = (before[0], high)
    return merged


def _between(ends: list[_Ends], dtype: np.dtype[np.generic]) -> list[_Ends]:
    """What lies between and outside the ranges; both ends inclusive."""
    gaps: list[_Ends] = []
    start: float | None = None
    for low, high in ends:
        if low is not None:
            gaps.append((start, _step(low, dtype, down=True)))
        if high is None:
            return gaps
        start = _step(high, dtype, down=False)
    return [*gaps, (start, None)]


def _step(value: float, dtype: np.dtype[np.generic], *, down: bool) -> float:
    if dtype == np.float64:
        return float(np.nextafter(value, -np.inf if down else np.inf))
    return value - 1 if down else value + 1
