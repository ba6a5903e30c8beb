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

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp

MOST = 512
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
    whole = np.arange(1, MOST + 1)
    moments = np.array([_log_moment(int(order), noise_multiplier, rate) for order in whole])
    between = np.interp(ORDERS, whole, moments) / (ORDERS - 1)
    return steps * np.where(ORDERS > MOST, np.inf, between)


def _log_moment(order: int, noise_multiplier: float, rate: float) -> float:
    k = np.arange(order + 1)
    choices = gammaln(order + 1) - gammaln(k + 1) - gammaln(order - k + 1)
    mixed = choices + k * math.log(rate) + (order - k) * math.log1p(-rate)
    return max(0.0, float(logsumexp(mixed + (k * k - k) / (2 * noise_multiplier**2))))


def epsilon_of(divergences: np.ndarray, delta: float) -> float:
    """The smallest epsilon that the divergences prove at `delta`.

    Proposition 12 of Canonne, Kamath and Steinke (2020), at the best of `ORDERS`.
    """
    proved = divergences + np.log1p(-1 / ORDERS) - (math.log(delta) + np.log(ORDERS)) / (ORDERS - 1)
    return max(0.0, float(proved.min()))


def rho_for(epsilon: float, delta: float) -> float:
    """The largest rho whose zCDP proves (epsilon, delta); at least the root is from below."""

    def excess(log_rho: float) -> float:
        return epsilon_of(concentrated(math.exp(log_rho)), delta) - epsilon

    low, high = math.log(1e-15), math.log(epsilon + 1.0)
    if excess(low) > 0:
        return math.exp(low)
    root = float(brentq(excess, low, high, xtol=1e-12))
    return math.exp(root - 1e-9)
