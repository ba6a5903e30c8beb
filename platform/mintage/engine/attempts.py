"""One attempt at one shard: generate > validate > write, up to parts that nobody refers to yet.

    for verdict in the shard's rows:             (see accepting.py)
        parts, sketches  += the rows accepted

Whoever asks decides what becomes of the parts: a worker commits them, a regeneration compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import pyarrow as pa

from mintage.engine import layout
from mintage.engine.accepting import ShardRows
from mintage.engine.bench import Bench
from mintage.engine.commits import Minted
from mintage.engine.parts import PartBuilder
from mintage.engine.rejects import RejectsBuilder
from mintage.engine.sketches import write_sketches
from mintage.errors import CancelledError
from mintage.evaluation.sketch import TableSketch
from mintage.operators.validation import Judged
from mintage.store import ObjectStore
from mintage.telemetry import stage


class ShardAttempt:
    """One attempt at shard `index`, from its first request to its parts, which go to `output`.

    `identity` names the parts; `output` need not be the data set that the bench was loaded from.
    """

    def __init__(
        self,
        bench: Bench,
        output: ObjectStore,
        index: int,
        identity: str,
        *,
        keep_rejects: bool = False,
        worker: str = "",
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._bench = bench
        self._output = output
        self._worker = worker
        self._rows = ShardRows(bench, index, keep_rejects=keep_rejects, stopped=stopped)
        self._identity = identity
        self._stopped = stopped
        self._sketches = {table: TableSketch(binning) for table, binning in bench.binnings.items()}

    def run(self) -> Minted:
        """Fill the quotas; the parts are complete, but nobody refers to them yet."""
        steps = self.steps()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                minted: Minted = end.value
                return minted

    def steps(self) -> Generator[dict[str, pa.RecordBatch], None, Minted]:
        """The same step by step: the accepted rows of each request once they are written, then the parts.

        Closing it before its end leaves nothing behind.
        """
        store, index, started = self._output, self._rows.shard.index, datetime.now(UTC)
        with ExitStack() as stack:
            parts = {name: stack.enter_context(self._part(name)) for name in self._bench.stored_schema.names}
            rejects = stack.enter_context(RejectsBuilder(store, index, self._identity))
            for judged in stack.enter_context(closing(self._rows.judged())):
                with stage("write"):
                    self._write(judged, parts, rejects)
                yield {table: verdict.accepted for table, verdict in judged.items()}
            if self._stopped():
                raise CancelledError(f"shard {index} was stopped before its commit")
            with stage("write"):
                return Minted(
                    shard=self._rows.shard,
                    attempt=self._identity,
                    parts={table: part.finish() for table, part in parts.items()},
                    counts=self._rows.counts,
                    rejects=rejects.finish(),
                    sketches=write_sketches(store, index, self._identity, self._sketches),
                    started=started,
                    worker=self._worker,
                )

    def _part(self, table: str) -> PartBuilder:
        bench = self._bench
        path = layout.part_path(table, self._rows.shard.index, self._identity, bench.plan.layout.suffix)
        schema = bench.stored_schema.table(table)
        return PartBuilder(self._output, path, schema, bench.sink, mark=bench.plan.mark)

    def _write(
        self, judged: Mapping[str, Judged], parts: Mapping[str, PartBuilder], rejects: RejectsBuilder
    ) -> None:
        for table, verdict in judged.items():
            parts[table].add(verdict.accepted)
            if table in self._sketches:
                self._sketches[table].add(verdict.accepted)
            if verdict.rejected is not None:
                rejects.add(table, verdict.rejected)
