"""The driver: turns the coordinator's effects into attempts, and outcomes into its events."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from mintage.engine import coordinator as machine
from mintage.engine import events, layout, measures
from mintage.engine.coordinator import Coordinator
from mintage.engine.executors import Attempt, Executor, Outcome
from mintage.engine.ledger import Ledger
from mintage.engine.tally import Tally
from mintage.engine.worker import Receipt
from mintage.errors import CancelledError
from mintage.plan import Plan
from mintage.store import ObjectStore
from mintage.telemetry import carrier

_POLL_SECONDS = 0.5
_REPORT_SECONDS = 0.5


def committed_shards(store: ObjectStore, plan: Plan) -> list[int]:
    """The shards of a plan that the store holds, in order: the one truth about what is done."""
    found = (layout.committed_shard(info.path) for info in store.list(layout.COMMITS))
    indices = plan.indices
    return sorted(shard for shard in found if shard is not None and shard in indices)


def mint_all(
    plan: Plan,
    store: ObjectStore,
    executor: Executor,
    *,
    on_event: events.OnEvent,
    cancelled: Callable[[], bool] = lambda: False,
    ledger: Ledger | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Tally:
    """Mint every shard of the plan that the store does not hold yet.

    Raises the error of the first shard that failed for good, or `CancelledError`; by then the
    executor is closed, so nothing is committed any more. Else it is left open for probes.
    `ledger` says what was spent before, and what things cost, for those who watch; `clock` gives seconds.
    """
    ledger = ledger or Ledger(prices=None, apart=True)
    session = _Session(plan=plan, executor=executor, ledger=ledger, on_event=on_event, clock=clock)
    try:
        session.begin(committed_shards(store, plan))
        while not session.machine.finished:
            if cancelled():
                raise CancelledError(
                    f"stopped after {session.tally.shards_done} of {plan.shards} shards",
                    "run the same command again to go on",
                )
            for outcome in executor.wait(_POLL_SECONDS):
                session.take(outcome)
            session.resize()
            session.report()
    except BaseException:
        executor.close()
        raise
    session.report(last=True)
    return session.tally


class _Session:
    """The coordinator, the executor, and what is told to those who watch."""

    def __init__(
        self,
        *,
        plan: Plan,
        executor: Executor,
        ledger: Ledger,
        on_event: events.OnEvent,
        clock: Callable[[], float],
    ) -> None:
        self.plan = plan
        self.ledger = ledger
        self.executor = executor
        self.on_event = on_event
        self.machine = Coordinator(shards=plan.shards, capacity=executor.capacity, first=plan.first_shard)
        self.tally = Tally()
        self._token = secrets.token_hex(4)
        self._clock = clock
        self._started = self._reported = clock()

    def begin(self, committed: list[int]) -> None:
        self.tally.resumed = self.tally.shards_done = len(committed)
        self.tally.rows = sum(map(self.plan.rows_of, committed))
        self._do(self.machine.start(committed))

    def resize(self) -> None:
        """Have as much in flight as the executor has workers for now."""
        if self.executor.capacity != self.machine.capacity:
            self._do(self.machine.resize(self.executor.capacity))

    def take(self, outcome: Outcome) -> None:
        shard = outcome.attempt.shard
        if outcome.receipt is not None:
            self._count(outcome.receipt)
            self._do(self.machine.handle(machine.Committed(shard=shard)))
        elif outcome.error is not None:
            self.tally.wasted += outcome.wasted
            failed = machine.Failed(shard=shard, error=outcome.error)
            self._do(self.machine.handle(failed), type(outcome.error).__name__)
        else:
            self.tally.lost += 1
            lost = machine.Lost(shard=shard, reason=outcome.lost, blameless=outcome.blameless)
            self._do(self.machine.handle(lost), "lost")

    def report(self, *, last: bool = False) -> None:
        now = self._clock()
        if not last and now - self._reported < _REPORT_SECONDS:
            return
        self._reported = now
        self._show_queue()
        self.tally.reserved = self.executor.reserved()
        seconds = now - self._started
        rate = self.tally.minted / seconds if seconds > 0 else 0.0
        bill = self.ledger.bill(self.tally)
        self.on_event(
            events.Progress(
                shards_done=self.tally.shards_done,
                shards=self.plan.shards,
                rows=self.tally.rows,
                rows_total=self.plan.rows,
                rejected=dict(self.tally.rejected),
                rows_per_second=rate,
                seconds_left=(self.plan.rows - self.tally.rows) / rate if rate > 0 else None,
                cpu_seconds=bill.used.cpu_seconds,
                gpu_seconds=bill.used.gpu_seconds,
                bytes=bill.used.bytes,
                cost=bill.money.amount if bill.money else None,
                currency=bill.money.currency if bill.money else "",
            )
        )

    def _count(self, receipt: Receipt) -> None:
        self.tally.count(receipt)
        measures.count_shard(receipt)
        self.on_event(events.ShardCommitted(shard=receipt.shard, rows=receipt.rows))

    def _show_queue(self) -> None:
        done, in_flight = self.machine.done, len(self.machine.in_flight)
        measures.show_queue(waiting=self.plan.shards - done - in_flight, in_flight=in_flight, done=done)

    def _do(self, effects: list[machine.Effect], cause: str = "") -> None:
        for effect in effects:
            if isinstance(effect, machine.Mint):
                identity = f"{self._token}-{effect.attempt}"
                self.executor.submit(Attempt(shard=effect.shard, id=identity, trace=carrier()))
            elif isinstance(effect, machine.Retry):
                self.tally.retries += 1
                measures.count_retry(cause)
                self.on_event(events.ShardRetried(shard=effect.shard, reason=effect.reason))
            else:
                raise effect.error
