"""How far a job is: what its back end knows, and what the end of its log says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from mintage.engine import events
from mintage.errors import CancelledError, ClusterError, MintageError
from mintage.jobs.client.backend import JobRecord, JobState
from mintage.jobs.client.event_lines import RunFailed, RunFinished, error_to_json, read_line
from mintage.jobs.client.request import DATASET, JOB, attempt_of

TAIL_LINES = 100
"""Lines of a log that say where a job is."""

_LAST_WORDS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """How far a job is.

    `phase` and `detail` are the phase of the run (read, fit, mint, audit, evaluate, attest) and what it
    is about; `progress` is that of the fit or of the minting. `error` is why it failed, `summary` that
    of the finished `Result`. What is not known yet is None.
    """

    id: str
    attempt: int
    state: JobState
    phase: str | None = None
    detail: str = ""
    progress: events.Progress | events.FitProgressed | None = None
    message: str = ""
    error: MintageError | None = None
    run_id: str | None = None
    dataset: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    summary: Mapping[str, object] | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, object]:
        """The status as JSON values; moments are ISO 8601 text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {
            "state": str(self.state),
            "progress": None if self.progress is None else _plain(self.progress),
            "error": None if self.error is None else error_to_json(self.error),
            "started": None if self.started is None else self.started.isoformat(),
            "ended": None if self.ended is None else self.ended.isoformat(),
        }


def read_status(record: JobRecord, tail: str) -> JobStatus:
    """The status of a submission from its record and its last lines."""
    status = JobStatus(
        id=record.metadata.get(JOB, record.id),
        attempt=attempt_of(record),
        state=record.state,
        message=record.message,
        dataset=record.metadata.get(DATASET),
        started=record.started,
        ended=record.ended,
    )
    for line in tail.splitlines():
        status = _read_on(status, line)
    if record.state == JobState.SUCCEEDED:
        return replace(status, error=None)
    if record.state.ended and status.error is None:
        return replace(status, error=_unsaid(record, tail))
    return status


def _read_on(status: JobStatus, line: str) -> JobStatus:
    read = read_line(line)
    if read is None:
        return status
    status = replace(
        status,
        phase=read.phase or status.phase,
        run_id=read.run_id or status.run_id,
        dataset=read.dataset or status.dataset,
    )
    event = read.event
    if isinstance(event, events.PhaseStarted):
        return replace(status, detail=event.detail)
    if isinstance(event, events.Progress | events.FitProgressed):
        return replace(status, progress=event)
    if isinstance(event, RunFailed):
        return replace(status, error=event.error)
    if isinstance(event, RunFinished):
        return replace(status, summary=event.summary)
    return status


def _plain(progress: events.Progress | events.FitProgressed) -> dict[str, object]:
    values = {one.name: getattr(progress, one.name) for one in fields(progress)}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _unsaid(record: JobRecord, tail: str) -> MintageError:
    """The error of a job that ended before it could say why."""
    if record.state == JobState.CANCELLED:
        return CancelledError(f"{record.id} was cancelled", "submit it again to go on")
    words = [line for line in tail.splitlines() if line.strip() and read_line(line) is None]
    said = "\n".join(words)[-_LAST_WORDS:] or record.message.partition("\n")[0]
    return ClusterError(
        f"the process of {record.id} ended without saying why"
        + (f"; its last words:\n{said}" if said else ""),
        "submit it again: what is committed stays, and the next attempt goes on from there",
    )
