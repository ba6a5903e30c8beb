"""What the driver's events and receipts become as metrics, for the job that is marked here.

Rows are counted by the driver, when it learns that a shard is committed, and not by the worker that
made them: then they add up to the rows of the data set, whichever worker is lost after its commit.
Shards that an earlier session committed were counted by that one.
"""

from __future__ import annotations

from mintage.engine import events
from mintage.engine.worker import Receipt
from mintage.telemetry import record

_PHASES: tuple[events.Phase, ...] = ("read", "fit", "mint", "audit", "evaluate", "attest")


def count_shard(receipt: Receipt) -> None:
    """Count a committed shard: its rows by table, what was rejected by reason, its bytes."""
    record("mintage.shards.committed", 1)
    record("mintage.parts.written", receipt.bytes)
    record("mintage.cpu.time", receipt.cpu_seconds)
    record("mintage.gpu.time", receipt.gpu_seconds)
    for table, counts in receipt.tables.items():
        record("mintage.rows.accepted", counts.rows, {"mintage.table": table})
        for reason, rows in counts.rejected.items():
            record("mintage.rows.rejected", rows, {"mintage.table": table, "mintage.reason": reason})


def count_retry(cause: str) -> None:
    """Count a shard that is tried again; the cause is the class of an error, or `lost`."""
    record("mintage.shards.retried", 1, {"mintage.cause": cause})


def show_queue(*, waiting: int, in_flight: int, done: int) -> None:
    """Say how many shards wait, are at work, and are done."""
    for state, shards in {"waiting": waiting, "in_flight": in_flight, "done": done}.items():
        record("mintage.queue.depth", shards, {"mintage.state": state})


def show_workers(*, wanted: int, started: int, pending: int) -> None:
    """Say how many workers a job wants, has, and has asked the cluster for in vain so far."""
    for state, workers in {"wanted": wanted, "started": started, "pending": pending}.items():
        record("mintage.workers", workers, {"mintage.state": state})


def show_event(event: events.Event) -> None:
    """Record what an event says in figures: the phase, the steps of a fit, the rate."""
    if isinstance(event, events.PhaseStarted):
        _show_phase(event.phase)
    elif isinstance(event, events.FitProgressed):
        record("mintage.fit.step", event.step)
        record("mintage.fit.steps", event.steps)
    elif isinstance(event, events.Progress):
        record("mintage.rows.rate", event.rows_per_second)
        if event.cost is not None:
            record("mintage.cost", event.cost, {"mintage.currency": event.currency})


def count_end(outcome: str) -> None:
    """Count a run that ended: `succeeded`, `cancelled`, or the class of the error; no phase is on."""
    _show_phase(None)
    record("mintage.rows.rate", 0)
    record("mintage.runs.finished", 1, {"mintage.outcome": outcome})


def _show_phase(now: events.Phase | None) -> None:
    for phase in _PHASES:
        record("mintage.run.active", int(phase == now), {"mintage.phase": phase})
