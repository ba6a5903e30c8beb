"""Inequalities and sums of columns, by number and on a common scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Inequality:
    """`lower + gap <= upper` (or `<`) of columns by number, on their scale."""

    lower: int
    upper: int
    gap: float
    strict: bool
    said: str

    def above(self, values: np.ndarray) -> np.ndarray:
        """The smallest values of `upper` for these of `lower`."""
        if values.dtype != np.float64:
            return values + int(self.gap) + int(self.strict)
        sums = values + self.gap
        return np.nextafter(sums, np.inf) if self.strict else sums

    def below(self, values: np.ndarray) -> np.ndarray:
        """The largest values of `lower` for these of `upper`."""
        if values.dtype != np.float64:
            return values - int(self.gap) - int(self.strict)
        found = values - self.gap
        for _ in range(3):
            # The sum that is checked rounds in its own way: a step or two make up for it.
            wrong = found + self.gap >= values if self.strict else found + self.gap > values
            found = np.where(wrong & np.isfinite(found), np.nextafter(found, -np.inf), found)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """`total` is the sum of the parts, columns by number."""

    total: int
    parts: tuple[int, ...]
    said: str
