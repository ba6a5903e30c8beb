"""An ordered column as one softmax for its point masses and one normal score for everything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri

from mintage_generators.tabular.codec import UNKNOWN, Column, NumberColumn

POINT_SHARE = 0.05
"""Share of the rows from which a value counts as a point mass, for which a density would be a spike."""

_FARTHEST = 1e-5

_MARGIN = 1e-4
"""Share of its interval by which a token keeps from its ends, so that rounding gives it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuum:
    """Column `index`: its `points`, and its other tokens (`ordinary`) as intervals of ranks.

    The kind of a cell is the position of its token in `points`, or `len(points)` when it is ordinary;
    `ordinary[p]` owns the ranks from `edges[p]` to `edges[p + 1]`, and the score of a rank is its normal
    quantile. points, ordinary: int32, ascending; edges: float64 from 0 to 1.
    """

    index: int
    column: Column
    points: np.ndarray
    ordinary: np.ndarray
    edges: np.ndarray

    @classmethod
    def of(cls, index: int, column: Column) -> Continuum:
        """Point masses are null, NaN, infinities and single values of many rows."""
        single = np.ones(column.tokens, np.bool_)
        if isinstance(column, NumberColumn):
            single[column.bin_tokens] = False
        common = column.counts >= POINT_SHARE * column.counts.sum()
        point = column.special_tokens | (single & common)
        points, ordinary = np.flatnonzero(point), np.flatnonzero(~point)
        steps = np.cumsum(np.maximum(column.counts[ordinary], 0.5), dtype=np.float64)
        edges = np.concatenate([[0.0], steps / steps[-1]]) if len(ordinary) else np.zeros(1)
        return cls(
            index=index, column=column, points=points.astype(np.int32),
            ordinary=ordinary.astype(np.int32), edges=edges,
        )  # fmt: skip

    @property
    def kinds(self) -> int:
        """Outputs of the softmax: 1 when every cell is ordinary."""
        return len(self.points) + 1

    def encode(
        self, array: pa.Array | pa.ChunkedArray | None, tokens: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Kinds, int32 (`UNKNOWN` as in `tokens`), and scores, float32 (NaN where not ordinary).

        Without the values (`array`) a cell may lie anywhere within its token.
        """
        kinds = np.full(self.column.tokens + 1, len(self.points), np.int32)
        kinds[self.points], kinds[UNKNOWN] = np.arange(len(self.points)), UNKNOWN
        draws = rng.random(len(tokens))
        if array is not None:
            low, high = self.column.place(array, tokens)
            draws = low + (high - low) * draws
        own = kinds[tokens]
        scores = np.full(len(tokens), np.nan, np.float32)
        chosen = own == len(self.points)
        scores[chosen] = self.scores(tokens[chosen], draws[chosen])
        return own, scores

    def scores(self, tokens: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """The scores at which ordinary tokens take these draws in [0, 1]; float32."""
        position = np.searchsorted(self.ordinary, tokens)
        low, high = self.edges[position], self.edges[position + 1]
        ranks = low + (high - low) * (_MARGIN + (1 - 2 * _MARGIN) * draws)
        return np.asarray(ndtri(np.clip(ranks, _FARTHEST, 1 - _FARTHEST)), np.float32)

    def decode(
        self, kinds: np.ndarray, ranks: np.ndarray, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tokens, int32, and draws, of kinds and of ranks in [0, 1]; only tokens `allowed` (bool).

        A rank whose token is not allowed takes the nearest ordinary token that is.
        """
        position = np.clip(np.searchsorted(self.edges, ranks, side="right") - 1, 0, len(self.ordinary) - 1)
        low, high = self.edges[position], self.edges[position + 1]
        draws = ((ranks - low) / (high - low) - _MARGIN) / (1 - 2 * _MARGIN)
        draws = np.clip(draws, 0.0, np.nextafter(1.0, 0.0))
        if allowed is not None and (free := np.flatnonzero(allowed[self.ordinary])).size:
            position = _nearest(free, len(self.ordinary))[position]
        tokens = self.ordinary[position]
        if len(self.points):
            table = np.append(self.points, np.int32(0))
            tokens = np.where(kinds < len(self.points), table[kinds], tokens)
        return tokens, draws

    def kinds_allowed(self, allowed: np.ndarray) -> np.ndarray:
        """Which kinds leave some token that is allowed, bool, shape (kinds,)."""
        return np.append(allowed[self.points], allowed[self.ordinary].any())


def ranks_of(scores: np.ndarray) -> np.ndarray:
    """The ranks of normal scores, float64 in (0, 1)."""
    return np.asarray(ndtr(scores.astype(np.float64)))


def _nearest(free: np.ndarray, size: int) -> np.ndarray:
    """For each position below `size` the nearest of `free` (ascending); the lower of two."""
    every = np.arange(size)
    above = np.clip(np.searchsorted(free, every), 0, len(free) - 1)
    below = np.maximum(above - 1, 0)
    return np.where(np.abs(free[above] - every) < np.abs(every - free[below]), free[above], free[below])
