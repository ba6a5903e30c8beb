"""One look of the codec at a column, within its part of the budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from mintage_generators.tabular.ledger import Ledger

_FALSE_CELLS = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """What each look at a column may spend. A row is in one cell of a look at most."""

    ledger: Ledger
    column: str
    rho: float
    delta: float

    def counts(self, what: str, counts: np.ndarray) -> np.ndarray:
        """Noisy counts of cells that anybody could have named."""
        return self.ledger.counts(f"{what} of {self.column!r}", counts, rho=self.rho)

    def seen(self, what: str, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Noisy counts of cells that were found in the rows, and which of them may be told."""
        return self.ledger.seen_counts(f"{what} of {self.column!r}", counts, rho=self.rho, delta=self.delta)

    def clear(self, noisy: np.ndarray) -> np.ndarray:
        """Numbers of the cells whose counts noise alone would reach in one of 10,000 looks only.

        One false power of two would stretch a column's bounds beyond all use.
        """
        limit = self.ledger.deviation(self.rho) * -float(ndtri(_FALSE_CELLS / len(noisy)))
        return np.flatnonzero(noisy > limit)
