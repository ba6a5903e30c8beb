"""Reading a job's log line by line while it is written, over connections that break."""

from __future__ import annotations

import time
from collections.abc import Iterator

from mintage.errors import JobMissingError, UnreachableError
from mintage.jobs.client.backend import Backend, JobRecord

PATIENCE_SECONDS = 300.0
"""So long may nobody answer before a job counts as out of reach."""

_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


def follow_lines(backend: Backend, id: str, patience: float = PATIENCE_SECONDS) -> Iterator[str]:
    """Every line of a submission's log once, in order, until it has ended.

    A stream that ends while the job goes on is a lost connection too: proxies and servers that restart
    close it politely. Raises `UnreachableError` when nobody answers for `patience` seconds,
    `JobMissingError` when the job is not known any more.
    """
    reading = _Reading()
    waiting = Patience(patience)
    while True:
        try:
            yield from reading.lines(waiting.heard(backend.follow(id)))
            if find_record(backend, id).state.ended:
                yield from reading.rest(backend.read_log(id))
                return
        except UnreachableError as exc:
            waiting.bear(exc)
        else:
            waiting.answered()
            waiting.pause()


def find_record(backend: Backend, id: str) -> JobRecord:
    """What is known of a submission; raises `JobMissingError` when nothing is."""
    record = backend.find(id)
    if record is None:
        raise JobMissingError(
            f"{backend.address} knows no job {id}",
            "a cluster that was started anew has forgotten its jobs: submit the spec again to go on",
        )
    return record


class Patience:
    """How long it is borne that nobody answers, with longer and longer pauses between two tries."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pause = _PAUSE_SECONDS
        self.answered()

    def answered(self) -> None:
        """Somebody was there."""
        self._until = time.monotonic() + self._seconds

    def heard(self, pieces: Iterator[str]) -> Iterator[str]:
        """The pieces; each one says that all is well."""
        for piece in pieces:
            self.answered()
            self._pause = _PAUSE_SECONDS
            yield piece

    def bear(self, error: UnreachableError) -> None:
        """Wait a while, or raise the error when it has been too long."""
        if time.monotonic() >= self._until:
            raise error
        self.pause()

    def pause(self) -> None:
        """Wait, each time a little longer."""
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE_SECONDS)


class _Reading:
    """Which lines were read already, in whatever pieces they come, however often from the beginning."""

    def __init__(self) -> None:
        self._had = 0
        self._first = ""

    def lines(self, pieces: Iterator[str]) -> Iterator[str]:
        """The lines that are new, of a log that is read from its beginning; a half line is not one yet."""
        seen, rest = 0, ""
        for piece in pieces:
            *whole, rest = (rest + piece).split("\n")
            for line in whole:
                seen += 1
                if self._is_new(line, seen):
                    yield line

    def rest(self, log: str) -> Iterator[str]:
        """The lines that are new in the whole log of a job that has ended."""
        yield from self.lines(iter([log if not log or log.endswith("\n") else f"{log}\n"]))

    def _is_new(self, line: str, number: int) -> bool:
        if number == 1 and line != self._first:
            # Another process writes another log, when a cluster was replaced under the same job.
            self._had, self._first = 0, line
        if number <= self._had:
            return False
        self._had = number
        return True
