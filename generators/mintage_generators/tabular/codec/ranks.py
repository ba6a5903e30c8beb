"""A table as ranks: the continuous view of its tokens that copulas, decoders of noise and flows learn.

Each token of an ordered column owns an interval of (0, 1) as long as its share of the rows, in the
order of values, and a cell lies in the interval of its token at the place of its value within the
token. A value that many rows share, and a value of a lattice, is spread evenly over its piece by a
uniform draw (dequantised), so the ranks of every ordered column are all but uniform. Null, NaN and
infinities are tokens of their own, at the ends (`Column.special_tokens`).

Values whose order says nothing (text, flags) stay tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage_generators.tabular.codec.column import UNKNOWN, Column, ExactColumn
from mintage_generators.tabular.codec.physical import is_number
from mintage_generators.tabular.codec.table import TableCodec

ORDERED_TOKENS = 3
"""Listed numbers that a column needs at least for their order to mean anything."""

_MARGIN = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedColumn:
    """One ordered column: its index in the codec, and `edges`, float64 of shape (tokens + 1,), 0 to 1.

    Token t owns the ranks from `edges[t]` to `edges[t + 1]`.
    """

    index: int
    column: Column
    edges: np.ndarray

    def of(self, array: pa.Array, tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Ranks of the values, float64, shape (rows,), inside (0, 1); NaN where a token is `UNKNOWN`."""
        low, high = self.column.place(array, tokens)
        draws = low + (high - low) * rng.random(len(tokens))
        ranks = self.rank(np.maximum(tokens, 0), draws)
        return np.where(tokens == UNKNOWN, np.nan, ranks)

    def rank(self, tokens: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """The rank at which these tokens (none `UNKNOWN`) take these draws in [0, 1]; inside (0, 1)."""
        # A hair's breadth inside, so that rounding does not carry a rank into the next token.
        inside = _MARGIN + (1.0 - 2.0 * _MARGIN) * draws
        return np.asarray(self.edges[tokens] + (self.edges[tokens + 1] - self.edges[tokens]) * inside)

    def tokens_and_draws(self, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tokens, int32, and the draws in [0, 1) that `Column.decode` takes, both of shape (rows,)."""
        tokens = np.searchsorted(self.edges, ranks, side="right") - 1
        tokens = np.clip(tokens, 0, self.column.tokens - 1)
        wide = self.edges[tokens + 1] - self.edges[tokens]
        inside = (ranks - self.edges[tokens]) / wide
        draws = (inside - _MARGIN) / (1.0 - 2.0 * _MARGIN)
        return tokens.astype(np.int32), np.clip(draws, 0.0, np.nextafter(1.0, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Which columns of a codec are ordered, and which stay tokens; made from the codec alone."""

    codec: TableCodec
    ordered: tuple[RankedColumn, ...]
    categorical: tuple[int, ...]

    @classmethod
    def of(cls, codec: TableCodec, *, ordered_tokens: int = ORDERED_TOKENS) -> Ranks:
        """The ranks of a codec; a column of fewer than `ordered_tokens` listed numbers is categorical."""
        ordered, categorical = [], []
        for i, column in enumerate(codec.columns):
            if _is_ordered(column, ordered_tokens):
                ordered.append(RankedColumn(index=i, column=column, edges=_edges(column)))
            else:
                categorical.append(i)
        return cls(codec=codec, ordered=tuple(ordered), categorical=tuple(categorical))

    def encode(self, table: pa.Table, tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Ranks of the ordered columns, float64, shape (rows, ordered), NaN where nothing is known.

        `table` holds the rows in the columns of the codec, and `tokens`, int32 of shape (rows,
        columns), are their tokens.
        """
        ranks = np.empty((len(tokens), len(self.ordered)))
        for j, column in enumerate(self.ordered):
            ranks[:, j] = column.of(table.column(column.index), tokens[:, column.index], rng)
        return ranks

    def tokens_and_draws(self, ranks: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Tokens and draws of each ordered column from ranks of shape (rows, ordered): exactly back."""
        pairs = [column.tokens_and_draws(ranks[:, j]) for j, column in enumerate(self.ordered)]
        return [tokens for tokens, _ in pairs], [draws for _, draws in pairs]


def _is_ordered(column: Column, least: int) -> bool:
    if not isinstance(column, ExactColumn):
        return True
    return is_number(column.type) and bool((~column.special_tokens).sum() >= least)


def _edges(column: Column) -> np.ndarray:
    # Half a row for tokens that were never counted, so that each can be reached by a condition.
    steps = np.cumsum(np.maximum(column.counts, 0.5), dtype=np.float64)
    edges = np.concatenate([[0.0], steps / steps[-1]])
    return np.asarray(edges)
