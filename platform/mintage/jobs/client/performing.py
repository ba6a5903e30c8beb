"""Running a submitted job, wherever that is: events and the end go to its log, one line each."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping

from mintage.errors import CancelledError, JobError, MintageError
from mintage.jobs.client.event_lines import JobLines, RunFailed, RunFinished
from mintage.jobs.execution import run
from mintage.jobs.terminating import TerminatedError
from mintage.spec import JobSpec
from mintage.telemetry import continued


def perform(
    spec: JobSpec,
    *,
    write: Callable[[str], None],
    cancelled: Callable[[], bool],
    environment: Mapping[str, str],
) -> MintageError | None:
    """Run a job; `write` gets its log, line by line. Returns the error that it ended with, if any.

    `environment` may hold the span that it belongs to (`TRACEPARENT`).
    """
    tell = JobLines(write)
    try:
        with continued({name.lower(): value for name, value in environment.items()}):
            result = run(spec, on_event=tell, cancelled=cancelled)
    except MintageError as exc:
        return _failed(tell, exc)
    except TerminatedError:
        return _failed(
            tell, CancelledError("the process was told to end (SIGTERM)", "submit it again to go on")
        )
    except Exception as exc:  # noqa: BLE001  # the outermost edge of a job: whoever waits is told, whatever happened
        write(traceback.format_exc().rstrip())
        message = f"something unexpected happened: {type(exc).__name__}: {exc}"
        return _failed(tell, JobError(message, "this is a defect: report it with the log of the job"))
    tell(RunFinished(summary=result.summary))
    return None


def _failed(tell: JobLines, error: MintageError) -> MintageError:
    tell(RunFailed(error=error))
    return error
