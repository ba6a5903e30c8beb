"""Columns as hidden normal scores: the intervals of cells, and the tokens of scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri

from mintage_generators.tabular.codec import UNKNOWN, Conditions, RankedColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The columns that have a score: those of more than one token, in the order of the codec."""

    columns: tuple[RankedColumn, ...]

    def intervals(self, table: pa.Table, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest score of each cell, float64 of shape (rows, columns of scores)."""
        low, high = (np.empty((len(tokens), len(self.columns))) for _ in range(2))
        for j, column in enumerate(self.columns):
            own = tokens[:, column.index]
            low[:, j], high[:, j] = interval(column, table.column(column.index), own)
        return low, high

    def tokens_and_draws(self, scores: list[np.ndarray]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Tokens and draws by column of the codec, from one array of scores for each column."""
        return {
            column.index: column.tokens_and_draws(ndtr(score))
            for column, score in zip(self.columns, scores, strict=True)
        }

    def allowed(self, conditions: Conditions) -> dict[int, np.ndarray]:
        """By place among `columns`, the disjoint intervals (runs, 2) that the conditions leave."""
        return {
            j: _runs(column, conditions)
            for j, column in enumerate(self.columns)
            if column.index in conditions.allowed
        }


def interval(
    column: RankedColumn, array: pa.Array | pa.ChunkedArray, tokens: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The scores between which these cells lie, shape (rows,); infinite ends where nothing is known."""
    first, last = column.column.place(array, tokens)
    known = np.maximum(tokens, 0)
    low, high = ndtri(column.rank(known, first)), ndtri(column.rank(known, last))
    return np.where(tokens == UNKNOWN, -np.inf, low), np.where(tokens == UNKNOWN, np.inf, high)


def _runs(column: RankedColumn, conditions: Conditions) -> np.ndarray:
    allowed = conditions.allowed[column.index]
    if column.index in conditions.written and allowed.sum() == 1:
        value = pa.array([conditions.written[column.index]], column.column.type)
        return np.stack(interval(column, value, np.flatnonzero(allowed)), axis=1)
    ordered = np.concatenate([[False], allowed[column.order], [False]])
    starts, ends = np.flatnonzero(np.diff(ordered.astype(np.int8))).reshape(-1, 2).T
    low = column.rank(column.order[starts], np.zeros(len(starts)))
    high = column.rank(column.order[ends - 1], np.ones(len(ends)))
    return np.asarray(ndtri(np.stack([low, high], axis=1)))
