"""The rows of a shard as a stream needs them: read where they are committed, else minted.

With `tee` a shard that is minted is written and committed by the way, in the way of every worker.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa

from mintage.contracts import Connector
from mintage.engine.accepting import ShardRows
from mintage.engine.attempts import ShardAttempt
from mintage.engine.bench import Bench, read_sink
from mintage.engine.commits import Minted, commit_shard, find_commit
from mintage.engine.probing import worker_identity
from mintage.engine.stream.keys import epoch_seed
from mintage.engine.worker import WorkerSetup
from mintage.errors import ProvenanceError
from mintage.provenance.commits import check_paths
from mintage.provenance.heads import find_head
from mintage.provenance.manifest import read_manifest
from mintage.store import ObjectStore
from mintage.telemetry import stage

Stopped = Callable[[], bool]


def never() -> bool:
    """Whoever is ended with its process need not be stopped before."""
    return False


class RowSource(Protocol):
    """Where the rows of one table come from."""

    @property
    def schema(self) -> pa.Schema:
        """The schema of every batch."""
        ...

    def open(self, epoch: int, shard: int, stopped: Stopped) -> Generator[pa.RecordBatch]:
        """The rows of a shard from its beginning, in batches of any size, until it is stopped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRows:
    """What is streamed of a plan; `fresh`: epochs after the first draw other rows."""

    setup: WorkerSetup
    table: str
    tee: bool
    fresh: bool

    def start(self) -> RowSource:
        """Load the plan and the model, here."""
        setup = self.setup
        return _Minting(self, Bench.load(setup.store, setup.plan_digest, setup.first_shard))


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRows:
    """What is streamed of a finished version of a data set."""

    store: ObjectStore
    version: int
    table: str

    def start(self) -> RowSource:
        """Read the manifest, here."""
        return _Reading(self)


Rows = PlanRows | VersionRows


class _Minting:
    def __init__(self, rows: PlanRows, bench: Bench) -> None:
        self._rows = rows
        self._bench = bench
        self.schema = bench.stored_schema.table(rows.table).arrow()

    def open(self, epoch: int, shard: int, stopped: Stopped) -> Generator[pa.RecordBatch]:
        """Fresh rows of later epochs are never in the store, and never put there."""
        if epoch and self._rows.fresh:
            plan = self._bench.plan
            bench = replace(self._bench, plan=replace(plan, seed=epoch_seed(plan.seed, epoch)))
            return self._mint(bench, shard, stopped)
        commit = find_commit(self._rows.setup.store, self._bench.plan, shard)
        if commit is not None:
            check_paths(commit)
            path = commit.parts[self._rows.table]
            return _scan(self._rows.setup.store, self._bench.sink, path, self.schema)
        return self._commit(shard, stopped) if self._rows.tee else self._mint(self._bench, shard, stopped)

    def _mint(self, bench: Bench, shard: int, stopped: Stopped) -> Generator[pa.RecordBatch]:
        with closing(ShardRows(bench, shard, stopped=stopped).judged()) as judged:
            for verdicts in judged:
                yield verdicts[self._rows.table].accepted

    def _commit(self, shard: int, stopped: Stopped) -> Generator[pa.RecordBatch]:
        setup, bench = self._rows.setup, self._bench
        attempt = ShardAttempt(
            bench,
            setup.store,
            shard,
            f"stream-{secrets.token_hex(4)}",
            keep_rejects=setup.keep_rejects,
            worker=worker_identity(),
            stopped=stopped,
        )
        minted = yield from _accepted(attempt, self._rows.table)
        with stage("commit"):
            commit_shard(setup.store, bench.plan, bench.stored_schema, minted)


class _Reading:
    def __init__(self, rows: VersionRows) -> None:
        store = rows.store
        head = find_head(store, rows.version)
        if head is None:
            raise ProvenanceError(f"{store.uri} has no version {rows.version}", "every worker must see it")
        manifest = read_manifest(store, head)
        self._store = store
        self._sink = read_sink(store, manifest.statement.segments.newest.first)
        self.schema = manifest.statement.schema.table(rows.table).arrow()
        shards = (record.index for record in manifest.records())
        self._paths = {
            shard: part.path for shard, part in zip(shards, manifest.parts(rows.table), strict=True)
        }

    def open(self, epoch: int, shard: int, stopped: Stopped) -> Generator[pa.RecordBatch]:
        """Every epoch has the same rows; to read a batch takes no time to speak of."""
        del epoch, stopped
        return _scan(self._store, self._sink, self._paths[shard], self.schema)


def _accepted(attempt: ShardAttempt, table: str) -> Generator[pa.RecordBatch, None, Minted]:
    """The accepted rows of one table, then what the attempt made of the shard."""
    with closing(attempt.steps()) as steps:
        while True:
            try:
                accepted = next(steps)
            except StopIteration as end:
                minted: Minted = end.value
                return minted
            yield accepted[table]


def _scan(store: ObjectStore, sink: Connector, path: str, schema: pa.Schema) -> Generator[pa.RecordBatch]:
    with store.open_read(path) as stream:
        yield from sink.scan_part(stream, schema)
