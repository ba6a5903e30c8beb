"""What a session of a run has seen so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mintage.engine.usage import NOTHING, Usage
from mintage.engine.worker import Receipt


@dataclass(slots=True)
class Tally:
    """What a session has seen so far; shards of earlier sessions count in `shards_done` and `rows`.

    `used` is what the attempts took whose shards stand, `wasted` what others took: those that failed,
    and those that another attempt had beaten. Of attempts whose worker was `lost` nothing is known.
    `reserved` is what the workers held meanwhile.
    """

    shards_done: int = 0
    resumed: int = 0
    rows: int = 0
    minted: int = 0
    bytes: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    lost: int = 0
    used: Usage = NOTHING
    wasted: Usage = NOTHING
    reserved: Usage = NOTHING

    def count(self, receipt: Receipt) -> None:
        """A shard stands in the store."""
        self.shards_done += 1
        self.rows += receipt.rows
        self.bytes += receipt.bytes
        self.rejected.update(receipt.rejected)
        if receipt.adopted:
            self.wasted += receipt.usage
        else:
            self.minted += receipt.rows
            self.used += receipt.usage
