"""Rényi divergences of mechanisms, their sum, and the (epsilon, delta) that follows.

Mechanisms of different kinds compose by adding their Rényi divergences at the same orders (Mironov,
2017). A mechanism of rho-zCDP has divergence `rho * order` at every order (Bun and Steinke, 2016).

>>> round(epsilon_of(concentrated(0.5), 1e-5), 2)
4.73
>>> round(rho_for(1.0, 1e-6), 5)
0.02436
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp

MOST = 256
"""Largest order at which sampled mechanisms are looked at."""

ORDERS = np.unique(np.concatenate([1 + np.logspace(-2, 6, 600), np.arange(2.0, MOST + 1)]))
"""Orders of the divergences, float64, ascending, all above 1."""

NO_DIVERGENCE = np.zeros_like(ORDERS)


def concentrated(rho: float) -> np.ndarray:
    """Divergences of a mechanism of rho-zCDP at each of `ORDERS`."""
    return rho * ORDERS


def sampled_gaussian(noise_multiplier: float, rate: float, steps: int) -> np.ndarray:
    """Divergences of `steps` Gaussian mechanisms, each on a Poisson sample of the rows.

    For whole orders this is equation 27 of Mironov, Talwar and Zhang (2019). The logarithm of the
    moment is convex in the order, so between whole orders a straight line bounds it from above.

    Args:
        noise_multiplier: Standard deviation of the noise over the sensitivity.
        rate: Probability with which a row takes part in a step, in (0, 1].
        steps: Number of steps.
    """
    if rate == 1.0:
        return concentrated(steps / (2 * noise_multiplier**2))
    whole, taken, choices = _choices()
    mixed = choices + taken * math.log(rate) + (whole[:, None] - taken) * math.log1p(-rate)
    moments = logsumexp(mixed + (taken * taken - taken) / (2 * noise_multiplier**2), axis=1)
    between = np.interp(ORDERS, whole, np.maximum(moments, 0.0)) / (ORDERS - 1)
    return steps * np.where(ORDERS > MOST, np.inf, between)


@lru_cache(maxsize=1)
def _choices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole orders, numbers 0 to `MOST`, and the logarithms of binomial coefficients of both."""
    whole, taken = np.arange(1, MOST + 1), np.arange(MOST + 1)
    left = whole[:, None] - taken
    known = gammaln(whole + 1)[:, None] - gammaln(taken + 1) - gammaln(np.maximum(left, 0) + 1)
    return whole, taken, np.where(left >= 0, known, -np.inf)


def epsilon_of(divergences: np.ndarray, delta: float) -> float:
    """The smallest epsilon that the divergences prove at `delta`.

    Proposition 12 of Canonne, Kamath and Steinke (2020), at the best of `ORDERS`.
    """
    proved = divergences + np.log1p(-1 / ORDERS) - (math.log(delta) + np.log(ORDERS)) / (ORDERS - 1)
    return max(0.0, float(proved.min()))


@lru_cache(maxsize=64)
def rho_for(epsilon: float, delta: float) -> float:
    """The largest rho whose zCDP proves (epsilon, delta)."""

    def excess(log_rho: float) -> float:
        return epsilon_of(concentrated(math.exp(log_rho)), delta) - epsilon

    low, high = math.log(1e-15), math.log(epsilon + 1.0)
    if excess(low) > 0:
        return math.exp(low)
    root = float(brentq(excess, low, high, xtol=1e-12))
    return math.exp(root - 1e-9)
