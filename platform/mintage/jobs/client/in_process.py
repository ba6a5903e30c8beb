"""Jobs in this process: a thread for each, with a flag that stops it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from mintage.errors import CancelledError, JobExistsError, JobMissingError
from mintage.jobs.client.backend import JobRecord, JobState, Submission
from mintage.jobs.client.performing import perform
from mintage.jobs.client.request import JOB


class InProcess:
    """Runs jobs in threads of this process, which end with it; what they commit stays.

    They share the process: many at once are no faster than one after another.
    """

    address = "this process"
    is_here = True

    def __init__(self) -> None:
        self._jobs: dict[str, _Running] = {}
        self._lock = threading.Lock()

    def submit(self, submission: Submission) -> None:
        """Start it in a thread."""
        with self._lock:
            if submission.id in self._jobs:
                raise JobExistsError(f"{submission.id} was submitted already", "ask for its status")
            self._jobs[submission.id] = running = _Running(submission)
            running.start()

    def find(self, id: str) -> JobRecord | None:  # the word that everybody uses
        """What is known of a submission."""
        running = self._jobs.get(id)
        return running.record() if running else None

    def list(self, job: str | None = None) -> list[JobRecord]:
        """All submissions, newest first."""
        records = [running.record() for running in reversed(list(self._jobs.values()))]
        return [record for record in records if job in {None, record.metadata[JOB]}]

    def tail(self, id: str, lines: int) -> str:
        """Its last lines."""
        return _text(self._job(id).lines[-lines:])

    def read_log(self, id: str) -> str:
        """All its lines."""
        return _text(self._job(id).lines)

    def follow(self, id: str) -> Iterator[str]:
        """Its lines as they come."""
        return self._job(id).follow()

    def cancel(self, id: str) -> None:
        """Raise the flag, and wait for the thread."""
        self._job(id).stop()

    def close(self) -> None:
        """Stop all jobs: they end with whoever started them."""
        for running in list(self._jobs.values()):
            running.cancelled.set()
        for running in list(self._jobs.values()):
            running.stop()

    def _job(self, id: str) -> _Running:
        if id not in self._jobs:
            raise JobMissingError(f"this process knows no job {id}", "it was started by another one, maybe")
        return self._jobs[id]


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


class _Running:
    """One submission, its thread, and what it has written."""

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self._record = JobRecord(
            id=submission.id,
            state=JobState.RUNNING,
            started=datetime.now(UTC),
            metadata=dict(submission.metadata),
        )
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=submission.id, daemon=True)
        self.cancelled = threading.Event()
        self.lines: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def record(self) -> JobRecord:
        return self._record

    def stop(self) -> None:
        self.cancelled.set()
        self._thread.join()

    def follow(self) -> Iterator[str]:
        had = 0
        while True:
            with self._news:
                while len(self.lines) == had and not self._record.state.ended:
                    self._news.wait()
                new, ended = self.lines[had:], self._record.state.ended
            had += len(new)
            yield _text(new)
            if ended:
                return

    def _run(self) -> None:
        error = perform(
            self._submission.spec,
            write=self._write,
            cancelled=self.cancelled.is_set,
            environment=self._submission.environment,
        )
        state = JobState.SUCCEEDED
        if error is not None:
            state = JobState.CANCELLED if isinstance(error, CancelledError) else JobState.FAILED
        with self._news:
            self._record = replace(self._record, state=state, ended=datetime.now(UTC))
            self._news.notify_all()

    def _write(self, line: str) -> None:
        with self._news:
            self.lines.append(line)
            self._news.notify_all()
