"""Distance to the closest record: are synthetic rows nearer to training rows than to fresh ones?

A smoke test. Sets that pass it still give members away (Z. Yao et al., The DCR delusion, 2025); the
attacks are the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.copies import ClosestRecords
from mintage.evaluation.privacy.intervals import wilson
from mintage.evaluation.privacy.neighbours import nearest, nearest_in_each
from mintage.evaluation.privacy.space import Floats, Points
from mintage.evaluation.results import Distances, Interval


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

    The DCR share is told as if both references had as many rows. Of n training and m holdout rows, all of
    them, a training row is the nearest with the chance n / (n + m) where nothing leaks; so the odds are
    divided by n / m: .5 is ideal, and a copy of the training rows has 1, whatever the sizes are. (Drawing
    equal parts of the larger table would leave rows out, and with them copies.) Ties count half. The
    interval is over the queries and holds for these references.
    """
    if holdout is None:
        own = to_holdout = None
        to_real = nearest(queries, real, k=2, threads=threads).distances
    else:
        to_real, to_holdout = (
            found.distances for found in nearest_in_each(queries, [real, holdout], k=2, threads=threads)
        )
        rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
        asked = holdout.take(np.sort(rng.permutation(holdout.rows)[:rows]))
        own = nearest(asked, real, k=2, threads=threads).distances
    share = None
    if holdout is not None and to_holdout is not None:
        nearer = (to_real[:, 0] < to_holdout[:, 0]) + 0.5 * (to_real[:, 0] == to_holdout[:, 0])
        share = as_of_equal_sizes(float(nearer.sum()), len(nearer), real.rows / holdout.rows)
    return Measured(
        distances=_section(queries.rows, real.rows, share, to_real, own),
        closest=ClosestRecords(synthetic=to_real[:, 0], holdout=None if own is None else own[:, 0]),
    )


def as_of_equal_sizes(nearer: float, queries: int, ratio: float) -> Interval:
    """A share with Wilson's interval, its odds divided by how many times larger one reference is.

    >>> round(as_of_equal_sizes(900, 1000, 9).value, 6)
    0.5
    """
    found = wilson(nearer, queries)
    value, low, high = (
        share / (share + (1 - share) * ratio) for share in (nearer / queries, found.low, found.high)
    )
    return Interval(value=value, low=low, high=high)


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
