"""`mintage.Client`: submit jobs to wherever they run, and find them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from mintage.errors import JobExistsError, JobMissingError
from mintage.jobs.calls import observed_call
from mintage.jobs.client.addresses import Access, open_backend
from mintage.jobs.client.backend import Backend, JobRecord, JobState
from mintage.jobs.client.job import Job
from mintage.jobs.client.luggage import check_travels
from mintage.jobs.client.request import JOB, JobRequest, attempt_of
from mintage.settings import Settings
from mintage.spec import JobSpec, read_spec

_TRIES = 5


class Client:
    """Submits jobs, and finds them again.

    `address` says where they run: `http://host:8265` is the Jobs API of a Ray cluster (https with TLS),
    `kubernetes://namespace` makes a cluster for each job; without one, and without `MINTAGE_ADDRESS`,
    jobs run in this process. `token` is that of Ray (by default from `MINTAGE_RAY_TOKEN`,
    `RAY_AUTH_TOKEN` or `RAY_AUTH_TOKEN_PATH`), `ca` a file of certificates to trust.

        client = mintage.Client("http://127.0.0.1:8265")
        job = client.submit("flights.yaml")
        job.follow()
        job.result().scan()

    Nothing is sent before the first call. Raises `SpecError` for an address of no known kind.
    """

    def __init__(
        self, address: str | None = None, *, token: str | None = None, ca: Path | str | None = None
    ) -> None:
        settings = Settings.read()
        access = Access.choose(settings, token=token, ca=ca)
        self._backend: Backend = open_backend(address or settings.address, access)

    def __repr__(self) -> str:
        return f"<Client of {self.address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Where jobs go."""
        return self._backend.address

    def submit(self, spec: JobSpec | Mapping[str, object] | Path | str, *, again: bool = False) -> Job:
        """Start what `spec` asks for; it is a `JobSpec`, a mapping, a path, or the text of a spec.

        The same request is the same job, so this may be called again at any time: a job that is running is
        returned as it is; one that is done, too, unless `again`; one that failed, was cancelled or lost
        gets its next attempt, which goes on from what is committed.

        Raises `SpecError` for a spec that is wrong, too large, or names places that only this machine has;
        `JobExistsError` when the job is running already for a spec that differs in how it is done.
        """
        request = JobRequest.make(read_spec(spec))
        if not self._backend.is_here:
            check_travels(request.spec, self.address)
        with observed_call("submit", {"mintage.job": request.spec.name, "mintage.submission": request.id}):
            return self._submit(request, again=again)

    def list(self) -> list[Job]:
        """The last attempt at each job that is known, newest first."""
        last: dict[str, JobRecord] = {}
        for record in self._backend.list():
            job = record.metadata.get(JOB, record.id)
            if job not in last or attempt_of(record) > attempt_of(last[job]):
                last[job] = record
        return [Job(self._backend, record) for record in last.values()]

    def get(self, id: str) -> Job:  # the word that everybody uses
        """The last attempt at a job, or the attempt that `<job id>-<number>` names.

        Raises `JobMissingError` when there is none.
        """
        record = self._last(id) or self._backend.find(id)
        if record is None:
            raise JobMissingError(
                f"{self.address} knows no job {id}", "`mintage list` shows those that are known"
            )
        return Job(self._backend, record)

    def close(self) -> None:
        """Let go of connections. Jobs go on, except those that run in this process."""
        self._backend.close()

    def _submit(self, request: JobRequest, *, again: bool) -> Job:
        for _ in range(_TRIES):
            last = self._last(request.id)
            if last is not None and _stands(last, request, again=again):
                return Job(self._backend, last)
            submission = request.submission(attempt_of(last) + 1 if last is not None else 1)
            try:
                self._backend.submit(submission)
            except JobExistsError:
                # Somebody else was faster: theirs is looked at like any other that is there.
                continue
            record = JobRecord(id=submission.id, state=JobState.QUEUED, metadata=submission.metadata)
            return Job(self._backend, self._backend.find(submission.id) or record)
        raise JobExistsError(
            f"{self.address} has a job {request.id} that cannot be seen or replaced",
            "wait until it is gone, or give the job another name",
        )

    def _last(self, job: str) -> JobRecord | None:
        records = self._backend.list(job)
        return max(records, key=attempt_of, default=None)


def _stands(record: JobRecord, request: JobRequest, *, again: bool) -> bool:
    """Whether an attempt answers a request as it is; raises when it stands in the way."""
    same = request.is_asked_by(record)
    if record.state.ended:
        return same and not again and record.state == JobState.SUCCEEDED
    if not same:
        raise JobExistsError(
            f"{request.id} is {record.state} already, for a spec that differs in: "
            f"{', '.join(request.differences(record)) or 'its version'}",
            "wait for it, or cancel it first; both would write the same data set",
        )
    return True
