"""One worker, one shard at a time: an attempt, then its commit record; the first one wins.

The same code runs in this process and on Ray. It touches nothing but the store.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mintage.engine.attempts import ShardAttempt
from mintage.engine.bench import Bench
from mintage.engine.commits import Minted, commit_shard, find_commit
from mintage.engine.observing import observed
from mintage.engine.probing import Probed, probe, worker_identity
from mintage.engine.usage import METER, NOTHING, Measurement, Usage
from mintage.errors import GenerationError, MintageError
from mintage.provenance.records import CommitRecord
from mintage.store import ObjectStore
from mintage.telemetry import NO_TRACE, Mark, stage


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """What a worker is told: where the data set lies, which plan it must find there, its share of GPUs."""

    store: ObjectStore
    plan_digest: str
    first_shard: int = 0
    keep_rejects: bool = False
    gpus: float = 0.0
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """What its spans and log records say of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounts:
    """The rows of one table of a committed shard, and those that were rejected, by reason."""

    rows: int
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the driver learns of a committed shard; `adopted` when another attempt had done it.

    `bytes` are those of the parts that stand, `usage` is what this attempt took, whoever won.
    """

    shard: int
    rows: int
    bytes: int
    rejected: Mapping[str, int]
    adopted: bool
    tables: Mapping[str, TableCounts] = field(default_factory=dict)
    usage: Usage = NOTHING

    @property
    def seconds(self) -> float:
        """Wall seconds of the attempt."""
        return self.usage.seconds

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of the attempt."""
        return self.usage.cpu_seconds

    @property
    def gpu_seconds(self) -> float:
        """Reserved GPUs times wall seconds of the attempt."""
        return self.usage.gpu_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How an attempt failed, and what it took in vain."""

    error: MintageError
    usage: Usage = NOTHING


class ShardMinter:
    """Mints shards of one plan; model and operators are loaded once, when the first shard comes."""

    def __init__(self, setup: WorkerSetup, stopped: Callable[[], bool] = lambda: False) -> None:
        self._setup = setup
        self._stopped = stopped
        self._bench: Bench | None = None

    def try_mint(self, shard: int, attempt: str, trace: Mapping[str, str] = NO_TRACE) -> Receipt | Failure:
        """Mint a shard; an error comes back as a value, so that it crosses processes as it is.

        `trace` is the span that the attempt belongs to, when it is another process's.
        """
        with METER.measure(self._setup.gpus) as taken:
            ended = self._try_mint(shard, attempt, trace, taken)
        if isinstance(ended, Receipt):
            return replace(ended, usage=taken.usage)
        return Failure(error=ended, usage=taken.usage)

    def _try_mint(
        self, shard: int, attempt: str, trace: Mapping[str, str], taken: Measurement
    ) -> Receipt | MintageError:
        try:
            with observed(trace, self._marks(shard, attempt)):
                return self._mint(shard, attempt, taken)
        except MintageError as exc:
            return exc
        except Exception as exc:  # noqa: BLE001  # the outer edge of a worker: told with its place, not lost
            return _unexpected(shard, exc)

    def try_probe(self, shard: int, trace: Mapping[str, str] = NO_TRACE) -> Probed | MintageError:
        """Mint a committed shard again and compare; an error comes back as a value."""
        try:
            with observed(trace, self._marks(shard, "probe"), "probe"):
                return probe(self._setup.store, self._load(), shard)
        except MintageError as exc:
            return exc
        except Exception as exc:  # noqa: BLE001  # as above
            return _unexpected(shard, exc)

    def mint(self, index: int, attempt: str) -> Receipt:
        """Mint a shard; an error is raised."""
        with METER.measure(self._setup.gpus) as taken:
            receipt = self._mint(index, attempt, taken)
        return replace(receipt, usage=taken.usage)

    def _mint(self, index: int, attempt: str, taken: Measurement) -> Receipt:
        """Mint shard `index` up to its commit record; a shard that has one already is adopted."""
        setup, bench = self._setup, self._load()
        if (earlier := find_commit(setup.store, bench.plan, index)) is not None:
            return _receipt(earlier, bench.plan.schema.root, adopted=True)
        minted = ShardAttempt(
            bench,
            setup.store,
            index,
            attempt,
            keep_rejects=setup.keep_rejects,
            worker=worker_identity(),
            stopped=self._stopped,
        ).run()
        taken.bytes = _written(minted)
        with stage("commit"):
            commit, won = commit_shard(setup.store, bench.plan, bench.stored_schema, minted)
        return _receipt(commit, bench.plan.schema.root, adopted=not won)

    def _marks(self, shard: int, attempt: str) -> dict[str, Mark]:
        setup = self._setup
        marks: dict[str, Mark] = {**setup.marks, "mintage.plan": setup.plan_digest, "mintage.shard": shard}
        return {**marks, "mintage.attempt": attempt, "mintage.worker": worker_identity()}

    def _load(self) -> Bench:
        setup = self._setup
        self._bench = self._bench or Bench.load(setup.store, setup.plan_digest, setup.first_shard)
        return self._bench


def _unexpected(shard: int, error: Exception) -> GenerationError:
    place = "".join(traceback.format_exception(error)[-3:])
    return GenerationError(f"shard {shard} failed unexpectedly: {error!r}\n{place}", "please report this")


def _written(minted: Minted) -> int:
    return sum(one.bytes for kind in (minted.parts, minted.rejects, minted.sketches) for one in kind.values())


def _receipt(commit: CommitRecord, root: str, *, adopted: bool) -> Receipt:
    tables = commit.record.tables
    return Receipt(
        shard=commit.record.index,
        rows=tables[root].rows,
        bytes=sum(table.bytes for table in tables.values()),
        rejected=dict(sum((Counter(table.verdicts.rejected) for table in tables.values()), Counter())),
        adopted=adopted,
        tables={
            name: TableCounts(rows=table.rows, rejected=table.verdicts.rejected)
            for name, table in tables.items()
        },
    )
