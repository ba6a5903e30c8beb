"""What names a batch of a stream, and what is asked of whoever draws its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mintage.contracts.seeds import Stage


class BatchKey(NamedTuple):
    """Rows `batch * batch_rows` and following of a shard, in the order in which the data set has them."""

    epoch: int
    shard: int
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """At most `rows` rows of a shard from its row `first` on; `total` is how many it has, where known."""

    epoch: int
    shard: int
    first: int
    rows: int
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The rows that were asked for; `last` when the shard has none after them."""

    batch: pa.RecordBatch
    last: bool


def epoch_seed(seed: int, epoch: int) -> int:
    """The seed of a further epoch with fresh rows: those of a job with this seed and the same model.

    >>> epoch_seed(7, 0), epoch_seed(7, 1) != epoch_seed(7, 2)
    (7, True)
    """
    if epoch == 0:
        return seed
    sequence = np.random.SeedSequence(seed, spawn_key=(int(Stage.EPOCH), epoch))
    return int(sequence.generate_state(1, np.uint64)[0])
