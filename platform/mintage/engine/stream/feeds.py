"""Who hands over the rows of one shard after the other: in this process, or at the end of a link.

A *feed* has one shard at a time. One in this process makes rows when it is asked for them; one with a
link asks ahead, so that rows are made while the last ones are used.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from mintage.engine.stream.chunks import ChunkTaker
from mintage.engine.stream.keys import Ask, Chunk
from mintage.engine.stream.rows import Rows, RowSource, Stopped


class Feed(Protocol):
    """Hands over the rows of a shard, chunk by chunk."""

    def begin(self, epoch: int, shard: int, first: int, total: int | None) -> None:
        """Turn to a shard, from its row `first` on; it has `total` rows, where that is known."""
        ...

    def take(self) -> Chunk:
        """The next rows of the shard, up to the last ones."""
        ...

    def close(self) -> None:
        """Stop. A shard that is not finished is left as if it had never been begun."""
        ...


class Link(Protocol):
    """Answers asks somewhere else, in the order in which they were sent."""

    def send(self, ask: Ask) -> None:
        """Ask for rows; they will be asked for again by themselves when they are lost on the way."""
        ...

    def receive(self) -> Chunk:
        """The answer to the first ask that is not answered yet. Raises the error that it became."""
        ...

    def close(self) -> None:
        """Stop whoever answers."""
        ...


class Loaded:
    """What was loaded in this process to make rows, for one iteration at a time."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._free: list[RowSource] = []

    def borrow(self) -> RowSource:
        """What an earlier iteration loaded, or a new one."""
        return self._free.pop() if self._free else self._rows.start()

    def give_back(self, source: RowSource) -> None:
        """Nobody uses it any more."""
        self._free = [source]


class LocalFeed:
    """Makes the rows in this process, in the thread that takes them."""

    def __init__(self, loaded: Loaded, chunk_rows: int, stopped: Stopped) -> None:
        self._loaded = loaded
        self._chunk_rows = chunk_rows
        self._stopped = stopped
        self._taker: ChunkTaker | None = None
        self._ask: Ask | None = None

    def begin(self, epoch: int, shard: int, first: int, total: int | None) -> None:
        """Note the place; the plan and the model are loaded when the first rows are taken."""
        self._ask = Ask(epoch=epoch, shard=shard, first=first, rows=self._chunk_rows, total=total)

    def take(self) -> Chunk:
        """Make the next rows."""
        assert self._ask is not None
        self._taker = self._taker or ChunkTaker(self._loaded.borrow(), self._stopped)
        chunk = self._taker.take(self._ask)
        self._ask = after(self._ask, chunk.batch.num_rows)
        return chunk

    def close(self) -> None:
        """Leave the shard that is open; what was loaded is there for the next iteration."""
        if self._taker is not None:
            self._taker.close()
            self._loaded.give_back(self._taker.source)


class LinkedFeed:
    """Has the rows made at the other end of a link, `in_flight` chunks ahead."""

    def __init__(self, link: Link, chunk_rows: int, in_flight: int) -> None:
        self._link = link
        self._chunk_rows = chunk_rows
        self._in_flight = in_flight
        self._next: Ask | None = None
        self._asked: deque[Ask] = deque()

    def begin(self, epoch: int, shard: int, first: int, total: int | None) -> None:
        """Ask for the first rows."""
        self._next = Ask(epoch=epoch, shard=shard, first=first, rows=self._chunk_rows, total=total)
        self._ask_ahead()

    def take(self) -> Chunk:
        """The rows that were asked for, once they are there."""
        self._ask_ahead()
        chunk = self._link.receive()
        self._asked.popleft()
        self._ask_ahead() if not chunk.last else None
        return chunk

    def close(self) -> None:
        """Stop whoever is at the other end."""
        self._link.close()

    def _ask_ahead(self) -> None:
        """Send asks as far as is known that there are rows for them: one at a time, if it is not."""
        assert self._next is not None
        ask = self._next
        limit = self._in_flight if ask.total is not None else 1
        while len(self._asked) < limit and (ask.total is None or ask.first < ask.total):
            self._link.send(ask)
            self._asked.append(ask)
            ask = after(ask, ask.rows)
        self._next = ask


def after(ask: Ask, rows: int) -> Ask:
    """The ask for what follows `rows` rows of this one."""
    return Ask(epoch=ask.epoch, shard=ask.shard, first=ask.first + rows, rows=ask.rows, total=ask.total)
