"""Rows in random order, epoch after epoch, from an array in memory or from a file larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch

from mintage_generators.tabular.learning.randomness import Randomness

BLOCK_ROWS = 1024
"""Neighbouring rows that are read together."""

POOL_CELLS = 2**24
"""Cells that are in memory and shuffled together; a table of at most so many is shuffled as a whole."""


class Rows(Protocol):
    """A table of numbers, shape (rows, columns): a numpy array, a memmap, or a file read by slices."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        ...

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        """Some neighbouring rows."""
        ...


def held_out_rows(rows: Rows, share: float, most: int, randomness: Randomness) -> np.ndarray:
    """Numbers of the rows to hold out, ascending: that share of them, from 1 to `most`, never all."""
    total = rows.shape[0]
    held = min(most, max(1, int(total * share)), total - 1)
    return np.sort(randomness.split().choice(total, held, replace=False, shuffle=False))


def read_rows(rows: Rows, numbers: np.ndarray) -> np.ndarray:
    """The rows of these ascending numbers, block by block."""
    blocks, starts = np.unique(numbers // BLOCK_ROWS, return_index=True)
    parts = [
        np.asarray(rows[int(block) * BLOCK_ROWS : (int(block) + 1) * BLOCK_ROWS])[part - block * BLOCK_ROWS]
        for block, part in zip(blocks, np.split(numbers, starts[1:]), strict=True)
    ]
    return np.concatenate(parts) if parts else np.asarray(rows[0:0])


class Batches:
    """Batches of `size` rows that are not held out; every process gets its own part of each batch.

    Blocks of neighbouring rows are dealt at random to pools of about `POOL_CELLS` cells, and each pool is
    shuffled: with one pool that is a shuffle of all rows. What is left of a pool is left out of its epoch.
    """

    def __init__(
        self, rows: Rows, held_out: np.ndarray, size: int, randomness: Randomness, *, rank: int, world: int
    ) -> None:
        self._rows, self._randomness = rows, randomness
        self._rank, self._world = rank, world
        total, columns = rows.shape[0], max(1, rows.shape[1])
        self._blocks = -(-total // BLOCK_ROWS)
        self._pools = max(1, -(-total * columns // POOL_CELLS))
        self._held = np.split(held_out, np.searchsorted(held_out, np.arange(1, self._blocks) * BLOCK_ROWS))
        self._sizes = np.minimum(BLOCK_ROWS, total - np.arange(self._blocks) * BLOCK_ROWS)
        self._sizes -= np.array([len(held) for held in self._held])
        smallest = int(self._sizes.sum()) // self._pools
        self.size = max(world, min(size, smallest) // world * world)
        self._kept: torch.Tensor | None = None

    def after(self, step: int, device: str) -> Iterator[torch.Tensor]:
        """The batches from that step on, without end; pools that are all past are not read."""
        epoch, past = 0, step
        while True:
            rng = self._randomness.epoch(epoch)
            for blocks in np.array_split(rng.permutation(self._blocks), self._pools):
                kept = int(self._sizes[blocks].sum())
                order = rng.permutation(kept)
                batches = max(1, kept // self.size)
                if past >= batches:
                    past -= batches
                    continue
                yield from self._cut(self._pool(np.sort(blocks), device), order, range(past, batches))
                past = 0
            epoch += 1

    def _cut(self, pool: torch.Tensor, order: np.ndarray, numbers: range) -> Iterator[torch.Tensor]:
        kind = torch.float32 if pool.dtype.is_floating_point else torch.int64
        places = torch.from_numpy(order).to(pool.device)
        for number in numbers:
            mine = places[number * self.size : (number + 1) * self.size][self._rank :: self._world]
            yield pool[mine].to(kind)

    def _pool(self, blocks: np.ndarray, device: str) -> torch.Tensor:
        if self._kept is not None:
            return self._kept
        pool = torch.from_numpy(np.concatenate([self._block(int(block)) for block in blocks])).to(device)
        if self._pools == 1:
            self._kept = pool
        return pool

    def _block(self, block: int) -> np.ndarray:
        first = block * BLOCK_ROWS
        rows = np.asarray(self._rows[first : first + BLOCK_ROWS])
        kept = np.ones(len(rows), np.bool_)
        kept[self._held[block] - first] = False
        return rows[kept]
