"""Columns as a few pieces each, and a place within the piece: what decoders of one pass put out.

A piece is a run of neighbouring tokens with about an even share of the rows; a token of many rows is a
piece of its own, and so is null. Pieces stand where CTGAN (Xu et al. 2019) has the modes of a mixture
of normals: the place is where a rank lies between the ends of its piece, from -1 to 1. A piece of one
value has no place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage_generators.tabular.codec.column import Column
from mintage_generators.tabular.codec.number import NumberColumn
from mintage_generators.tabular.codec.ranks import RankedColumn, Ranks
from mintage_generators.tabular.codec.table import TableCodec

_SCALINGS = 10
"""Rounds of scaling; the shares of most columns settle in three."""

_LEAST_SHARE = 1e-6
_MOST_BIAS = 5.0
"""A piece that the model all but never makes is not forced on rows that it does not go with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecedColumn:
    """One column: piece p is of the tokens from `starts[p]` to `starts[p + 1]` in the order of `ranked`.

    starts: int64, shape (pieces + 1,); places: bool, shape (pieces,), where the place tells something.
    """

    ranked: RankedColumn
    starts: np.ndarray
    places: np.ndarray

    @property
    def pieces(self) -> int:
        """How many there are; at least one."""
        return len(self.places)

    @property
    def shares(self) -> np.ndarray:
        """The rows' share of each piece, float64, shape (pieces,)."""
        return np.asarray(np.diff(self.ranked.edges[self.starts]))

    @property
    def listed(self) -> bool:
        """Whether each piece is one value."""
        return not self.places.any()

    def encode(self, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pieces, int64, and places in [-1, 1], of shape (rows,); 0 where there is no place."""
        low = self.ranked.edges[self.starts]
        pieces = np.clip(np.searchsorted(low, ranks, side="right") - 1, 0, self.pieces - 1)
        inside = (ranks - low[pieces]) / (low[pieces + 1] - low[pieces])
        return pieces, np.where(self.places[pieces], 2.0 * inside - 1.0, 0.0)

    def decode(
        self, pieces: np.ndarray, places: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and draws of these pieces and places; places beyond [-1, 1] are reflected."""
        edges = self.ranked.edges[self.starts]
        low, high = edges[pieces], edges[pieces + 1]
        folded = np.abs(np.mod(places + 1.0, 4.0) - 2.0)
        inside = np.where(self.places[pieces], 1.0 - folded / 2.0, rng.random(len(pieces)))
        return self.ranked.tokens_and_draws(low + (high - low) * np.clip(inside, 1e-6, 1.0 - 1e-6))

    def fractions(self, allowed: np.ndarray) -> np.ndarray:
        """What part of each piece's rows has tokens that are allowed (bool, by token); shape (pieces,)."""
        shares = np.diff(self.ranked.edges)
        kept = np.add.reduceat(shares * allowed[self.ranked.order], self.starts[:-1])
        return np.asarray(kept / np.add.reduceat(shares, self.starts[:-1]))

    def draw(
        self,
        logits: np.ndarray,
        places: np.ndarray,
        rng: np.random.Generator,
        allowed: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and draws from logits of the pieces, shape (rows, pieces), and places, shape (rows,).

        With `allowed` (bool, by token) from those tokens alone, in proportion.
        """
        if allowed is not None:
            with np.errstate(divide="ignore"):
                logits = logits + np.log(self.fractions(allowed)).astype(logits.dtype)
        steps = np.cumsum(np.exp(logits - logits.max(axis=1, keepdims=True)), axis=1)
        wanted = rng.random(len(logits), np.float32) * steps[:, -1]
        pieces = np.minimum((steps <= wanted[:, None]).sum(axis=1), self.pieces - 1)
        if allowed is None:
            return self.decode(pieces, places, rng)
        return self._draw_allowed(pieces, allowed, rng)

    def _draw_allowed(
        self, pieces: np.ndarray, allowed: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        own = np.flatnonzero(allowed[self.ranked.order])
        steps = np.concatenate([[0.0], np.cumsum(np.diff(self.ranked.edges)[own])])
        # Of the allowed tokens, those from `low` to `high` are in the piece.
        low, high = np.searchsorted(own, self.starts)[pieces], np.searchsorted(own, self.starts)[pieces + 1]
        wanted = steps[low] + (steps[high] - steps[low]) * rng.random(len(pieces))
        chosen = np.clip(np.searchsorted(steps, wanted, side="right") - 1, low, high - 1)
        return self.ranked.order[own[chosen]], rng.random(len(pieces))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The columns of more than one token, in the order of the codec."""

    columns: tuple[PiecedColumn, ...]

    @classmethod
    def of(cls, codec: TableCodec, most: int) -> Pieces:
        """Pieces of about a `most`-th of the rows; a column of at most `most` tokens has one for each."""
        ranks = Ranks.of(codec)
        ranked = {column.index: column for column in ranks.ordered}
        for i in ranks.categorical:
            ranked[i] = RankedColumn.of(i, codec.columns[i], np.arange(codec.columns[i].tokens))
        columns = (_cut(ranked[i], most) for i in sorted(ranked) if codec.columns[i].tokens > 1)
        return cls(columns=tuple(columns))

    @property
    def sizes(self) -> list[int]:
        """Pieces of each column."""
        return [column.pieces for column in self.columns]

    @property
    def blocks(self) -> Iterator[tuple[int, int, PiecedColumn]]:
        """Where the pieces of each column begin and end when all stand side by side, and the column."""
        start = 0
        for column in self.columns:
            yield start, start + column.pieces, column
            start += column.pieces

    def encode(self, table: pa.Table, tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The rows as float32 of shape (rows, 2 * columns): pieces (whole numbers), then places.

        A cell that nothing is known of, because it is protected, takes a rank at random.
        """
        rows = np.empty((len(tokens), 2 * len(self.columns)), np.float32)
        for j, column in enumerate(self.columns):
            index = column.ranked.index
            ranks = column.ranked.encode(table.column(index), tokens[:, index], rng)
            ranks = np.where(np.isnan(ranks), rng.random(len(ranks)), ranks)
            rows[:, j], rows[:, len(self.columns) + j] = column.encode(ranks)
        return rows

    def biases(self, logits: np.ndarray) -> np.ndarray:
        """What to add to logits, shape (rows, all pieces), so that each piece is drawn by its share; float32.

        The rows have to be drawn as the model draws them. By iterative scaling of one column at a time.
        """
        biases = np.zeros(sum(self.sizes))
        for start, end, column in self.blocks:
            own = logits[:, start:end].astype(np.float64)
            for _ in range(_SCALINGS):
                shifted = own + biases[start:end]
                drawn = np.exp(shifted - shifted.max(axis=1, keepdims=True))
                drawn /= drawn.sum(axis=1, keepdims=True)
                biases[start:end] += np.log(column.shares / np.maximum(drawn.mean(axis=0), _LEAST_SHARE))
                biases[start:end] = np.clip(biases[start:end], -_MOST_BIAS, _MOST_BIAS)
        return biases.astype(np.float32)


def _cut(ranked: RankedColumn, most: int) -> PiecedColumn:
    edges, order = ranked.edges, ranked.order
    points = _points(ranked.column)[order]
    if len(order) <= most:
        apart = np.ones(len(order), np.bool_)
    else:
        apart = (np.diff(edges) >= 1.0 / most) | ranked.column.special_tokens[order]
    cell = np.floor((edges[:-1] + edges[1:]) / 2.0 * most).astype(np.int64)
    begins = apart | (np.diff(cell, prepend=-1) > 0)
    begins[1:] |= apart[:-1]
    starts = np.append(np.flatnonzero(begins), len(order))
    places = (np.diff(starts) > 1) | ~points[starts[:-1]]
    return PiecedColumn(ranked=ranked, starts=starts, places=places)


def _points(column: Column) -> np.ndarray:
    """Which tokens stand for one value, bool, shape (tokens,)."""
    if not isinstance(column, NumberColumn):
        return np.full(column.tokens, column.exact)
    points = np.ones(column.tokens, np.bool_)
    points[column.bin_tokens] = False
    return points
