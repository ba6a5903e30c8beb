"""What a place that runs jobs can do: one small protocol, whatever the place is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mintage.spec import JobSpec


class JobState(StrEnum):
    """How far a job is. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One attempt at a job, ready to be handed over.

    `id` is unique at a back end for all time: the job's id and the number of the attempt. `environment`
    is all that the process there must be given; it holds no secret. `metadata` are labels of text, by
    which jobs of ours are found again: `mintage.job`, `mintage.attempt`, `mintage.spec` (its digest),
    `mintage.name`, `mintage.dataset` and so on, see `request.py`.
    """

    id: str
    spec: JobSpec
    entrypoint: str
    environment: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What a back end knows of a submission; `message` says why it is as it is, when there is a reason."""

    id: str
    state: JobState
    message: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """Starts, finds and stops submissions.

    Every method raises `UnreachableError` (retryable) when nobody answers, `AccessError` when the answer
    is that we may not, and never another library's exception.
    """

    @property
    def address(self) -> str:
        """Where jobs go, as a person would write it; without credentials."""
        ...

    @property
    def is_here(self) -> bool:
        """Whether jobs run in this process, so that they see its folders and its memory."""
        ...

    def submit(self, submission: Submission) -> None:
        """Start it. Raises `JobExistsError` when that id was ever used there."""
        ...

    def find(self, id: str) -> JobRecord | None:  # the word that everybody uses
        """What is known of a submission; None for one that was never there, or is no longer known."""
        ...

    def list(self, job: str | None = None) -> list[JobRecord]:
        """All submissions that are ours, or those of one job, by their metadata; newest first."""
        ...

    def tail(self, id: str, lines: int) -> str:
        """The last lines that it wrote, cheaply, however many there are. Empty while there are none."""
        ...

    def read_log(self, id: str) -> str:
        """All that it wrote so far. Empty while there is nothing."""
        ...

    def follow(self, id: str) -> Iterator[str]:
        """What it writes, from the first line on, as it comes, until it has ended; in pieces of any size.

        Raises `UnreachableError` when the connection breaks; the caller begins anew and skips what it had.
        """
        ...

    def cancel(self, id: str) -> None:
        """Ask it to stop, and wait until it will not commit anything more. Nothing for one that has ended."""
        ...

    def close(self) -> None:
        """Let go of connections. Submissions go on, except those that live in this process."""
        ...
