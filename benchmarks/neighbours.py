"""Exact nearest neighbours of mixed rows: seconds beside scikit-learn's best algorithm, same distances.

Two tables of 100,000 rows and 20 columns. `related` columns depend on four hidden factors, as columns of
real tables do; `independent` ones do not, so that there is nothing for any search to leave out.
scikit-learn gets categories as indicators, with which its Manhattan distance is the same; it is timed on
a part of the queries, with each of its algorithms, and the fastest one is scaled to all queries.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from environment import Setting, median_seconds, seconds_of

from mintage.evaluation.privacy.neighbours import nearest
from mintage.evaluation.privacy.space import Points

_NUMBERS, _CATEGORIES, _LEVELS, _FACTORS = 10, 10, 8, 4
_ALGORITHMS = ("brute", "kd_tree", "ball_tree")


def measure(setting: Setting) -> dict[str, object]:
    """Seconds of both for each kind of table, and their ratio."""
    rows = 10_000 if setting.quick else 100_000
    cores = os.cpu_count() or 1
    kinds: dict[str, Callable[[int, int], Points]] = {
        "related": _related,
        "independent": _independent,
        "independent_numbers": _numbers,
    }
    return {
        "rows": rows,
        "columns": _NUMBERS + _CATEGORIES,
        "threads": cores,
        **{name: _compare(make(rows, 1), make(rows, 2), setting.runs, cores) for name, make in kinds.items()},
    }


def _compare(queries: Points, reference: Points, runs: int, cores: int) -> dict[str, object]:
    found = nearest(queries, reference, k=2, threads=cores).distances
    ours = median_seconds(lambda: nearest(queries, reference, k=2, threads=cores), runs)
    theirs = {
        algorithm: _sklearn_seconds(algorithm, queries, reference, found, cores) for algorithm in _ALGORITHMS
    }
    best = min(theirs, key=theirs.__getitem__)
    return {
        "seconds": round(ours, 2),
        "sklearn_seconds": {name: round(value, 1) for name, value in theirs.items()},
        "times_faster_than_sklearns_best": round(theirs[best] / ours, 1),
    }


def _sklearn_seconds(
    algorithm: str, queries: Points, reference: Points, found: npt.NDArray[np.float64], cores: int
) -> float:
    """Seconds for all queries, of which 1 in 100 is asked; raises when the distances differ."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=2, algorithm=algorithm, metric="manhattan", n_jobs=cores)
    table = _indicators(reference)
    fit = seconds_of(lambda: index.fit(table))
    few = np.arange(0, queries.rows, 100)
    asked = _indicators(queries.take(few))
    distances: list[npt.NDArray[np.float64]] = []
    seconds = seconds_of(lambda: distances.append(index.kneighbors(asked)[0]))
    np.testing.assert_allclose(distances[0], found[few], rtol=0, atol=1e-9)
    return fit + seconds * queries.rows / len(few)


def _indicators(points: Points) -> npt.NDArray[np.float64]:
    """Numbers, and a column of 0 and 1 for each level: one that differs counts 2, like `mismatch`."""
    levels = np.arange(_LEVELS)
    return np.hstack([points.numbers, *((codes[:, None] == levels) for codes in points.codes.T)])


def _related(rows: int, seed: int) -> Points:
    rng = np.random.default_rng(seed)
    loadings = np.random.default_rng(0).normal(size=(_FACTORS, _NUMBERS + _CATEGORIES))
    values = rng.normal(size=(rows, _FACTORS)) @ loadings
    values += 0.2 * rng.normal(size=values.shape)
    codes = np.clip(np.floor(values[:, _NUMBERS:]) + _LEVELS // 2, 0, _LEVELS - 1)
    return Points(numbers=values[:, :_NUMBERS] / 16, codes=codes.astype(np.int32), mismatch=2.0)


def _independent(rows: int, seed: int) -> Points:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, _LEVELS, (rows, _CATEGORIES)).astype(np.int32)
    return Points(numbers=rng.random((rows, _NUMBERS)), codes=codes, mismatch=2.0)


def _numbers(rows: int, seed: int) -> Points:
    rng = np.random.default_rng(seed)
    numbers = rng.random((rows, _NUMBERS + _CATEGORIES))
    return Points(numbers=numbers, codes=np.empty((rows, 0), np.int32), mismatch=2.0)
