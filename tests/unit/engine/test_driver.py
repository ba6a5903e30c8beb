"""The driver's session in virtual time: it reports by its clock, and bills what its executor says."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import pyarrow as pa
import pytest

from mintage.contracts import DatasetSchema, TableSchema
from mintage.contracts.shard import Quota
from mintage.engine import events, layout
from mintage.engine.driver import committed_shards, mint_all
from mintage.engine.executors import Attempt, Outcome
from mintage.engine.ledger import Ledger
from mintage.engine.probing import Probed
from mintage.engine.usage import Usage
from mintage.engine.worker import Receipt, WorkerSetup
from mintage.errors import MintageError, StoreUnavailableError
from mintage.plan import ModelRef, PartLayout, Plan
from mintage.plugins import PluginRef
from mintage.prices import Prices
from mintage.store import ObjectStore


class Steady:
    """One worker that takes a second for each attempt; the first attempt at shard 2 fails."""

    capacity = 2
    workers = 1

    def __init__(self) -> None:
        self.now = 0.0
        self.queue: deque[Attempt] = deque()
        self.failed = False

    def clock(self) -> float:
        return self.now

    def begin(self, setup: WorkerSetup) -> None:
        raise NotImplementedError

    def probe(self, shards: Mapping[int, str]) -> list[Probed | MintageError]:
        raise NotImplementedError

    def close(self) -> None:
        self.queue.clear()

    def reserved(self) -> Usage:
        return Usage(seconds=self.now, cpu_seconds=4 * self.now)

    def submit(self, attempt: Attempt) -> None:
        self.queue.append(attempt)

    def wait(self, timeout_seconds: float) -> list[Outcome]:
        del timeout_seconds
        self.now += 1
        attempt, took = self.queue.popleft(), Usage(seconds=1, cpu_seconds=0.5, bytes=8)
        if attempt.shard == 2 and not self.failed:
            self.failed = True
            return [Outcome(attempt=attempt, error=StoreUnavailableError("busy"), wasted=took)]
        receipt = Receipt(shard=attempt.shard, rows=3, bytes=8, rejected={}, adopted=False, usage=took)
        return [Outcome(attempt=attempt, receipt=receipt)]


def plan_of(rows: int, *, first_shard: int = 0, quotas: tuple[int, ...] = ()) -> Plan:
    """A plan of shards of three rows; nobody opens its model."""
    plugin = PluginRef(group="mintage.generators", name="n", target="n:N", distribution="n", version="0")
    return Plan(
        run_id="run",
        name="rows",
        spec={},
        source=None,
        model=ModelRef(digest="sha256:" + "0" * 64, generator=plugin, determinism="content"),
        schema=DatasetSchema(tables=(TableSchema.of("t", pa.schema({"x": pa.int64()})),), root="t"),
        operators=(),
        layout=PartLayout(connector=plugin, options={}, suffix=".parquet"),
        seed=7,
        rows=rows,
        shard_rows=3,
        batch_rows=2,
        quotas=tuple(Quota(rows=one) for one in quotas or (rows,)),
        min_acceptance=0.1,
        binnings={},
        versions={},
        first_shard=first_shard,
    )


def test_progress_is_told_by_the_clock_that_was_given_with_what_was_used_and_what_it_costs() -> None:
    executor = Steady()
    told: list[events.Progress] = []
    tally = mint_all(
        plan_of(12),
        ObjectStore.open("memory://driver-clock"),
        executor,
        on_event=lambda event: told.append(event) if isinstance(event, events.Progress) else None,
        ledger=Ledger(prices=Prices(currency="EUR", cpu_hour=3600), apart=True),
        clock=executor.clock,
    )
    assert (tally.shards_done, tally.minted, tally.retries, executor.now) == (4, 12, 1, 5)
    assert tally.used == Usage(seconds=4, cpu_seconds=2, bytes=32)
    assert tally.wasted == Usage(seconds=1, cpu_seconds=0.5, bytes=8)
    # One in each of five seconds, and a last one.
    assert [one.shards_done for one in told] == [1, 2, 2, 3, 4, 4]
    assert told[1].rows_per_second == 3
    assert told[-1].bytes == 40
    # The larger of what is reserved (four CPUs) and what is used is billed.
    assert [one.cost for one in told] == pytest.approx([4, 8, 12, 16, 20, 20])


def test_shards_that_are_there_count_with_their_rows_and_others_of_the_folder_do_not() -> None:
    store, plan = ObjectStore.open("memory://driver-resumed"), plan_of(11, first_shard=5)
    for shard in (4, 5, 8, 9):
        store.create(layout.commit_path(shard), b"{}")
    assert committed_shards(store, plan) == [5, 8]
    executor = Steady()
    tally = mint_all(plan, store, executor, on_event=lambda _event: None, clock=executor.clock)
    assert (tally.resumed, tally.shards_done) == (2, 4)
    assert tally.rows - tally.minted == plan.shard(5).rows + plan.shard(8).rows


@pytest.mark.parametrize("quotas", [(100,), (1, 98, 1), (33, 33, 34)])
def test_rows_of_a_shard_are_those_that_it_is_made_with(quotas: tuple[int, ...]) -> None:
    plan = plan_of(100, first_shard=7, quotas=quotas)
    assert [plan.rows_of(index) for index in plan.indices] == [plan.shard(i).rows for i in plan.indices]
