"""A job that was submitted: how far it is, what it says, and what comes of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mintage.errors import JobEndedError, JobError, UnreachableError
from mintage.jobs.client.backend import Backend, JobRecord, JobState
from mintage.jobs.client.event_lines import JobEvent, read_line
from mintage.jobs.client.following import PATIENCE_SECONDS, Patience, find_record, follow_lines
from mintage.jobs.client.request import DATASET, JOB, NAME, STORAGE, attempt_of, read_mapping
from mintage.jobs.client.status import TAIL_LINES, JobStatus, read_status
from mintage.jobs.progress import watch

if TYPE_CHECKING:
    from mintage.jobs.result import Result

_FIRST_LOOK_SECONDS = 0.1
_LAST_LOOK_SECONDS = 2.0


class Job:
    """One attempt at a job, made by `Client.submit` and `Client.get`.

    `id` names the job by what it makes; `attempt` counts from 1. Every method asks the back end anew, and
    raises `UnreachableError` when nobody answers, `JobMissingError` when the job is not known any more.
    """

    def __init__(self, backend: Backend, record: JobRecord) -> None:
        self._backend = backend
        self.record = record
        """What was known of it when this object was made."""

    def __repr__(self) -> str:
        return f"<Job {self.id} attempt {self.attempt} at {self._backend.address}>"

    @property
    def id(self) -> str:
        """The job's id, the same for every attempt."""
        return self.record.metadata.get(JOB, self.record.id)

    @property
    def name(self) -> str:
        """The name that its spec gives it."""
        return self.record.metadata.get(NAME, "")

    @property
    def dataset(self) -> str:
        """Where its data set lies, as the spec has it."""
        return self.record.metadata.get(DATASET, "")

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return attempt_of(self.record)

    def status(self) -> JobStatus:
        """How far it is."""
        record = self._find()
        tail = "" if record.state == JobState.QUEUED else self._backend.tail(record.id, TAIL_LINES)
        return read_status(record, tail)

    def logs(self) -> str:
        """All that it wrote so far: events as JSON lines, and whatever libraries say beside them."""
        return self._backend.read_log(self._find().id)

    def lines(self, *, patience: float = PATIENCE_SECONDS) -> Iterator[str]:
        """The lines of its log as they come, each once, until it has ended.

        Lost connections are made anew; raises `UnreachableError` after `patience` seconds without an answer.
        """
        return follow_lines(self._backend, self.record.id, patience)

    def events(self, *, patience: float = PATIENCE_SECONDS) -> Iterator[JobEvent]:
        """What happens to it, from the beginning on, as it happens, until it has ended.

        The last one is `RunFinished`, or `RunFailed` unless its process was killed. Commits of single
        shards are left out: `Progress` counts them.
        """
        for line in self.lines(patience=patience):
            if (read := read_line(line)) is not None and read.event is not None:
                yield read.event

    def follow(
        self, on_event: Callable[[JobEvent], None] | None = None, *, patience: float = PATIENCE_SECONDS
    ) -> JobStatus:
        """Watch it until it has ended; without `on_event`, progress is written to stderr.

        Raises the job's own error when it failed. Whoever stops watching leaves the job running.
        """
        if on_event is not None:
            for event in self.events(patience=patience):
                on_event(event)
        else:
            with watch(sys.stderr) as show:
                for event in self.events(patience=patience):
                    show(event)
        return self.wait(patience=patience)

    def wait(self, timeout: float | None = None, *, patience: float = PATIENCE_SECONDS) -> JobStatus:
        """Wait until it has ended, for at most `timeout` seconds.

        Raises the job's own error when it failed or was cancelled, `JobError` when the time is over.
        """
        until = None if timeout is None else time.monotonic() + timeout
        waiting, pause = Patience(patience), _FIRST_LOOK_SECONDS
        while (status := self._final_status(waiting)) is None:
            left = pause if until is None else until - time.monotonic()
            if left <= 0:
                raise JobError(
                    f"{self.id} has not ended within {timeout:g} s", "it goes on; wait longer, or cancel it"
                )
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LAST_LOOK_SECONDS)
        if status.error is not None:
            raise status.error
        return status

    def cancel(self) -> None:
        """Stop it, and wait until it commits nothing more; what is committed stays.

        Raises `JobEndedError` when it has ended already.
        """
        record = self._find()
        if record.state.ended:
            raise JobEndedError(
                f"{self.id} has ended already: attempt {self.attempt} {record.state}",
                "only a job that is queued or running can be cancelled",
            )
        self._backend.cancel(record.id)

    def result(self, *, storage: Mapping[str, object] | None = None) -> Result:
        """Wait until it has ended, and open its data set.

        `storage` are options of the store, where it is reached from here in another way than by the
        spec's. Raises the job's own error when it failed.
        """
        from mintage.jobs.result import Result

        status = self.wait()
        summary = status.summary or {}
        version = summary.get("version")
        result = Result.open(
            status.dataset or self.dataset,
            storage=read_mapping(self.record, STORAGE) if storage is None else storage,
            version=version if isinstance(version, int) else None,
        )
        return replace(result, summary=summary)

    def _final_status(self, waiting: Patience) -> JobStatus | None:
        """How it ended; None while it goes on, or nobody answers."""
        try:
            status = self.status() if self._find().state.ended else None
        except UnreachableError as exc:
            waiting.bear(exc)
            return None
        waiting.answered()
        return status

    def _find(self) -> JobRecord:
        return find_record(self._backend, self.record.id)
