"""Who draws which shards, and how far each has come: arithmetic on plain numbers.

A *lane* is one of those who draw at the same time: rank r of W is lane r of W, and worker w of its N
workers is lane r + W * w of W * N. Lane i of L takes the shards i, i + L, i + 2 L, … of those dealt out.

When the number of lanes changes in the middle of an epoch, what all lanes had left is dealt out again:
a *stage* is the positions at which all lanes stood then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Position:
    """How far a lane has come in an epoch, in shards of its own.

    Shards before `next` are drawn, or `open`: begun, with the batch that comes next, in the order in
    which they are served.
    """

    epoch: int = 0
    next: int = 0
    open: tuple[tuple[int, int], ...] = ()


Stage = tuple[Position, ...]
"""The positions of all lanes, of one epoch, lane by lane."""


@dataclass(frozen=True, slots=True)
class Work:
    """Shards to be dealt out, in order, with the batch at which those begin that were begun before."""

    shards: Sequence[int]
    begun: Mapping[int, int] = field(default_factory=dict)

    def lane(self, index: int, lanes: int) -> Work:
        """What lane `index` of `lanes` takes.

        >>> list(Work(range(10, 15)).lane(1, 2).shards)
        [11, 13]
        """
        return Work(self.shards[index::lanes], self.begun)

    def first_batch(self, index: int) -> int:
        """The batch at which the shard at that place begins."""
        return self.begun.get(self.shards[index], 0)

    def left(self, stage: Stage) -> Work:
        """What is left of this when its lanes stand at the positions of a stage."""
        begun: dict[int, int] = {}
        shards: list[int] = []
        for index, position in enumerate(stage):
            own = self.lane(index, len(stage))
            opened = {own.shards[place]: batch for place, batch in position.open}
            begun |= opened
            shards += [*opened, *own.shards[position.next :]]
        there = set(shards)
        kept = {shard: batch for shard, batch in self.begun.items() if shard in there}
        return Work(sorted(shards), kept | begun)


def deal(shards: Sequence[int], stages: Sequence[Stage]) -> Work:
    """What is dealt out in an epoch after those stages.

    >>> deal(range(4), [(Position(next=1, open=((0, 2),)), Position(next=1))])
    Work(shards=[0, 2, 3], begun={0: 2})
    """
    work = Work(shards)
    for stage in stages:
        work = work.left(stage)
    return work
