"""Edges on which a continuous column is counted, which give away no value that fewer than five rows hold.

An edge is a value that at least five rows hold, or the average of five neighbouring values; no value
takes part in two averages. What lies below the first or above the last of them is counted, not told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PROTECTED_ROWS = 5
"""Rows that must hold a value, or take part in an average, before it is told."""
BIN_MASS = 0.0009
"""Share of the rows that a bin aims at; below .001, so that a sample of a million rows keeps that bound."""
DISPLAY_BINS = 40
"""Equal-width bins between the extremes, for histograms."""

_MOST_ATOMS = 1024
_FINE = 16
"""Binary digits of a column's spread that survive when values are made whole numbers."""
_RANGE = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Edges (ascending), the outermost values that may be told, and the unit of sums."""

    edges: Floats
    low: float
    high: float
    centre: float
    unit: float
    """A power of two: values are summed as whole multiples of it, counted from `centre`."""
    whole: bool
    """Whether all values are whole numbers; the histogram's bins then end between two of them."""

    @property
    def display(self) -> Floats:
        """Where the bins of a histogram end, ascending; the outer ones are open. All are in `edges`."""
        return _display(self.low, self.high, whole=self.whole)


def make_grid(values: Floats, most_bins: int) -> Grid:
    """The grid of a column whose values, ascending and finite, are given; about `most_bins` bins."""
    if len(values) < PROTECTED_ROWS:
        return Grid(edges=np.empty(0), low=0.0, high=0.0, centre=0.0, unit=1.0, whole=False)
    mass = max(BIN_MASS, 1 / most_bins)
    atoms, others = _atoms(values, mass)
    told = np.unique(np.concatenate([atoms, _averages(values[others], _step(len(values), mass))]))
    low, high, whole = float(told[0]), float(told[-1]), bool(np.array_equal(values, np.floor(values)))
    with np.errstate(over="ignore", invalid="ignore"):  # the span of two finite numbers may be infinite
        edges = np.concatenate([told, np.nextafter(atoms, np.inf), _display(low, high, whole=whole)])
        edges = np.unique(edges[np.isfinite(edges)])
        return Grid(edges=edges, low=low, high=high, whole=whole, **_unit(values, told))


def _display(low: float, high: float, *, whole: bool) -> Floats:
    if not whole or high - low >= 2**52:
        return np.unique(np.linspace(low, high, DISPLAY_BINS + 1))
    width = max(1.0, np.ceil((np.floor(high) - np.floor(low) + 1) / DISPLAY_BINS))
    return np.arange(np.floor(low) - 0.5, np.floor(high) + 0.5 + width, width)


def _atoms(values: Floats, mass: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Values that get a bin of their own, and which of `values` are others."""
    distinct, counts = np.unique(values, return_counts=True)
    own = counts >= PROTECTED_ROWS
    if np.count_nonzero(own) > min(_MOST_ATOMS, 1 / mass):
        own = counts >= max(PROTECTED_ROWS, _step(len(values), mass))
    return distinct[own], ~np.repeat(own, counts)


def _averages(rest: Floats, step: int) -> Floats:
    """Averages of five neighbours, about a step apart, the first and the last five among them."""
    last = len(rest) - PROTECTED_ROWS
    if last < 0:
        return np.empty(0)
    groups = min(math.ceil(last / step), last // PROTECTED_ROWS) + 1
    starts = np.linspace(0, last, groups).astype(np.int64)
    # Divided before they are added: five large values may add up to infinity.
    averages: Floats = np.sum(
        [rest[starts + offset] / PROTECTED_ROWS for offset in range(PROTECTED_ROWS)], axis=0
    )
    return averages


def _step(rows: int, mass: float) -> int:
    # An average lies anywhere between its values, so a bin holds up to four rows more than a step.
    return max(PROTECTED_ROWS, int(rows * mass) - (PROTECTED_ROWS - 1))


def _unit(values: Floats, told: Floats) -> dict[str, float]:
    """Centre and unit of the whole numbers that stand for the values in sums."""
    centre = float(told[len(told) // 2])
    spread = max(_spread(values), math.ldexp(max(told[-1] - centre, centre - told[0]), _FINE - _RANGE))
    exponent = math.floor(math.log2(spread)) if 0 < spread < math.inf else 0
    unit = math.ldexp(1.0, max(min(exponent - _FINE, 900), -900))
    return {"unit": unit, "centre": round(centre / unit) * unit if abs(centre / unit) < 2**52 else centre}


def _spread(values: Floats) -> float:
    """A spread that outliers do not move, where the values allow it."""
    for share in (0.1, 0.01, 0.001):
        edge = int(share * len(values))
        if (width := float(values[-1 - edge] - values[edge])) > 0:
            return width / 2
    return 0.0
