"""Wishes: which piece of which listed column a row shall have (CTGAN's conditional vector)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mintage_generators.tabular.codec import PiecedColumn, Pieces


@dataclass(frozen=True, slots=True)
class Wishes:
    """The columns that can be wished for, all of whose pieces are single values; there may be none."""

    pieces: Pieces

    @property
    def columns(self) -> list[tuple[int, PiecedColumn]]:
        """Their places among the columns of `pieces`, and they themselves."""
        return [(j, column) for j, column in enumerate(self.pieces.columns) if column.listed]

    @property
    def width(self) -> int:
        """Pieces of them all."""
        return sum(column.pieces for _, column in self.columns)

    def draw(self, rows: int, rng: np.random.Generator, *, evenly: bool) -> tuple[np.ndarray, np.ndarray]:
        """Which of `columns`, each as likely, and which of its pieces, for each row; int64, shape (rows,).

        Pieces are drawn by their share of the rows, or `evenly`: by the logarithm of their rows, so that
        rare ones are trained on.
        """
        chosen = rng.integers(0, max(1, len(self.columns)), rows)
        pieces = np.zeros(rows, np.int64)
        for k, (_, column) in enumerate(self.columns):
            own = np.flatnonzero(chosen == k)
            shares = column.shares
            if evenly:
                counts = np.add.reduceat(column.ranked.column.counts[column.ranked.order], column.starts[:-1])
                shares = np.log1p(counts) / np.log1p(counts).sum()
            pieces[own] = rng.choice(column.pieces, len(own), p=shares / shares.sum())
        return chosen, pieces

    def vectors(self, chosen: np.ndarray, pieces: np.ndarray) -> np.ndarray:
        """The wishes as float32 of shape (rows, width), with a single 1 in each row."""
        vectors = np.zeros((len(chosen), self.width), np.float32)
        if self.width:
            starts = np.cumsum([0, *(column.pieces for _, column in self.columns)])
            vectors[np.arange(len(chosen)), starts[chosen] + pieces] = 1.0
        return vectors


class WishedRows:
    """Rows by what they have, to find one at random that meets a wish."""

    def __init__(self, wishes: Wishes, rows: np.ndarray) -> None:
        self._total = len(rows)
        self._orders, self._starts = [], []
        for j, column in wishes.columns:
            own = rows[:, j].astype(np.int64)
            self._orders.append(np.argsort(own, kind="stable"))
            self._starts.append(np.concatenate([[0], np.cumsum(np.bincount(own, minlength=column.pieces))]))

    def find(self, chosen: np.ndarray, pieces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Numbers of rows that have these pieces, int64; any row where no row has one."""
        found = rng.integers(0, self._total, len(chosen))
        for k, (order, starts) in enumerate(zip(self._orders, self._starts, strict=True)):
            own = np.flatnonzero(chosen == k)
            low, high = starts[pieces[own]], starts[pieces[own] + 1]
            own, low, high = own[high > low], low[high > low], high[high > low]
            found[own] = order[low + (rng.random(len(own)) * (high - low)).astype(np.int64)]
        return found
