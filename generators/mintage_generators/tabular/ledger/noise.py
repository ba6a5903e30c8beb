"""Where noise comes from: the operating system's secret randomness, or a seed that others know."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

_STEP = 2.0**-53


@dataclass(frozen=True, slots=True)
class Noise:
    """Random numbers; with no `seeded` generator they cannot be repeated by anybody."""

    seeded: np.random.Generator | None = None

    @property
    def secret(self) -> bool:
        """Whether nobody can repeat it."""
        return self.seeded is None

    def uniform(self, shape: int | tuple[int, ...]) -> np.ndarray:
        """float64 strictly between 0 and 1."""
        size = int(np.prod(shape))
        if self.seeded is None:
            drawn = np.frombuffer(secrets.token_bytes(8 * size), np.uint64) >> np.uint64(11)
        else:
            drawn = self.seeded.integers(0, 2**53, size, np.uint64)
        return np.asarray((drawn.astype(np.float64) + 0.5) * _STEP).reshape(shape)

    def normal(self, shape: int | tuple[int, ...]) -> np.ndarray:
        """Standard normal float64, by the inverse of the distribution function."""
        return np.asarray(ndtri(self.uniform(shape)))

    def gumbel(self, shape: int | tuple[int, ...]) -> np.ndarray:
        """Standard Gumbel float64: the largest of scores plus these is a draw by the softmax of scores."""
        return np.asarray(-np.log(-np.log(self.uniform(shape))))
