"""Distance to the closest record: are synthetic rows nearer to training rows than to fresh ones?

A smoke test. Sets that pass it still give members away (Z. Yao et al., The DCR delusion, 2025); the
attacks are the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.copies import ClosestRecords
from mintage.evaluation.privacy.intervals import normal
from mintage.evaluation.privacy.neighbours import nearest
from mintage.evaluation.privacy.space import Floats, Points
from mintage.evaluation.results import Distances, Interval

_MOST_PIECES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The section of the report, and the distances that it was made of."""

    distances: Distances
    closest: ClosestRecords


def measure_distances(
    queries: Points, real: Points, holdout: Points | None, *, rows: int, seed: int, threads: int
) -> Measured:
    """Distances from synthetic rows to the nearest of all training rows.

    `holdout` is all of it; `rows` of them are queries in their turn, for what fresh rows would measure.

    The DCR share compares references of one size, for more rows are nearer rows. The larger table is cut
    at random into up to ten disjoint pieces of the smaller one's size, and the share is the mean over
    them: no row of a reference is left out but the remainder of that cut. Ties count half. Its interval
    is over queries (of which each has its mean over the pieces) and holds for these references.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    if holdout is None:
        found = nearest(queries, real, k=2, threads=threads).distances
        return Measured(
            distances=_section(queries.rows, real.rows, None, found, None),
            closest=ClosestRecords(synthetic=found[:, 0], holdout=None),
        )
    size = min(real.rows, holdout.rows)
    to_real = _pieces(queries, real, size, rng, threads)
    to_holdout = _pieces(queries, holdout, size, rng, threads)
    asked = holdout.take(np.sort(rng.permutation(holdout.rows)[:rows]))
    own = nearest(asked, real, k=2, threads=threads).distances
    return Measured(
        distances=_section(
            queries.rows, real.rows, _share(to_real.least, to_holdout.least), to_real.two, own
        ),
        closest=ClosestRecords(synthetic=to_real.two[:, 0], holdout=own[:, 0]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pieces:
    least: Floats
    """float64 [pieces, queries]: distance to the nearest row of each piece."""
    two: Floats
    """float64 [queries, 2]: distances to the two nearest rows of all."""


def _pieces(queries: Points, reference: Points, size: int, rng: np.random.Generator, threads: int) -> _Pieces:
    count = min(reference.rows // size, _MOST_PIECES)
    order = rng.permutation(reference.rows)
    parts = [np.sort(order[i * size : (i + 1) * size]) for i in range(count)]
    found = [nearest(queries, reference.take(part), k=2, threads=threads).distances for part in parts]
    least = np.array([one[:, 0] for one in found])
    if rest := reference.rows - count * size:
        left = np.sort(order[-rest:])
        found.append(nearest(queries, reference.take(left), k=2, threads=threads).distances)
    return _Pieces(least=least, two=np.sort(np.hstack(found), axis=1)[:, :2])


def _share(to_real: Floats, to_holdout: Floats) -> Interval:
    pairs = [(one, other) for one in to_real for other in to_holdout]
    nearer = np.mean([(one < other) + 0.5 * (one == other) for one, other in pairs], axis=0)
    return normal(float(nearer.mean()), float(nearer.std()) / sqrt(len(nearer)))


def _section(
    queries: int, reference: int, share: Interval | None, found: Floats, own: Floats | None
) -> Distances:
    return Distances(
        queries=queries,
        reference=reference,
        dcr_share=share,
        dcr_median_train=float(np.median(found[:, 0])),
        dcr_median_holdout=None if own is None else float(np.median(own[:, 0])),
        nndr_median_train=_ratio(found),
        nndr_median_holdout=None if own is None else _ratio(own),
    )


def _ratio(found: npt.NDArray[np.float64]) -> float:
    """Median of nearest over second nearest distance; 1 where both are 0, as for rows that are common."""
    nearest_one, second = found[:, 0], found[:, 1]
    ratios = np.divide(nearest_one, second, out=np.ones(len(found)), where=second > 0)
    return float(np.median(ratios))
