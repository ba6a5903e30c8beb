"""The lattices that a type's values may lie on, known before any row is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage.contracts import Scalar
from mintage.errors import SpecError
from mintage_generators.tabular.codec.grid import Grid
from mintage_generators.tabular.codec.physical import numbers
from mintage_generators.tabular.codec.scalars import read_scalar

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS = (86_400, 3600, 60, 1)
_DECIMALS = (0, 1, 2, 3, 4)
_EXACT = 2.0**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Multiples of `step` / 10**`decimals`; `decimals` is -1 for what is no float, `step` 0 for any float."""

    type: pa.DataType
    step: int = 1
    decimals: int = -1

    @property
    def continuous(self) -> bool:
        """Whether it is no lattice at all."""
        return self.step == 0

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Which finite `values` (of `physical.numbers`) lie on it."""
        if self.continuous:
            return np.ones(len(values), np.bool_)
        if self.decimals < 0:
            return np.asarray(values % values.dtype.type(self.step) == 0)
        scaled = np.rint(values * 10.0**self.decimals)
        native = self.type.to_pandas_dtype()
        same = (scaled / 10.0**self.decimals).astype(native) == values.astype(native)
        return np.asarray(same & (np.abs(scaled) < _EXACT))

    def whole(self, values: np.ndarray) -> np.ndarray:
        """`values` times 10**`decimals` as whole numbers, or as they are where there is no lattice."""
        if self.continuous or self.decimals < 0:
            return values
        limit = _EXACT / 2
        return np.rint(np.clip(values * 10.0**self.decimals, -limit, limit)).astype(np.int64)

    def bound(self, name: str, value: Scalar) -> float:
        """An end of the public bounds, in the unit of `whole`."""
        number = numbers(pa.array([read_scalar(name, self.type, value)], self.type))
        if number.dtype == np.float64 and not np.isfinite(number[0]):
            raise SpecError(f"privacy.domains: the bounds of column {name!r} are not finite", "give numbers")
        return float(self.whole(number)[0])

    def grid(self, low: int, type_: pa.DataType) -> Grid | None:
        """The codec's lattice with its origin at `low`."""
        if self.continuous:
            return None
        signed = not pa.types.is_uint64(type_)
        return Grid(origin=low, step=self.step, decimals=self.decimals, signed=signed)


def rungs(type_: pa.DataType) -> tuple[Lattice, ...]:
    """The lattices of a type, the coarsest first; the last holds every value."""
    if pa.types.is_floating(type_):
        stepped = (Lattice(type=type_, decimals=decimals) for decimals in _DECIMALS)
        return (*stepped, Lattice(type=type_, step=0))
    unit = _UNITS.get(str(getattr(type_, "unit", "")), 0)
    if pa.types.is_date64(type_):
        return (Lattice(type=type_, step=86_400_000),)
    if not unit:
        return (Lattice(type=type_),)
    steps = [seconds * unit for seconds in _SECONDS] + [unit // 1000**k for k in (1, 2, 3) if unit // 1000**k]
    return tuple(Lattice(type=type_, step=step) for step in steps)


def limits(type_: pa.DataType, lattice: Lattice) -> tuple[float, float]:
    """The least and the most that the type can hold, in whole units of the lattice."""
    if pa.types.is_time(type_):
        return 0, 86_400 * _UNITS[type_.unit] - 1
    if pa.types.is_decimal(type_):
        most = 10 ** min(type_.precision, 18) - 1
        return -most, most
    if pa.types.is_floating(type_):
        return (-np.inf, np.inf) if lattice.continuous else (-_EXACT, _EXACT)
    kind = np.dtype(type_.to_pandas_dtype()) if pa.types.is_integer(type_) else np.dtype(np.int64)
    if pa.types.is_date32(type_):
        kind = np.dtype(np.int32)
    return np.iinfo(kind).min, np.iinfo(kind).max
