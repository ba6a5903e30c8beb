"""Every metric of Mintage: name, kind, unit and labels. docs/telemetry.md has the same table.

A label has few values, whatever the size of a job: the job's name, a table, a reason, a stage. Shards,
attempts, runs and workers are attributes of spans and logs, never labels: each value of a label is a
series that Prometheus keeps for weeks, and a million shards would be a million of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_PROMETHEUS_UNITS = {"s": "_seconds", "By": "_bytes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One metric; `unit` is UCUM, as OpenTelemetry wants it; every metric has the label `mintage.job` too."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    description: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets."""

    @property
    def prometheus(self) -> str:
        """The name in Prometheus' spelling, without the suffix `_total` of counters.

        >>> INSTRUMENTS["mintage.shard.duration"].prometheus
        'mintage_shard_duration_seconds'
        """
        return self.name.replace(".", "_") + _PROMETHEUS_UNITS.get(self.unit, "")


# Every worker of Ray has series of its own for each bucket, so there are few.
_SHARD_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_STAGE_SECONDS = (0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0)
_ALL = (
    Instrument(
        name="mintage.rows.accepted", kind="counter", unit="{row}",
        description="Rows of committed shards", labels=("mintage.table",),
    ),
    Instrument(
        name="mintage.rows.rejected", kind="counter", unit="{row}",
        description="Rows that operators rejected while committed shards were minted",
        labels=("mintage.table", "mintage.reason"),
    ),
    Instrument(
        name="mintage.rows.rate", kind="gauge", unit="{row}/s",
        description="Root rows per second of this session so far",
    ),
    Instrument(
        name="mintage.shards.committed", kind="counter", unit="{shard}",
        description="Shards that were committed",
    ),
    Instrument(
        name="mintage.shards.retried", kind="counter", unit="{shard}",
        description="Shards that are tried again: their attempt failed, or lost its worker",
        labels=("mintage.cause",),
    ),
    Instrument(
        name="mintage.shard.duration", kind="histogram", unit="s",
        description="Seconds from the start of a shard's attempt to its commit record", bounds=_SHARD_SECONDS,
    ),
    Instrument(
        name="mintage.stage.duration", kind="histogram", unit="s",
        description="Seconds of one step of a shard: sample, validate, write, commit",
        labels=("mintage.stage",), bounds=_STAGE_SECONDS,
    ),
    Instrument(
        name="mintage.parts.written", kind="counter", unit="By",
        description="Bytes of the parts of committed shards",
    ),
    Instrument(
        name="mintage.queue.depth", kind="gauge", unit="{shard}",
        description="Shards that wait, are in flight, or are done", labels=("mintage.state",),
    ),
    Instrument(
        name="mintage.workers", kind="gauge", unit="{worker}",
        description="Workers that are wanted, started, or asked for and not started yet",
        labels=("mintage.state",),
    ),
    Instrument(
        name="mintage.workers.lost", kind="counter", unit="{worker}",
        description="Workers that went away while they had shards",
    ),
    Instrument(
        name="mintage.run.active", kind="gauge", unit="1",
        description="1 for the phase that a run is in, 0 for those that it left",
        labels=("mintage.phase",),
    ),
    Instrument(
        name="mintage.runs.finished", kind="counter", unit="{run}",
        description="Runs that ended", labels=("mintage.outcome",),
    ),
    Instrument(
        name="mintage.fit.step", kind="gauge", unit="{step}", description="Steps that the fit has taken",
    ),
    Instrument(
        name="mintage.fit.steps", kind="gauge", unit="{step}",
        description="Steps that the fit takes at most; 0 when it does not say",
    ),
    Instrument(
        name="mintage.cpu.time", kind="counter", unit="s", description="CPU seconds of minting",
    ),
    Instrument(
        name="mintage.gpu.time", kind="counter", unit="s",
        description="Seconds for which minting held a GPU, times its share of it",
    ),
    Instrument(
        name="mintage.gpu.memory", kind="gauge", unit="By",
        description="Most memory of its GPU that a worker has used so far",
    ),
    Instrument(
        name="mintage.cost", kind="gauge", unit="1",
        description="Money that the run has cost so far, by the prices in the settings",
        labels=("mintage.currency",),
    ),
)  # fmt: skip
INSTRUMENTS = {instrument.name: instrument for instrument in _ALL}
"""By name."""
