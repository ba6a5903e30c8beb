"""An order for values that have none, such that the order says most about the other columns."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from mintage_generators.tabular.codec import UNKNOWN, Column

_LEVELS = 8
"""Commonest levels of a categorical column that others are compared with."""

_ROUNDS = 30
"""Of the power method, which finds one direction."""


def find_orders(
    columns: dict[int, Column], tokens: np.ndarray, scores: np.ndarray, rng: np.random.Generator
) -> dict[int, np.ndarray]:
    """For each of these columns its tokens in an order of meaning, int64 of shape (tokens,).

    Levels get the number that correlates best with the other columns, summed over them (the first
    direction of optimal scaling: Gifi 1990, "Nonlinear Multivariate Analysis"). tokens: of the
    columns, by index; scores: float64 of shape (rows, ordered), of the ordered columns.
    """
    blocks = [_indicators(tokens[:, i]) for i in columns]
    features = np.concatenate([scores.astype(np.float32), *blocks], axis=1)
    first = scores.shape[1] + np.concatenate([[0], np.cumsum([b.shape[1] for b in blocks])]).astype(np.int64)
    orders = {}
    for place, (i, column) in enumerate(columns.items()):
        means = _means(tokens[:, i], column.tokens, features)
        means[:, first[place] : first[place + 1]] = 0.0
        orders[i] = np.argsort(_direction(means, column.counts, rng), kind="stable")
    return orders


def _indicators(tokens: np.ndarray) -> np.ndarray:
    """Centred indicators of the commonest tokens, float32, with the variance of one column in all."""
    counts = np.bincount(tokens[tokens != UNKNOWN])
    common = np.argsort(-counts, kind="stable")[:_LEVELS]
    block = (tokens[:, None] == common).astype(np.float32)
    block -= block.mean(axis=0)
    return np.asarray(block / max(float(np.sqrt(block.var(axis=0).sum())), 1e-6))


def _means(tokens: np.ndarray, size: int, features: np.ndarray) -> np.ndarray:
    """Mean features of the rows of each token, shape (size, features); 0 for tokens of no row."""
    rows = np.flatnonzero(tokens != UNKNOWN)
    chosen = csr_array((np.ones(len(rows), np.float32), (tokens[rows], rows)), shape=(size, len(tokens)))
    counts = np.bincount(tokens[rows], minlength=size)
    return np.asarray((chosen @ features) / np.maximum(counts, 1)[:, None])


def _direction(means: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The levels' places along the direction in which they differ most, each level by its rows."""
    centred = means - np.average(means, axis=0, weights=np.maximum(counts, 0.5))
    direction = rng.standard_normal(means.shape[1])
    for _ in range(_ROUNDS):
        turned = np.asarray(centred.T @ (counts * (centred @ direction)))
        direction = turned / np.maximum(np.linalg.norm(turned), 1e-300)
    return np.asarray(centred @ direction)
