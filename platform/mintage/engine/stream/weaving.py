"""From shards to batches: some shards at a time, a batch of each in turn, always in the same order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mintage.engine.stream.feeds import Feed
from mintage.engine.stream.keys import BatchKey
from mintage.engine.stream.lanes import Position, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Woven:
    """A batch of a stream, and where the stream stands after it."""

    key: BatchKey
    rows: pa.RecordBatch
    after: Position


@dataclass(slots=True)
class _Slot:
    """A shard that is open, and its feed."""

    feed: Feed
    place: int
    shard: int
    batch: int
    rows: pa.RecordBatch | None = None
    last: bool = False

    def take(self, batch_rows: int) -> pa.RecordBatch:
        """The next batch; without rows only in a shard that has none."""
        rows = self.rows
        if rows is None:
            chunk = self.feed.take()
            rows, self.last = chunk.batch, chunk.last
        batch, rest = rows.slice(0, batch_rows), rows.slice(batch_rows)
        self.rows = rest if rest.num_rows else None
        self.batch += 1
        return batch

    @property
    def ended(self) -> bool:
        return self.last and self.rows is None


class Weaver:
    """Walks through what a lane draws in one epoch, with as many shards open as there are feeds.

    Chunks must be whole numbers of batches, but for the last one of a shard.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        work: Work,
        *,
        batch_rows: int,
        total: Callable[[int], int | None],
    ) -> None:
        self._feeds = feeds
        self._work = work
        self._batch_rows = batch_rows
        self._total = total

    def batches(self, start: Position) -> Iterator[Woven]:
        """The batches after `start`, each with the position after it."""
        begun, following = deque(start.open), start.next
        slots: deque[_Slot] = deque()
        idle = deque(self._feeds)
        while True:
            while idle and (begun or following < len(self._work.shards)):
                if begun:
                    place, batch = begun.popleft()
                else:
                    place, batch, following = following, self._work.first_batch(following), following + 1
                slots.append(self._open(idle.popleft(), start.epoch, place, batch))
            if not slots:
                return
            slot = slots.popleft()
            key = BatchKey(start.epoch, slot.shard, slot.batch)
            rows = slot.take(self._batch_rows)
            (idle.append(slot.feed) if slot.ended else slots.append(slot))
            if rows.num_rows:
                opened = (*((one.place, one.batch) for one in slots), *begun)
                yield Woven(key=key, rows=rows, after=Position(start.epoch, following, opened))

    def _open(self, feed: Feed, epoch: int, place: int, batch: int) -> _Slot:
        shard = self._work.shards[place]
        feed.begin(epoch, shard, batch * self._batch_rows, self._total(shard))
        return _Slot(feed, place, shard, batch)
