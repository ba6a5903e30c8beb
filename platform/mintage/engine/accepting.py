"""The rows of one shard: generate > validate, request after request, until its quotas are full.

    for request in the shard's requests:
        batches = model.sample(request)          (one request ahead, in a thread)
        verdict = the operators on the batches

Nothing is written here: an attempt writes what comes out of this, a stream hands it to a training loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing

import pyarrow as pa

from mintage.contracts import DatasetSchema, Model, SampleRequest
from mintage.engine.ahead import one_ahead
from mintage.engine.bench import Bench
from mintage.engine.filling import Filling
from mintage.errors import CancelledError, GenerationError
from mintage.operators.validation import Counts, Judged
from mintage.telemetry import stage


class ShardRows:
    """What a shard's requests bring, judged; `counts` adds up while `judged` is walked through."""

    def __init__(
        self,
        bench: Bench,
        index: int,
        *,
        keep_rejects: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.shard = bench.plan.shard(index)
        self.counts = {table: Counts() for table in bench.plan.schema.names}
        self._bench = bench
        self._stopped = stopped
        self._validator = bench.validator(keep_rejects=keep_rejects)
        self._rejected: Counter[str] = Counter()

    def judged(self) -> Generator[dict[str, Judged]]:
        """The verdicts on one request after the other, by table; ends when the quotas are full.

        Raises `CancelledError` when it is stopped, `StarvationError` when too little is accepted.
        """
        filling = Filling(shard=self.shard, min_acceptance=self._bench.plan.min_acceptance)
        planned = ((position, self._draw(request)) for position, request in filling.planned())
        # Planned requests do not depend on verdicts, so the next one is drawn while this one is judged.
        with closing(one_ahead(planned)) as drawn:
            for position, batches in drawn:
                yield self._judge(filling, position, batches)
        for position, request in filling.top_up():
            yield self._judge(filling, position, self._draw(request))

    def _draw(self, request: SampleRequest) -> dict[str, pa.RecordBatch]:
        if self._stopped():
            raise CancelledError(f"shard {self.shard.index} was stopped")
        with stage("sample"):
            return draw(self._bench.model, request)

    def _judge(
        self, filling: Filling, position: int, batches: dict[str, pa.RecordBatch]
    ) -> dict[str, Judged]:
        with stage("validate"):
            judged = self._validator.validate(batches, limit=filling.missing(position))
        for table, verdict in judged.items():
            self.counts[table] += verdict.counts
        root = judged[self._bench.plan.schema.root].counts
        self._rejected.update(root.rejected)
        filling.count(position, drawn=root.drawn, accepted=root.accepted, rejected=self._rejected)
        return judged


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
