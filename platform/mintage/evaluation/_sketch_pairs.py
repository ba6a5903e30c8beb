"""What the counts and sums of two columns say: their score and what lumping levels may hide."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.binning import Binning, Pair
from mintage.evaluation.results import PairFidelity
from mintage.evaluation.sketch import TableSketch

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedPair:
    """A pair as it is reported, and how far its exact score may be away."""

    fidelity: PairFidelity
    bound: float


def fold_pair(
    place: int, real: TableSketch, synthetic: TableSketch, holdout: TableSketch | None
) -> FoldedPair | None:
    """Measure the pair at `place` of the grid; None where no correlation is defined."""
    pair, binning = real.binning.pairs[place], real.binning
    tables = [real, synthetic, *([holdout] if holdout is not None else [])]
    if pair.cells == 0:
        return _correlated(place, tables)
    cells = [_shares(table.cells(place)) for table in tables]
    kinds = [binning.columns[side].kind for side in (pair.left, pair.right)]
    associate = _cramers_v if kinds == ["discrete", "discrete"] else _correlation_ratio
    return FoldedPair(
        fidelity=PairFidelity(
            left=binning.columns[pair.left].name,
            right=binning.columns[pair.right].name,
            kind="discrete" if kinds == ["discrete", "discrete"] else "mixed",
            score=None,
            score_fixed_edges=_similarity(cells[0], cells[1]),
            holdout_score_fixed_edges=_similarity(cells[0], cells[2]) if len(cells) > 2 else None,
            association_real=associate(cells[0], binning, pair),
            association_synthetic=associate(cells[1], binning, pair),
        ),
        bound=_lumped(cells[0], cells[1], binning, pair),
    )


def _correlated(place: int, tables: list[TableSketch]) -> FoldedPair | None:
    pair, binning = tables[0].binning.pairs[place], tables[0].binning
    found = [_pearson(table.comoments(place)) for table in tables]
    real, synthetic = found[0], found[1]
    if real is None or synthetic is None:
        return None
    holdout = found[2] if len(found) > 2 else None
    fidelity = PairFidelity(
        left=binning.columns[pair.left].name,
        right=binning.columns[pair.right].name,
        kind="continuous",
        score=None,
        score_fixed_edges=1 - abs(real.r - synthetic.r) / 2,
        holdout_score_fixed_edges=None if holdout is None else 1 - abs(real.r - holdout.r) / 2,
        association_real=real.r,
        association_synthetic=synthetic.r,
    )
    return FoldedPair(fidelity=fidelity, bound=min(1.0, (real.bound + synthetic.bound) / 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Correlation:
    """Pearson's r, and how much rounding to whole numbers may have moved it."""

    r: float
    bound: float


def _pearson(sums: tuple[int, int, int, int, int, int]) -> _Correlation | None:
    rows, x, y, xx, yy, xy = sums
    variances = rows * xx - x * x, rows * yy - y * y  # exact: whole numbers of any size
    if rows < 2 or min(variances) <= 0:
        return None
    lengths = [math.sqrt(variance) for variance in variances]
    r = (rows * xy - x * y) / lengths[0] / lengths[1]
    # A value moves by at most half a unit, so a centred column turns by at most half a unit per
    # deviation, and the cosine of two columns changes by no more than both turn (twice, to be safe).
    bound = sum(rows / length for length in lengths)
    return _Correlation(r=max(-1.0, min(1.0, r)), bound=bound)


def _shares(cells: Counts) -> Floats:
    shares: Floats = cells / max(1, int(cells.sum()))
    return shares


def _similarity(left: Floats, right: Floats) -> float:
    return float(max(0.0, 1 - np.abs(left - right).sum() / 2))


def _lumped(left: Floats, right: Floats, binning: Binning, pair: Pair) -> float:
    """Mass that both tables have in cells of several levels: at most so much lower is the exact score."""
    several = np.zeros(left.shape, np.bool_)
    several[-1, :] |= binning.columns[pair.left].kind == "discrete"
    several[:, -1] |= binning.columns[pair.right].kind == "discrete"
    return float(np.minimum(left, right)[several].sum())


def _cramers_v(shares: Floats, binning: Binning, pair: Pair) -> float | None:
    """Cramér's V of the rows where both columns have values."""
    del binning, pair
    known = shares[1:, 1:]
    known = known[known.any(axis=1)][:, known.any(axis=0)]
    if min(known.shape) < 2:
        return None
    known = known / known.sum()
    expected = np.outer(known.sum(axis=1), known.sum(axis=0))
    square = float(((known - expected) ** 2 / expected).sum()) / (min(known.shape) - 1)
    return math.sqrt(min(1.0, square))


def _correlation_ratio(shares: Floats, binning: Binning, pair: Pair) -> float | None:
    """The correlation ratio of the coarse bins' numbers, which stand for the values, given the level."""
    known = shares[1:, 1:]
    if binning.columns[pair.left].kind == "continuous":
        known = known.T
    by_level = known.sum(axis=1)
    if not by_level.any():
        return None
    known, by_level = known[by_level > 0] / by_level.sum(), by_level[by_level > 0] / by_level.sum()
    numbers = np.arange(known.shape[1], dtype=np.float64)
    numbers -= float(known.sum(axis=0) @ numbers)
    total = float(known.sum(axis=0) @ numbers**2)
    between = float((by_level * ((known @ numbers) / by_level) ** 2).sum())
    return math.sqrt(min(1.0, max(0.0, between / total))) if total > 1e-12 else None
