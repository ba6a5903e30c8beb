"""Draws of normal numbers within intervals, exact however far out these are."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtri_exp


def truncated_normal(
    mean: np.ndarray, deviation: float, low: np.ndarray, high: np.ndarray, uniform: np.ndarray
) -> np.ndarray:
    """Normal numbers between `low` and `high` (both may be infinite); all arrays of shape (rows,).

    By the inverse of the distribution function, in logarithms and in the lower tail.
    """
    lower, upper = (low - mean) / deviation, (high - mean) / deviation
    flipped = lower > -upper
    lower, upper = np.where(flipped, -upper, lower), np.where(flipped, -lower, upper)
    log_upper = log_ndtr(upper)
    below = np.exp(log_ndtr(lower) - log_upper)
    drawn = ndtri_exp(log_upper + np.log(below + (1.0 - below) * (1.0 - uniform)))
    drawn = np.where(flipped, -drawn, drawn)
    return np.asarray(np.clip(mean + deviation * drawn, low, high))


def normal_in_runs(
    mean: np.ndarray, deviation: float, runs: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Normal numbers in a union of disjoint intervals, float64 of shape (runs, 2); `mean`: (rows,)."""
    chosen = np.zeros(len(mean), np.int64)
    if len(runs) > 1:
        shares = _log_shares((runs[None] - mean[:, None, None]) / deviation)
        steps = np.cumsum(np.exp(shares - shares.max(axis=1, keepdims=True)), axis=1)
        wanted = rng.random(len(mean)) * steps[:, -1]
        chosen = np.minimum((steps <= wanted[:, None]).sum(axis=1), len(runs) - 1)
    low, high = runs[chosen].T
    return truncated_normal(mean, deviation, low, high, rng.random(len(mean)))


def _log_shares(ends: np.ndarray) -> np.ndarray:
    """Logarithms of the standard normal's mass between `ends`, shape (..., 2)."""
    lower, upper = ends[..., 0], ends[..., 1]
    flipped = lower > -upper
    lower, upper = np.where(flipped, -upper, lower), np.where(flipped, -lower, upper)
    log_upper = log_ndtr(upper)
    with np.errstate(divide="ignore"):
        return np.asarray(log_upper + np.log1p(-np.exp(log_ndtr(lower) - log_upper)))
