"""The rows of shards in pieces of any size: whoever asks for what comes next has it at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator

import pyarrow as pa

from mintage.engine.stream.keys import Ask, Chunk
from mintage.engine.stream.rows import RowSource, Stopped, never
from mintage.errors import GenerationError


class ChunkTaker:
    """Answers asks. One that goes on where the last one ended costs only its own rows.

    Any other begins its shard anew and drops what comes before: rules may remember rows, and how many
    rows a request brings is known when they are judged.
    """

    def __init__(self, source: RowSource, stopped: Stopped = never) -> None:
        self.source = source
        self._stopped = stopped
        self._place: tuple[int, int, int] | None = None
        """Epoch, shard, and the row that comes next."""
        self._batches: Generator[pa.RecordBatch] | None = None
        self._waiting: deque[pa.RecordBatch] = deque(maxlen=1)
        self._ended = False

    def take(self, ask: Ask) -> Chunk:
        """The rows of an ask; fewer where the shard ends, and then it is finished."""
        if self._place != (ask.epoch, ask.shard, ask.first):
            self._begin(ask.epoch, ask.shard)
            for _ in self._pieces(ask.first):
                pass
        batch = _joined(list(self._pieces(ask.rows)), self.source.schema)
        end = ask.first + batch.num_rows
        self._place = (ask.epoch, ask.shard, end)
        if ask.total is None or end >= ask.total:
            # The end must be seen before the last rows are given: a shard may be committed there.
            self._gather()
        last = self._ended and not self._waiting
        if ask.total is not None and last != (end >= ask.total):
            raise GenerationError(f"shard {ask.shard} does not have the {ask.total} rows that are planned")
        return Chunk(batch=batch, last=last)

    def close(self) -> None:
        """Leave the shard that is open; what was begun of it leaves nothing behind."""
        if self._batches is not None:
            self._batches.close()
        self._batches, self._place = None, None
        self._waiting.clear()

    def _begin(self, epoch: int, shard: int) -> None:
        self.close()
        self._ended = False
        self._batches = self.source.open(epoch, shard, self._stopped)

    def _gather(self) -> None:
        """Have a row waiting, unless there is none."""
        assert self._batches is not None
        while not self._waiting and not self._ended:
            batch = next(self._batches, None)
            if batch is None:
                self._ended = True
            elif batch.num_rows:
                self._waiting.append(batch)

    def _pieces(self, rows: int) -> Iterator[pa.RecordBatch]:
        """The next rows, as they come; fewer at the end of the shard."""
        while rows:
            self._gather()
            if not self._waiting:
                return
            batch = self._waiting.popleft()
            if batch.num_rows > rows:
                self._waiting.append(batch.slice(rows))
                batch = batch.slice(0, rows)
            rows -= batch.num_rows
            yield batch


def _joined(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.concat_batches(batches) if batches else pa.RecordBatch.from_pylist([], schema=schema)
