"""One attempt at one shard: generate > validate > write, up to parts that nobody refers to yet.

    for request in the shard's requests:
        batches = model.sample(request)          (one request ahead, in a thread)
        verdict = the operators on the batches
        parts, sketches  += the rows accepted

Whoever asks decides what becomes of the parts: a worker commits them, a regeneration compares them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import pyarrow as pa

from mintage.contracts import DatasetSchema, Model, SampleRequest
from mintage.engine import layout
from mintage.engine.ahead import one_ahead
from mintage.engine.bench import Bench
from mintage.engine.commits import Minted
from mintage.engine.filling import Filling
from mintage.engine.parts import PartBuilder
from mintage.engine.rejects import RejectsBuilder
from mintage.engine.sketches import write_sketches
from mintage.errors import CancelledError, GenerationError
from mintage.evaluation.sketch import TableSketch
from mintage.operators.validation import Counts
from mintage.store import ObjectStore


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
        self._shard = bench.plan.shard(index)
        self._identity = identity
        self._stopped = stopped
        self._validator = bench.validator(keep_rejects=keep_rejects)
        self._counts = {table: Counts() for table in bench.plan.schema.names}
        self._rejected: Counter[str] = Counter()
        self._sketches = {table: TableSketch(binning) for table, binning in bench.binnings.items()}

    def run(self) -> Minted:
        """Fill the quotas; the parts are complete, but nobody refers to them yet."""
        store, started = self._output, datetime.now(UTC)
        with ExitStack() as stack:
            parts = {name: stack.enter_context(self._part(name)) for name in self._bench.stored_schema.names}
            rejects = stack.enter_context(RejectsBuilder(store, self._shard.index, self._identity))
            self._fill(parts, rejects)
            if self._stopped():
                raise CancelledError(f"shard {self._shard.index} was stopped before its commit")
            return Minted(
                shard=self._shard,
                attempt=self._identity,
                parts={table: part.finish() for table, part in parts.items()},
                counts=self._counts,
                rejects=rejects.finish(),
                sketches=write_sketches(store, self._shard.index, self._identity, self._sketches),
                started=started,
                worker=self._worker,
            )

    def _part(self, table: str) -> PartBuilder:
        bench = self._bench
        path = layout.part_path(table, self._shard.index, self._identity, bench.plan.layout.suffix)
        schema = bench.stored_schema.table(table)
        return PartBuilder(self._output, path, schema, bench.sink, mark=bench.plan.mark)

    def _fill(self, parts: Mapping[str, PartBuilder], rejects: RejectsBuilder) -> None:
        filling = Filling(shard=self._shard, min_acceptance=self._bench.plan.min_acceptance)
        planned = ((position, self._draw(request)) for position, request in filling.planned())
        # Planned requests do not depend on verdicts, so the next one is drawn while this one is judged.
        with closing(one_ahead(planned)) as drawn:
            for position, batches in drawn:
                self._judge(filling, position, batches, parts, rejects)
        for position, request in filling.top_up():
            self._judge(filling, position, self._draw(request), parts, rejects)

    def _draw(self, request: SampleRequest) -> dict[str, pa.RecordBatch]:
        if self._stopped():
            raise CancelledError(f"shard {self._shard.index} was stopped")
        return draw(self._bench.model, request)

    def _judge(
        self,
        filling: Filling,
        position: int,
        batches: dict[str, pa.RecordBatch],
        parts: Mapping[str, PartBuilder],
        rejects: RejectsBuilder,
    ) -> None:
        judged = self._validator.validate(batches, limit=filling.missing(position))
        for table, verdict in judged.items():
            parts[table].add(verdict.accepted)
            if table in self._sketches:
                self._sketches[table].add(verdict.accepted)
            self._counts[table] += verdict.counts
            if verdict.rejected is not None:
                rejects.add(table, verdict.rejected)
        root = judged[self._bench.plan.schema.root].counts
        self._rejected.update(root.rejected)
        filling.count(position, drawn=root.drawn, accepted=root.accepted, rejected=self._rejected)


def draw(model: Model, request: SampleRequest) -> dict[str, pa.RecordBatch]:
    """What a model makes of a request: one batch for each of its tables, in their order.

    Raises `GenerationError` when it makes another number of root rows, or an unknown table.
    """
    made: dict[str, list[pa.RecordBatch]] = {table: [] for table in model.schema.names}
    for table, batch in model.sample(request):
        if table not in made:
            raise GenerationError(
                f"the model made rows of an unknown table {table!r}", f"it declares {', '.join(made)}"
            )
        made[table].append(batch)
    batches = {table: _concatenate(model.schema, table, parts) for table, parts in made.items()}
    rows = batches[model.schema.root].num_rows
    if rows != request.rows:
        raise GenerationError(
            f"the model made {rows} rows where {request.rows} were asked for",
            "a request must be answered exactly; see mintage.testing",
        )
    return batches


def _concatenate(schema: DatasetSchema, table: str, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return pa.RecordBatch.from_pylist([], schema=schema.table(table).arrow())
    return pa.concat_batches(batches)
