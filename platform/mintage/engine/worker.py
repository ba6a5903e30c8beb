"""One worker, one shard at a time: generate > validate > write > commit.

    for request in the shard's requests:
        batches = model.sample(request)          (one request ahead, in a thread)
        verdict = the operators on the batches
        parts, sketches  += the rows accepted
    commit record, created exclusively           (the first attempt wins)

The same code runs in this process and on Ray. It touches nothing but the store.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from mintage.contracts import DatasetSchema, Model, SampleRequest
from mintage.engine import layout
from mintage.engine.ahead import one_ahead
from mintage.engine.bench import Bench
from mintage.engine.commits import Minted, commit_shard, find_commit
from mintage.engine.filling import Filling
from mintage.engine.parts import PartBuilder
from mintage.engine.rejects import RejectsBuilder
from mintage.engine.sketches import write_sketches
from mintage.errors import CancelledError, GenerationError, MintageError
from mintage.evaluation.sketch import TableSketch
from mintage.operators.validation import Counts
from mintage.provenance.records import CommitRecord
from mintage.store import ObjectStore
from mintage.telemetry import count_rows, span


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """What a worker is told: where the data set lies, and which plan it must find there."""

    store: ObjectStore
    plan_digest: str
    first_shard: int = 0
    keep_rejects: bool = False
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the driver learns of a committed shard; `adopted` when an earlier attempt had done it."""

    shard: int
    rows: int
    bytes: int
    rejected: Mapping[str, int]
    adopted: bool


class ShardMinter:
    """Mints shards of one plan; model and operators are loaded once, when the first shard comes."""

    def __init__(self, setup: WorkerSetup, stopped: Callable[[], bool] = lambda: False) -> None:
        self._setup = setup
        self._stopped = stopped
        self._bench: Bench | None = None

    def try_mint(self, shard: int, attempt: str) -> Receipt | MintageError:
        """Mint a shard; an error comes back as a value, so that it crosses processes as it is."""
        try:
            with span("shard", {"mintage.shard": shard, "mintage.attempt": attempt}):
                return self.mint(shard, attempt)
        except MintageError as exc:
            return exc
        except Exception as exc:  # noqa: BLE001  # the outer edge of a worker: told with its place, not lost
            place = "".join(traceback.format_exception(exc)[-3:])
            return GenerationError(
                f"shard {shard} failed unexpectedly: {exc!r}\n{place}", "please report this"
            )

    def mint(self, index: int, attempt: str) -> Receipt:
        """Mint shard `index` up to its commit record; a shard that has one already is adopted."""
        setup = self._setup
        bench = self._bench = self._bench or Bench.load(setup.store, setup.plan_digest, setup.first_shard)
        if (earlier := find_commit(setup.store, bench.plan, index)) is not None:
            return _receipt(earlier, bench.plan.schema.root, adopted=True)
        minted = _Attempt(setup, bench, index, attempt, self._stopped).run()
        commit, won = commit_shard(setup.store, bench.plan, bench.stored_schema, minted)
        if won:
            for table, counts in minted.counts.items():
                count_rows(table, counts.accepted, counts.rejected)
        return _receipt(commit, bench.plan.schema.root, adopted=not won)


class _Attempt:
    """One attempt at one shard, from its first request to its parts."""

    def __init__(
        self, setup: WorkerSetup, bench: Bench, index: int, identity: str, stopped: Callable[[], bool]
    ) -> None:
        self._setup = setup
        self._bench = bench
        self._shard = bench.plan.shard(index)
        self._identity = identity
        self._stopped = stopped
        self._validator = bench.validator(keep_rejects=setup.keep_rejects)
        self._counts = {table: Counts() for table in bench.plan.schema.names}
        self._rejected: Counter[str] = Counter()
        self._sketches = {table: TableSketch(binning) for table, binning in bench.binnings.items()}

    def run(self) -> Minted:
        """Fill the quotas; the parts are complete, but nobody refers to them yet."""
        store, started = self._setup.store, datetime.now(UTC)
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
                worker=self._setup.host,
            )

    def _part(self, table: str) -> PartBuilder:
        bench = self._bench
        path = layout.part_path(table, self._shard.index, self._identity, bench.plan.layout.suffix)
        return PartBuilder(self._setup.store, path, bench.stored_schema.table(table), bench.sink)

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


def _receipt(commit: CommitRecord, root: str, *, adopted: bool) -> Receipt:
    tables = commit.record.tables
    return Receipt(
        shard=commit.record.index,
        rows=tables[root].rows,
        bytes=sum(table.bytes for table in tables.values()),
        rejected=dict(sum((Counter(table.verdicts.rejected) for table in tables.values()), Counter())),
        adopted=adopted,
    )
