"""What the counts of one column say: its score, what binning may hide, tails, drift, a histogram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation._binning_edges import PROTECTED_ROWS, Grid
from mintage.evaluation.binning import ColumnBins
from mintage.evaluation.results import ColumnFidelity, Histogram
from mintage.evaluation.sketch import TableSketch

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_TAIL = 0.01
_RARE = 0.01
_MAX_LABELS = 30
_TOP_LEVELS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedColumn:
    """A column as it is reported, and what the means over columns need."""

    fidelity: ColumnFidelity
    scored: bool
    """Whether both tables have values, so that the score counts."""
    holdout_scored: bool
    bound: float
    """The exact score lies between `score - bound` and `score`."""
    accuracy: float
    """1 - total variation distance on the real deciles, or the ten most frequent levels."""
    holdout_accuracy: float | None


def fold_column(
    place: int,
    real: TableSketch,
    synthetic: TableSketch,
    holdout: TableSketch | None,
    stretches: Sequence[Counts],
) -> FoldedColumn:
    """Measure the column at `place`; `stretches` are its counts in parts of the synthetic rows."""
    bins = real.binning.columns[place]
    tables = [real.counts(place), synthetic.counts(place)]
    if holdout is not None:
        tables.append(holdout.counts(place))
    values = [int(table[1:].sum()) for table in tables]
    score, bound = _score(bins, tables[0], tables[1])
    measured = _continuous if bins.grid is not None else _discrete
    fidelity = ColumnFidelity.model_validate(
        {
            "name": bins.name,
            "kind": bins.kind,
            "statistic": "ks" if bins.grid is not None else "tvd",
            "score": score,
            "holdout_score": _score(bins, tables[0], tables[2])[0] if holdout is not None else None,
            "missing_real": _missing(tables[0]),
            "missing_synthetic": _missing(tables[1]),
            "drift": _drift(bins, stretches, tables[1]),
            **measured(place, real, synthetic),
        }
    )
    return FoldedColumn(
        fidelity=fidelity,
        scored=values[0] > 0 and values[1] > 0,
        holdout_scored=holdout is not None and values[0] > 0 and values[2] > 0,
        bound=bound,
        accuracy=_accuracy(bins, tables[0], tables[1]),
        holdout_accuracy=_accuracy(bins, tables[0], tables[2]) if holdout is not None else None,
    )


def atomic(grid: Grid) -> npt.NDArray[np.bool_]:
    """Which bins hold a single value [edges + 1]: their counts say all there is to say."""
    inner = grid.edges[1:] == np.nextafter(grid.edges[:-1], np.inf)
    if not len(grid.edges):
        return np.zeros(1, np.bool_)
    return np.concatenate([[False], inner, [False]])


def _missing(counts: Counts) -> float:
    return float(counts[0] / max(1, counts.sum()))


def _shares(counts: Counts) -> Floats:
    shares: Floats = counts / max(1, int(counts.sum()))
    return shares


def _score(bins: ColumnBins, left: Counts, right: Counts) -> tuple[float, float]:
    """1 - KS or 1 - TVD of the rows with values, and how much lower the exact score may be."""
    one, other = left[1:], right[1:]
    if not one.any() or not other.any():
        return float(one.any() == other.any()), 0.0
    if bins.grid is None:
        shares = _shares(one), _shares(other)
        distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
        return max(0.0, 1 - distance), float(min(shares[0][-1], shares[1][-1]))
    distance, most = _ks(_shares(one), _shares(other), atomic(bins.grid))
    return 1 - distance, most - distance


def _ks(left: Floats, right: Floats, single: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The greatest distance of two distribution functions at the edges, and at most anywhere.

    Inside a bin both functions grow, so neither can rise above its end nor fall below its beginning.
    """
    after = np.cumsum(left), np.cumsum(right)
    before = after[0] - left, after[1] - right
    found = float(np.abs(after[0] - after[1])[:-1].max(initial=0.0))
    inside = np.maximum(after[0] - before[1], after[1] - before[0])[~single]
    return min(1.0, found), float(np.clip(inside.max(initial=found), found, 1.0))


def _drift(bins: ColumnBins, stretches: Sequence[Counts], whole: Counts) -> float | None:
    if len(stretches) < 2:
        return None
    scores = [_score(bins, part, whole)[0] for part in stretches if part[1:].any()]
    return max((1 - score for score in scores), default=None)


def _continuous(place: int, real: TableSketch, synthetic: TableSketch) -> dict[str, object]:
    grid = real.binning.columns[place].grid
    assert grid is not None
    counts = real.counts(place)[1:], synthetic.counts(place)[1:]
    moments = _moments(real, place, grid), _moments(synthetic, place, grid)
    both = counts[0].any() and counts[1].any()
    known = None not in moments
    return {
        "mean": tuple(m[0] for m in moments if m) if known else None,
        "deviation": tuple(m[1] for m in moments if m) if known else None,
        "tails": _tails(_shares(counts[0]), _shares(counts[1])) if both and len(grid.edges) else None,
        "out_of_range": _outside(grid, *counts) if both else None,
        "histogram": _draw_values(grid, *counts),
    }


def _moments(sketch: TableSketch, place: int, grid: Grid) -> tuple[float, float] | None:
    """Mean and standard deviation, from whole numbers."""
    values, total, squares, _ = sketch.moments(place)
    if not values:
        return None
    variance = (values * squares - total * total) / (values * values)
    mean = grid.centre + grid.unit * (total / values)
    return (mean, grid.unit * math.sqrt(max(0.0, variance))) if math.isfinite(mean) else None


def _tails(real: Floats, synthetic: Floats) -> tuple[float, float]:
    """Synthetic shares below the last edge that at most 1 % of real values lie below, and likewise above."""
    below = np.cumsum(real)[:-1], np.cumsum(synthetic)[:-1]  # at each edge
    low = int(np.searchsorted(below[0], _TAIL, side="right")) - 1
    high = int(np.searchsorted(below[0], 1 - _TAIL, side="left"))
    return (
        float(below[1][low]) if low >= 0 else 0.0,
        float(max(0.0, 1 - below[1][high])) if high < len(below[1]) else 0.0,
    )


def _outside(grid: Grid, real: Counts, synthetic: Counts) -> float | None:
    """Share of synthetic values outside the real range; None where the grid does not tell its ends."""
    held = np.flatnonzero(real)
    first, last = int(held[0]), int(held[-1])
    single = atomic(grid)
    if not (single[first] and single[last]):
        return None
    return float((synthetic[:first].sum() + synthetic[last + 1 :].sum()) / synthetic.sum())


def _draw_values(grid: Grid, real: Counts, synthetic: Counts) -> Histogram:
    edges = grid.display if len(grid.edges) else np.array([0.0])
    if len(edges) < 2:
        edges = np.array([edges[0] - 0.5, edges[0] + 0.5])
    stops = np.searchsorted(grid.edges, edges[1:-1], side="left") + 1
    cells = [np.add.reduceat(side, np.concatenate([[0], stops])) for side in (real, synthetic)]
    return Histogram(
        edges=edges.tolist(),
        real=_protected(cells[0]).tolist(),
        synthetic=_shares(cells[1]).tolist(),
    )


def _protected(counts: Counts) -> Floats:
    """Shares without those of fewer than five real rows."""
    return np.where(counts < PROTECTED_ROWS, 0.0, _shares(counts))


def _discrete(place: int, real: TableSketch, synthetic: TableSketch) -> dict[str, object]:
    levels = real.binning.columns[place].levels
    counts = real.counts(place)[1:], synthetic.counts(place)[1:]
    shares = _shares(counts[0]), _shares(counts[1])
    both = counts[0].any() and counts[1].any()
    rare = shares[0] < _RARE
    rare[-1] = counts[0][-1] > 0  # the others: each is held by fewer than five of the rows looked at
    order = np.argsort(-counts[0][:-1], kind="stable")[:_MAX_LABELS]
    drawn = _protected(counts[0])[order], shares[1][order]
    return {
        "out_of_range": float(shares[1][-1]) if both and not counts[0][-1] else None,
        "rare_real": float(shares[0][rare].sum()) if both else None,
        "rare_synthetic": float(shares[1][rare].sum()) if both else None,
        "histogram": Histogram(
            labels=[levels[level] for level in order],
            real=drawn[0].tolist(),
            synthetic=drawn[1].tolist(),
            other=(_rest(shares[0], drawn[0]), _rest(shares[1], drawn[1])),
        ),
    }


def _rest(shares: Floats, drawn: Floats) -> float:
    return float(np.clip(shares.sum() - drawn.sum(), 0.0, 1.0)) if shares.any() else 0.0


def _accuracy(bins: ColumnBins, real: Counts, other: Counts) -> float:
    starts = _decile_starts(real[1:]) if bins.grid is not None else _level_starts(real[1:])
    cut = [np.concatenate([table[:1], np.add.reduceat(table[1:], starts)]) for table in (real, other)]
    return float(max(0.0, 1 - np.abs(_shares(cut[0]) - _shares(cut[1])).sum() / 2))


def _decile_starts(real: Counts) -> Counts:
    """The bins with which the real deciles begin."""
    below = np.cumsum(_shares(real))[:-1]
    starts = np.searchsorted(below, np.arange(1, 10) / 10 - 1e-12) + 1
    return np.unique(np.concatenate([[0], starts[starts < len(real)]])).astype(np.int64)


def _level_starts(real: Counts) -> Counts:
    """The ten most frequent levels, which stand first, and the rest as one."""
    return np.arange(min(len(real), _TOP_LEVELS + 1), dtype=np.int64)
