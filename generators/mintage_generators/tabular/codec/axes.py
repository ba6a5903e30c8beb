"""Columns that are compared or summed, on one common scale: cents beside euros, days beside seconds.

On a scale all values are whole numbers (int64), so nothing is rounded; or, as soon as one of the columns
holds floats, all are float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Self

import numpy as np
import pyarrow as pa

from mintage.errors import ConditionError, SpecError
from mintage_generators.tabular.codec.domains import Domain
from mintage_generators.tabular.codec.scalars import read_scalar

FAR = 2**62
"""No whole number on a scale is as large; it stands for no bound."""

_EXACT = 2**53
_NANOSECONDS = {"D": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How columns, by number, become comparable: value on the scale = number * factor."""

    factors: Mapping[int, int]
    floats: bool
    decimals: int = 0
    unit: str | None = None

    def gap(self, value: str | float | None, said: str) -> int | float:
        """A difference on the scale; raises `SpecError` when it is none, or finer than the scale."""
        if value is None:
            return 0.0 if self.floats else 0
        try:
            if self.unit is not None:
                return self._duration(value)
            if self.floats:
                return float(value)
            whole = Decimal(str(value)) * 10**self.decimals
        except (ValueError, InvalidOperation, ConditionError) as exc:
            raise SpecError(f"the gap {value!r} of {said} is no difference of its columns", _HINT) from exc
        if whole != whole.to_integral_value() or abs(whole) >= FAR // 2:
            raise SpecError(f"the gap {value!r} of {said} is finer or larger than its columns can be", _HINT)
        return int(whole)

    def _duration(self, value: str | float) -> int:
        if not isinstance(value, str):
            if value != int(value):
                raise ValueError("no whole number of units")
            return int(value)
        assert self.unit is not None
        unit = "s" if self.unit == "D" else self.unit
        length = int(read_scalar("gap", pa.duration(unit), value).value)
        whole, rest = divmod(length, 86_400 if self.unit == "D" else 1)
        if rest:
            raise ValueError("no whole number of days")
        return whole


_HINT = "write a number, or a duration such as P1DT2H for dates and times, no finer than the columns"


def common_scale(types: Mapping[int, pa.DataType], said: str) -> Scale:
    """The scale of columns of these types; raises `SpecError` when they cannot be compared exactly."""
    families = {i: _family(type_) for i, type_ in types.items()}
    if len(set(families.values())) > 1 or None in families.values():
        kinds = ", ".join(str(type_) for type_ in types.values())
        raise SpecError(
            f"{said}: columns of types {kinds} cannot be compared",
            "cast them to one kind: numbers, dates and times (all with a zone or all without), or durations",
        )
    if next(iter(families.values())) != "number":
        sizes = {i: _NANOSECONDS[_unit(type_)] for i, type_ in types.items()}
        finest = min(sizes.values())
        unit = next(name for name, size in _NANOSECONDS.items() if size == finest)
        return Scale(factors={i: size // finest for i, size in sizes.items()}, floats=False, unit=unit)
    if any(pa.types.is_floating(type_) for type_ in types.values()):
        if any(pa.types.is_decimal(type_) for type_ in types.values()):
            raise SpecError(
                f"{said}: decimals and floats cannot be compared exactly", "cast the columns to one type"
            )
        return Scale(factors=dict.fromkeys(types, 1), floats=True)
    scales = {i: type_.scale if pa.types.is_decimal(type_) else 0 for i, type_ in types.items()}
    most = max(scales.values())
    return Scale(factors={i: 10 ** (most - own) for i, own in scales.items()}, floats=False, decimals=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One column's domain on a scale. Bounds are int64 or float64 on the scale, shape (rows,) or (1,)."""

    domain: Domain
    factor: int
    floats: bool

    def checked(self, said: str) -> Self:
        """The axis itself; raises `SpecError` when its values leave what the scale can carry."""
        if self.domain.low.dtype == np.float64 or not len(self.domain.low):
            return self
        largest = max(abs(int(self.domain.low.min())), abs(int(self.domain.high.max())))
        if largest * self.factor >= (_EXACT if self.floats else FAR // 4):
            raise SpecError(
                f"{said}: values of column {self.domain.column.name!r} such as {largest} are too large "
                "to be compared with the others exactly",
                "cast the columns to one unit",
            )
        return self

    @property
    def nullable(self) -> bool:
        """Whether a row may have no number here."""
        return bool(self.domain.free.any())

    def within(self, domain: Domain) -> Self:
        """The same axis with another domain."""
        return replace(self, domain=domain)

    def scaled(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers of the column on the scale."""
        if self.floats:
            return numbers.astype(np.float64)
        return np.asarray(numbers.astype(np.int64) * self.factor)

    def ends(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The smallest and the largest number allowed, on the scale and of shape (1,); None without any."""
        if not len(self.domain.low):
            return None
        low, high = (
            self.scaled(np.array([self.domain.low.min()])),
            self.scaled(np.array([self.domain.high.max()])),
        )
        return low, high

    def nothing(self, *, up: bool) -> np.ndarray:
        """The bound, of shape (1,), that bounds nothing."""
        if self.floats:
            return np.array([np.inf if up else -np.inf])
        return np.array([FAR if up else -FAR], np.int64)

    def at_most(self, bounds: np.ndarray) -> np.ndarray:
        """Upper bounds on the scale as numbers of the column."""
        return self._own(bounds if self.floats else bounds // self.factor, np.floor)

    def at_least(self, bounds: np.ndarray) -> np.ndarray:
        """Lower bounds on the scale as numbers of the column."""
        return self._own(bounds if self.floats else -(-bounds // self.factor), np.ceil)

    def highest(self, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The highest values allowed that are at most the bounds, on the scale, and whether there are any."""
        numbers, found = self.domain.highest(self.at_most(bounds))
        return self.scaled(numbers), found

    def lowest(self, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest values allowed that are at least the bounds, on the scale, and whether there are any."""
        numbers, found = self.domain.lowest(self.at_least(bounds))
        return self.scaled(numbers), found

    def _own(self, bounds: np.ndarray, whole: np.ufunc) -> np.ndarray:
        dtype = self.domain.low.dtype
        if dtype == np.float64:
            return bounds
        if self.floats:
            bounds = np.clip(whole(bounds), -float(FAR), float(FAR)).astype(np.int64)
        return bounds if dtype == np.int64 else np.maximum(bounds, 0).astype(dtype)


def _family(type_: pa.DataType) -> str | None:
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    if pa.types.is_date(type_) or (pa.types.is_timestamp(type_) and type_.tz is None):
        return "instant"
    if pa.types.is_timestamp(type_):
        return "instant with a zone"
    if pa.types.is_time(type_):
        return "time"
    return "duration" if pa.types.is_duration(type_) else None


def _unit(type_: pa.DataType) -> str:
    if pa.types.is_date32(type_):
        return "D"
    return "ms" if pa.types.is_date64(type_) else str(type_.unit)
