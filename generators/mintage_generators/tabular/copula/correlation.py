"""The correlations of hidden normal scores of which only intervals are seen.

A cell tells in which interval its score lies: a hair's breadth for a continuous number, wide for a
category. Correlations of scores drawn anywhere in these intervals are too small; so scores are drawn
again and again given the others in their row and the correlations so far (Hoff 2007, "Extending the rank
likelihood for semiparametric copula estimation", with a step of stochastic EM instead of his prior).
"""

from __future__ import annotations

import numpy as np

from mintage.contracts import FitContext, FitProgress
from mintage_generators.tabular.copula.truncated import truncated_normal

_NARROW = 0.02
"""Width of an interval, in standard deviations, within which it does not matter where a score lies."""

_LEAST_SHRINKAGE = 1e-3
"""Columns that say the same would make the matrix singular."""


def estimate_correlation(
    low: np.ndarray, high: np.ndarray, sweeps: int, rng: np.random.Generator, context: FitContext
) -> np.ndarray:
    """The correlations, float64 of shape (columns, columns), positive definite.

    `low` and `high`, of shape (rows, columns), are the ends of the intervals; both infinite where
    nothing is known.
    """
    cells = _Cells(low, high, rng)
    shape = (low.shape[1], low.shape[1])
    correlation, total, counted = _correlation(cells.scores), np.zeros(shape), 0
    for sweep in range(sweeps):
        cells.redraw(_shrunk(correlation, len(low)))
        correlation = _correlation(cells.scores)
        if sweep >= sweeps // 2:
            total, counted = total + correlation, counted + 1
        context.report(FitProgress(sweep + 1, sweeps, "correlations"))
    return _shrunk(total / counted, len(low))


class _Cells:
    """The hidden scores of all cells, shape (rows, columns), each within its interval."""

    def __init__(self, low: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> None:
        self.rng = rng
        self.ends = low, high
        self.scores = np.empty(low.shape)
        self.wide = []
        for j in range(low.shape[1]):
            self._draw(j, np.arange(len(low)), np.zeros(len(low)), 1.0)
            self.wide.append(np.flatnonzero(high[:, j] - low[:, j] > _NARROW))

    def redraw(self, correlation: np.ndarray) -> None:
        """One Gibbs sweep: column after column, all rows at once."""
        precision = np.linalg.inv(correlation)
        for j, rows in enumerate(self.wide):
            weights = -precision[j] / precision[j, j]
            weights[j] = 0.0
            self._draw(j, rows, (self.scores @ weights)[rows], float(precision[j, j] ** -0.5))

    def _draw(self, column: int, rows: np.ndarray, mean: np.ndarray, deviation: float) -> None:
        low, high = (end[rows, column] for end in self.ends)
        drawn = truncated_normal(mean, deviation, low, high, self.rng.random(len(rows)))
        self.scores[rows, column] = drawn


def _correlation(scores: np.ndarray) -> np.ndarray:
    products = scores.T @ scores
    lengths = np.sqrt(np.diagonal(products))
    return np.asarray(products / np.outer(lengths, lengths))


def _shrunk(correlation: np.ndarray, rows: int) -> np.ndarray:
    """Drawn towards no correlation as far as noise asks for it (Schäfer and Strimmer 2005)."""
    apart = correlation[~np.eye(len(correlation), dtype=np.bool_)]
    noise = ((1.0 - apart**2) ** 2).sum() / max(1, rows - 1)
    share = min(1.0, max(_LEAST_SHRINKAGE, noise / max(float((apart**2).sum()), 1e-12)))
    shrunk = (1.0 - share) * correlation
    np.fill_diagonal(shrunk, 1.0)
    return np.asarray((shrunk + shrunk.T) / 2.0)
