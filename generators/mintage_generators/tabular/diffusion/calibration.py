"""Knots that spread each number's ranks evenly again: the flow leaves margins a little off."""

from __future__ import annotations

import numpy as np

ROWS = 16_384
"""Rows drawn to see where the ranks lie. They come from the model alone, so no real row is looked at."""

KNOTS = 129


def calibrate(ranks: np.ndarray) -> np.ndarray:
    """Quantiles of each column of `ranks` (rows, numbers), without its NaN: float64 (numbers, KNOTS)."""
    even = np.linspace(0.0, 1.0, KNOTS)
    knots = np.empty((ranks.shape[1], KNOTS))
    for j, own in enumerate(ranks.T):
        own = own[~np.isnan(own)]
        # Too few to tell a quantile: left as it is.
        knots[j] = np.quantile(own, even) if len(own) >= 4 * KNOTS else even
    knots[:, 0], knots[:, -1] = 0.0, 1.0
    return knots
