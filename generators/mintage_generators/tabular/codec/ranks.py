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
from mintage_generators.tabular.codec.made import MadeColumn
from mintage_generators.tabular.codec.physical import is_number
from mintage_generators.tabular.codec.table import TableCodec

ORDERED_TOKENS = 3
"""Listed numbers that a column needs at least for their order to mean anything."""

_MARGIN = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedColumn:
    """One ordered column: its index in the codec, its tokens in `order`, and `edges` between them.

    Token `order[p]` owns the ranks from `edges[p]` to `edges[p + 1]`. order: int32, shape (tokens,);
    edges: float64 from 0 to 1, shape (tokens + 1,).
    """

    index: int
    column: Column
    order: np.ndarray
    edges: np.ndarray

    @classmethod
    def of(cls, index: int, column: Column, order: np.ndarray) -> RankedColumn:
        """The column with its tokens in that order."""
        # Half a row for tokens that were never counted, so that each can be reached by a condition.
        steps = np.cumsum(np.maximum(column.counts, 0.5)[order], dtype=np.float64)
        edges = np.concatenate([[0.0], steps / steps[-1]])
        return cls(index=index, column=column, order=order.astype(np.int32), edges=edges)

    @property
    def positions(self) -> np.ndarray:
        """Where each token stands in `order`; int64, shape (tokens,)."""
        return np.argsort(self.order)

    def encode(
        self, array: pa.Array | pa.ChunkedArray, tokens: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Ranks of the values, float64, shape (rows,), inside (0, 1); NaN where a token is `UNKNOWN`."""
        low, high = self.column.place(array, tokens)
        draws = low + (high - low) * rng.random(len(tokens))
        ranks = self.rank(np.maximum(tokens, 0), draws)
        return np.where(tokens == UNKNOWN, np.nan, ranks)

    def rank(self, tokens: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """The rank at which these tokens (none `UNKNOWN`) take these draws in [0, 1]; inside (0, 1)."""
        # A hair's breadth inside, so that rounding does not carry a rank into the next token.
        inside = _MARGIN + (1.0 - 2.0 * _MARGIN) * draws
        low, high = self.interval(tokens)
        return np.asarray(low + (high - low) * inside)

    def interval(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest rank of each of these tokens (none `UNKNOWN`)."""
        positions = self.positions[tokens]
        return self.edges[positions], self.edges[positions + 1]

    def tokens_and_draws(self, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tokens, int32, and the draws in [0, 1) that `Column.decode` takes, both of shape (rows,)."""
        positions = np.searchsorted(self.edges, ranks, side="right") - 1
        positions = np.clip(positions, 0, self.column.tokens - 1)
        low, high = self.edges[positions], self.edges[positions + 1]
        draws = ((ranks - low) / (high - low) - _MARGIN) / (1.0 - 2.0 * _MARGIN)
        return self.order[positions], np.clip(draws, 0.0, np.nextafter(1.0, 0.0))


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
                ordered.append(RankedColumn.of(i, column, np.arange(column.tokens)))
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
            ranks[:, j] = column.encode(table.column(column.index), tokens[:, column.index], rng)
        return ranks

    def tokens_and_draws(self, ranks: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Tokens and draws of each ordered column from ranks of shape (rows, ordered): exactly back."""
        pairs = [column.tokens_and_draws(ranks[:, j]) for j, column in enumerate(self.ordered)]
        return [tokens for tokens, _ in pairs], [draws for _, draws in pairs]


def _is_ordered(column: Column, least: int) -> bool:
    if isinstance(column, MadeColumn):
        return False
    if not isinstance(column, ExactColumn):
        return True
    return is_number(column.type) and bool((~column.special_tokens).sum() >= least)
