"""The rows to learn from, as slots and scores: from memory, or from a file when they are too many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mintage.contracts import Source
from mintage_generators.tabular.codec import FittedTable
from mintage_generators.tabular.codec.encoded import EncodedRows, training_rows
from mintage_generators.tabular.diffusion.config import DiffusionConfig
from mintage_generators.tabular.diffusion.layout import Layout
from mintage_generators.tabular.learning.batches import Rows


@contextmanager
def learned_rows(
    source: Source, fitted: FittedTable, layout: Layout, config: DiffusionConfig, rng: np.random.Generator
) -> Iterator[Rows]:
    """Rows of slots and scores, float32 (rows, slots + numbers), while the body runs.

    Those that the codec was learned from when they are all, or as many as `config.train_rows`; else all
    of the source, or a sample of that many, from a file as `training_rows` makes it.
    """
    seen, held = int(str(fitted.record["rows_seen"])), len(fitted.tokens)
    wanted = seen if config.train_rows is None else min(config.train_rows, seen)
    if wanted <= held or not layout.columns:
        rows = layout.encode(fitted, rng)
        wanted = min(wanted, held)
        yield rows if wanted == held else rows[np.sort(rng.choice(held, wanted, replace=False))]
        return
    seed, most = int(rng.integers(0, 2**63)), config.train_rows
    with training_rows(
        source, fitted, layout.columns, most=most, max_disk_bytes=config.max_disk_bytes, rng=rng
    ) as tokens:
        yield ScoredRows(layout, tokens, seed)


class ScoredRows:
    """Slots and scores made of tokens whenever they are read; equal stretches are made equal.

    A file holds only tokens, so the place of a number within its token is drawn.
    """

    def __init__(self, layout: Layout, tokens: np.ndarray | EncodedRows, seed: int) -> None:
        self._layout, self._tokens, self._seed = layout, tokens, seed
        self.shape = (tokens.shape[0], layout.width)

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, _, _ = rows.indices(self.shape[0])
        sequence = np.random.SeedSequence(self._seed, spawn_key=(start,))
        rng = np.random.Generator(np.random.Philox(sequence))
        columns = dict(zip(self._layout.columns, np.asarray(self._tokens[rows], np.int32).T, strict=True))
        return self._layout.scored(columns, rng)
