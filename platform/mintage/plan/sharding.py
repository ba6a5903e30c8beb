"""Cutting rows into shards, and shards into batches, as arithmetic on integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mintage.contracts.shard import Quota, Shard


def shard_count(rows: int, shard_rows: int) -> int:
    """How many shards of at most `shard_rows` rows hold `rows` rows.

    >>> shard_count(1_000_000, 300_000)
    4
    """
    return -(-rows // shard_rows)


def slice_rows(rows: int, index: int, slices: int) -> int:
    """Rows of slice `index` when `rows` are cut in `slices` as even as can be; the slices sum to `rows`.

    >>> [slice_rows(10, index, 4) for index in range(4)]
    [2, 3, 2, 3]
    """
    return rows * (index + 1) // slices - rows * index // slices


def make_shard(
    index: int, *, quotas: Sequence[Quota], shards: int, seed: int, batch_rows: int, first: int = 0
) -> Shard:
    """Shard `index` of `shards`: its even slice of every quota, empty slices left out.

    In the data set, where `first` shards of earlier plans come before it, it is number `first + index`.
    """
    slices = ((slice_rows(quota.rows, index, shards), quota) for quota in quotas)
    return Shard(
        index=first + index,
        quotas=tuple(replace(quota, rows=rows) for rows, quota in slices if rows),
        seed=seed,
        batch_rows=batch_rows,
    )


def planned_batches(rows: int, batch_rows: int) -> Iterator[int]:
    """Sizes of the fewest batches of at most `batch_rows` that make `rows`, as even as can be.

    >>> list(planned_batches(100, 30))
    [25, 25, 25, 25]
    """
    batches = shard_count(rows, batch_rows)
    return (slice_rows(rows, index, batches) for index in range(batches))
