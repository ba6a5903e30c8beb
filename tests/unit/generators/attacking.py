"""What an attack on a claim of differential privacy proves."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import beta


def shown_epsilon(without: np.ndarray, planted: np.ndarray, delta: float) -> float:
    """The epsilon that the attack's scores, higher where the row is, prove to be exceeded."""
    half = len(planted) // 2
    found = 0.0
    for sign in (1, -1):
        for present, absent in ((planted, without), (without, planted)):
            limits = np.unique(sign * np.concatenate([present[:half], absent[:half]]))
            gains = [
                (sign * present[:half] >= limit).mean() - (sign * absent[:half] >= limit).mean()
                for limit in limits
            ]
            limit = limits[int(np.argmax(gains))]
            hits = int((sign * present[half:] >= limit).sum())
            alarms = int((sign * absent[half:] >= limit).sum())
            low = beta.ppf(0.005, hits, half - hits + 1) if hits else 0.0
            high = beta.ppf(0.995, alarms + 1, half - alarms) if alarms < half else 1.0
            if low > delta:
                found = max(found, math.log((low - delta) / high))
    return found
