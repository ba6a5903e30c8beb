"""The lattice on which a column's numbers lie: whole hours, cents, multiples of a thousand.

A lattice turns numbers into unsigned steps from an origin. All 2**64 of them fit, since the
arithmetic is modulo 2**64: no float comes near a 64-bit integer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

MAX_DECIMALS = 9
"""Decimals tried before a float column counts as continuous."""

_EXACT = 2.0**53
_FEW = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """value = (origin + step * steps) / 10**decimals; `decimals` is -1 for what is no float."""

    origin: int
    step: int
    decimals: int
    signed: bool

    @classmethod
    def of(cls, values: np.ndarray, type_: pa.DataType) -> Grid | None:
        """The coarsest lattice that holds all `values` (finite, at least one), or None when there is none."""
        decimals = -1
        if values.dtype == np.float64:
            found = _decimals(values, type_)
            if found is None:
                return None
            decimals = found
            values = _to_whole(values, decimals)
        low = values.min()
        apart = distinct(values.view(np.uint64) - low.view(np.uint64))
        step = int(np.gcd.reduce(apart)) or 1
        return cls(origin=int(low), step=step, decimals=decimals, signed=values.dtype != np.uint64)

    def moved(self, steps: int) -> Grid:
        """The same lattice with its origin `steps` further on."""
        return replace(self, origin=self.origin + self.step * steps)

    def steps(self, values: np.ndarray) -> np.ndarray:
        """uint64 steps of values that are not below the origin; values off the lattice round down."""
        whole = _to_whole(values, self.decimals) if values.dtype == np.float64 else values
        return (whole.view(np.uint64) - self._origin()) // np.uint64(self.step)

    def clipped(self, values: np.ndarray, top: int) -> np.ndarray:
        """Values moved into the range from the origin to `top` steps above it; the same dtype."""
        low, high = self.values(np.array([0, top], np.uint64))
        return np.asarray(np.clip(values, low, high))

    def values(self, steps: np.ndarray) -> np.ndarray:
        """The numbers at `steps`, as `physical.numbers` gives them."""
        whole = steps * np.uint64(self.step) + self._origin()
        if not self.signed:
            return whole
        signed = whole.view(np.int64)
        return signed if self.decimals < 0 else signed / 10.0**self.decimals

    def _origin(self) -> np.uint64:
        return np.uint64(self.origin % 2**64)


def _to_whole(values: np.ndarray, decimals: int) -> np.ndarray:
    return np.rint(values * 10.0**decimals).astype(np.int64)


def _decimals(values: np.ndarray, type_: pa.DataType) -> int | None:
    values = distinct(values)
    native = type_.to_pandas_dtype()
    # A few values rule out most numbers of decimals, at a hundredth of the cost.
    few = values[:: max(1, len(values) // _FEW)]
    for decimals in range(MAX_DECIMALS + 1):
        if max(-values[0], values[-1]) * 10.0**decimals >= _EXACT:
            return None
        if _have(few, decimals, native) and _have(values, decimals, native):
            return decimals
    return None


def _have(values: np.ndarray, decimals: int, native: type[np.generic]) -> bool:
    scaled = np.rint(values * 10.0**decimals)
    return bool(((scaled / 10.0**decimals).astype(native) == values.astype(native)).all())


def distinct(values: np.ndarray) -> np.ndarray:
    """The distinct values in ascending order; quicker than hashing, above all where they are in order."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]
