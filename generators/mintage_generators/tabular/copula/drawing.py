"""Correlated normal scores, some of them within given intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mintage_generators.tabular.copula.truncated import normal_in_runs

SWEEPS = 30
"""Passes of the Gibbs sampler when several columns are conditioned at once."""


def draw_scores(
    correlation: np.ndarray, allowed: Mapping[int, np.ndarray], rows: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """One array of `rows` scores for each column; those of `allowed` lie in its intervals (runs, 2).

    The conditioned scores are drawn first: exactly when there is one, else by a Gibbs sampler that
    starts with one column after the other (Geweke 1991). The others are normal given these.
    """
    size = len(correlation)
    given = np.array(sorted(allowed), np.int64)
    free = np.setdiff1d(np.arange(size), given)
    scores = np.empty((size, rows))
    mean: np.ndarray | float = 0.0
    remaining = correlation[np.ix_(free, free)]
    if len(given):
        within = correlation[np.ix_(given, given)]
        across = correlation[np.ix_(free, given)]
        scores[given] = _conditioned(within, [allowed[int(j)] for j in given], rows, rng)
        weights = np.linalg.solve(within, across.T).T
        mean = weights @ scores[given]
        remaining = remaining - weights @ across.T
    if len(free):
        scores[free] = np.linalg.cholesky(remaining) @ rng.standard_normal((len(free), rows)) + mean
    return list(scores)


def _conditioned(
    correlation: np.ndarray, runs: list[np.ndarray], rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Scores of the conditioned columns, shape (columns, rows)."""
    root = np.linalg.cholesky(correlation)
    scores, noise = np.empty((len(runs), rows)), np.empty((len(runs), rows))
    for j, own in enumerate(runs):
        mean = root[j, :j] @ noise[:j]
        scores[j] = normal_in_runs(mean, float(root[j, j]), own, rng)
        noise[j] = (scores[j] - mean) / root[j, j]
    if len(runs) > 1:
        precision = np.linalg.inv(correlation)
        for _ in range(SWEEPS):
            for j, own in enumerate(runs):
                weights = -precision[j] / precision[j, j]
                weights[j] = 0.0
                scores[j] = normal_in_runs(weights @ scores, float(precision[j, j] ** -0.5), own, rng)
    return scores
