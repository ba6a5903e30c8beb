"""How each column by itself is spread: what SDMetrics calls column shapes, and what it leaves out.

The score is 1 - KS for continuous columns and 1 - total variation distance for discrete ones, both over
the rows that have a value. As in SDMetrics 0.32:

* values count as equal when they agree to 14 decimals (unless that would wipe out a column of tiny span);
* a column without values in one of the tables is left out of the mean.

SDMetrics lets a level that the real table lacks count for a millionth of a row; we do not. The scores
agree to 1e-6 as long as such levels are fewer than the real rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mintage.evaluation.association import Scale
from mintage.evaluation.coding import Coding, Integers, code_continuous, code_discrete, quantiles
from mintage.evaluation.histogram import draw_levels, draw_values
from mintage.evaluation.results import ColumnFidelity
from mintage.evaluation.tables import Column, Floats

_DECIMALS = 14
_TINY_SPAN = 1e-6
_ALL_POINTS = 2**16
_PIECES = 2**13
_RARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredColumn:
    """One column: what is reported of it, whether it counts in the mean, and its codes for the pairs."""

    fidelity: ColumnFidelity
    scored: bool
    """Whether both tables have values."""
    holdout_scored: bool
    constant: tuple[bool, ...]
    """Per table: whether it has a single value."""
    scales: tuple[Scale, ...]
    """Per table, of a continuous column."""
    coding: Coding


def measure_column(columns: Sequence[Column]) -> MeasuredColumn:
    """Measure one column of the real, the synthetic, and (if there is one) the holdout table."""
    if columns[0].kind == "continuous":
        return _measure_continuous(columns)
    return _measure_discrete(columns)


def ks_distance(left: Floats, right: Floats) -> float:
    """Kolmogorov and Smirnov's distance: the greatest between two empirical distribution functions.

    Both must be ascending, and hold at least one value. Long columns are first compared at some thousand
    points, which bounds the distance between each two; only where it could still be greater is it looked
    up value by value.

    >>> ks_distance(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 3.0, 4.0, 5.0]))
    0.25
    """
    if len(left) + len(right) <= _ALL_POINTS:
        return _greatest_gap(left, right, np.concatenate([left, right]))
    points = np.unique(np.concatenate([_every(left), _every(right)]))
    through = [np.searchsorted(side, points, "right") / len(side) for side in (left, right)]
    before = [np.searchsorted(side, points, "left") / len(side) for side in (left, right)]
    greatest = float(np.abs(through[0] - through[1]).max())
    bound = np.maximum(before[0][1:] - through[1][:-1], before[1][1:] - through[0][:-1])
    open_pieces = np.flatnonzero(bound > greatest)
    if len(open_pieces):
        inside = np.concatenate([_within(side, points, open_pieces) for side in (left, right)])
        greatest = max(greatest, _greatest_gap(left, right, inside))
    return greatest


def _every(ordered: Floats) -> Floats:
    step = max(1, len(ordered) // _PIECES)
    return np.append(ordered[::step], ordered[-1])


def _within(ordered: Floats, points: Floats, pieces: Integers) -> Floats:
    """The values that lie strictly between the points that open and close these pieces."""
    start = np.searchsorted(ordered, points[pieces], "right")
    stop = np.searchsorted(ordered, points[pieces + 1], "left")
    length = np.maximum(stop - start, 0)
    first = np.cumsum(length) - length
    inside: Floats = ordered[np.repeat(start - first, length) + np.arange(length.sum())]
    return inside


def _greatest_gap(left: Floats, right: Floats, points: Floats) -> float:
    if not len(points):
        return 0.0
    points = np.sort(points)
    gap = np.searchsorted(left, points, "right") / len(left)
    gap -= np.searchsorted(right, points, "right") / len(right)
    return float(np.abs(gap).max())


def _measure_continuous(columns: Sequence[Column]) -> MeasuredColumn:
    values = [np.asarray(column.values, dtype=np.float64) for column in columns]
    ordered = [_present(column) for column in values]
    real, synthetic = ordered[:2]
    scores = [_score(real, other) for other in ordered[1:]]
    both = bool(len(real) and len(synthetic))
    scales = tuple(Scale.of(present, len(column)) for present, column in zip(ordered, values, strict=True))
    fidelity = ColumnFidelity(
        name=columns[0].name,
        kind="continuous",
        statistic="ks",
        score=scores[0],
        holdout_score=scores[1] if len(scores) > 1 else None,
        missing_real=1 - len(real) / len(values[0]),
        missing_synthetic=1 - len(synthetic) / len(values[1]),
        mean=_both(_mean(real, scales[0]), _mean(synthetic, scales[1])),
        deviation=_both(_deviation(real, scales[0]), _deviation(synthetic, scales[1])),
        tails=_tails(real, synthetic) if both else None,
        out_of_range=_outside(real, synthetic) if both else None,
        histogram=draw_values(real, synthetic),
    )
    return MeasuredColumn(
        fidelity=fidelity,
        scored=both,
        holdout_scored=len(ordered) > 2 and bool(len(real) and len(ordered[2])),
        constant=tuple(len(present) > 0 and bool(present[0] == present[-1]) for present in ordered),
        scales=scales,
        coding=code_continuous(values, ordered),
    )


def _present(values: Floats) -> Floats:
    ordered = np.sort(values)  # the missing ones come last
    return ordered[: len(ordered) - int(np.isnan(values).sum())]


def _rounded(real: Floats, other: Floats) -> tuple[Floats, Floats]:
    least, greatest = min(real[0], other[0]), max(real[-1], other[-1])
    if greatest / 2 - least / 2 < _TINY_SPAN / 2 or (_whole(real) and _whole(other)):
        return real, other
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(real, _DECIMALS), np.round(other, _DECIMALS)
    finite = all(np.isfinite(values[[0, -1]]).all() for values in rounded)
    return rounded if finite else (real, other)


def _whole(values: Floats) -> bool:
    some = values[:: max(1, len(values) // 64)]
    return bool(np.array_equal(some, np.floor(some)) and np.array_equal(values, np.floor(values)))


def _score(real: Floats, other: Floats) -> float:
    if not len(real) or not len(other):
        return float(len(real) == len(other))
    return 1 - ks_distance(*_rounded(real, other))


def _both(real: float | None, synthetic: float | None) -> tuple[float, float] | None:
    return None if real is None or synthetic is None else (real, synthetic)


def _mean(ordered: Floats, scale: Scale) -> float | None:
    if not len(ordered):
        return None
    return float(ordered[0]) if np.isnan(scale.half_span) else scale.middle + scale.half_span * scale.mean


def _deviation(ordered: Floats, scale: Scale) -> float | None:
    if not len(ordered):
        return None
    return 0.0 if np.isnan(scale.half_span) else scale.half_span * scale.deviation


def _tails(real: Floats, synthetic: Floats) -> tuple[float, float]:
    low, high = quantiles(real, [0.01, 0.99])
    below = np.searchsorted(synthetic, low, "left")
    above = len(synthetic) - np.searchsorted(synthetic, high, "right")
    return float(below / len(synthetic)), float(above / len(synthetic))


def _outside(real: Floats, synthetic: Floats) -> float:
    below = np.searchsorted(synthetic, real[0], "left")
    above = len(synthetic) - np.searchsorted(synthetic, real[-1], "right")
    return float((below + above) / len(synthetic))


def _measure_discrete(columns: Sequence[Column]) -> MeasuredColumn:
    levels = len(columns[0].levels)
    coding = code_discrete([np.asarray(column.values, dtype=np.int32) for column in columns], levels)
    counts = [coded.counts("fixed", levels + 1) for coded in coding.tables]
    missing = [float(table[-1] / table.sum()) for table in counts]
    present = [table[:-1] for table in counts]
    shares = [table / max(1, table.sum()) for table in present]
    scores = [_similarity(shares[0], other) for other in shares[1:]]
    has_values = [bool(table.any()) for table in present]
    both = has_values[0] and has_values[1]
    rare = shares[0] < _RARE
    fidelity = ColumnFidelity(
        name=columns[0].name,
        kind="discrete",
        statistic="tvd",
        score=scores[0],
        holdout_score=scores[1] if len(scores) > 1 else None,
        missing_real=missing[0],
        missing_synthetic=missing[1],
        out_of_range=float(shares[1][present[0] == 0].sum()) if both else None,
        rare_real=float(shares[0][rare].sum()) if both else None,
        rare_synthetic=float(shares[1][rare & (present[0] > 0)].sum()) if both else None,
        histogram=draw_levels(columns[0].levels, present[0], present[1]),
    )
    return MeasuredColumn(
        fidelity=fidelity,
        scored=both,
        holdout_scored=len(columns) > 2 and has_values[0] and has_values[2],
        constant=tuple(int((table > 0).sum()) == 1 for table in present),
        scales=(),
        coding=coding,
    )


def _similarity(real: Floats, other: Floats) -> float:
    if not real.any() or not other.any():
        return float(real.any() == other.any())
    return float(max(0.0, 1 - np.abs(real - other).sum() / 2))
