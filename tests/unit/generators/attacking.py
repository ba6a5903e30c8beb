"""What an attack on a claim of differential privacy proves."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import beta

_CONFIDENCE = 0.99
_LIMITS = 60


def shown_epsilon(without: np.ndarray, planted: np.ndarray, delta: float) -> float:
    """The epsilon that the attacks' scores, one a run, prove to be exceeded; 0 when they prove nothing.

    Both tails are tried, and both tables as the one to be recognised. A threshold is chosen on the first
    half of the runs and judged on the second.
    """
    found = 0.0
    for sign in (1, -1):
        for present, absent in ((planted, without), (without, planted)):
            first, second = np.array_split(sign * present, 2)
            other, judged = np.array_split(sign * absent, 2)
            limits = np.quantile(np.concatenate([first, other]), np.linspace(0, 1, _LIMITS))
            best = max(limits.tolist(), key=lambda limit: _bound(first, other, limit, delta))
            found = max(found, _bound(second, judged, best, delta))
    return found


def _bound(present: np.ndarray, absent: np.ndarray, limit: float, delta: float) -> float:
    """log((TPR - delta) / FPR) with the ends of Clopper and Pearson's intervals."""
    hits, alarms = int((present >= limit).sum()), int((absent >= limit).sum())
    tail = (1 - _CONFIDENCE) / 2
    least = float(beta.ppf(tail, hits, len(present) - hits + 1)) if hits else 0.0
    most = float(beta.ppf(1 - tail, alarms + 1, len(absent) - alarms)) if alarms < len(absent) else 1.0
    return math.log((least - delta) / most) if least > delta else -math.inf
