"""Jobs on a Ray cluster that is there, through the Jobs API of its head node.

Plain HTTP instead of Ray's own client: that one takes another address from the environment than the
one that it is given, has no time limits, and tells all that went wrong as text.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from mintage.errors import ClusterError, JobError, JobExistsError, JobMissingError
from mintage.jobs.client.backend import JobRecord, JobState, Submission
from mintage.jobs.client.ray_http import Answer, RayHttp, RayServer, not_ray
from mintage.jobs.client.request import JOB, submission_id

_STATES = {
    "PENDING": JobState.QUEUED,
    "RUNNING": JobState.RUNNING,
    "SUCCEEDED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "STOPPED": JobState.CANCELLED,
}
_MAX_LOG = 1024 * 1024 * 1024
_MAX_LIST = 256 * 1024 * 1024
_MAX_TAIL = 64 * 1024 * 1024
_POLL_SECONDS = 0.2
_START_SECONDS = 60.0
_STOP_SECONDS = 120.0


class RayJobs:
    """The Jobs API of one cluster; who answers there is checked before anything is sent."""

    is_here = False

    def __init__(self, server: RayServer) -> None:
        self._http = RayHttp(server)
        self._known = False

    @property
    def address(self) -> str:
        """The server's URL."""
        return self._http.server.url

    def submit(self, submission: Submission) -> None:
        """Start it; its process reserves no CPU, since its workers do."""
        body: dict[str, object] = {
            "entrypoint": submission.entrypoint,
            "submission_id": submission.id,
            "runtime_env": {"env_vars": dict(submission.environment)},
            "metadata": dict(submission.metadata),
        }
        until = time.monotonic() + _START_SECONDS
        # The dashboard of a cluster that just started answers before it can start anything.
        while _is_starting(answer := self._ask("POST", "/api/jobs/", body=body)) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        if answer.status == 200:
            return
        if "already exists" in answer.text:
            raise JobExistsError(
                f"{self.address} has had a job {submission.id} before", "each attempt needs an id of its own"
            )
        raise self._refused(f"a job {submission.id}", answer)

    def find(self, id: str) -> JobRecord | None:
        """What is known of a submission."""
        details = self._details(id)
        return None if details is None else _record(details)

    def list(self, job: str | None = None) -> list[JobRecord]:
        """All submissions that are ours, or those of one job, newest first.

        Those of one job are asked for one by one: the whole list holds the environment of every job that
        ever was.
        """
        if job is not None:
            return [*self._attempts(job)][::-1]
        found = self._ask("GET", "/api/jobs/", max_bytes=_MAX_LIST).json(self.address)
        if not isinstance(found, list):
            raise not_ray(self.address, "its list of jobs is none")
        records = [_record(details) for details in found if JOB in (details.get("metadata") or {})]
        return sorted(records, key=_started, reverse=True)

    def tail(self, id: str, lines: int) -> str:
        """The last lines, as the node has them where its process runs."""
        return self._read(id, lines, _MAX_TAIL)

    def read_log(self, id: str) -> str:
        """All lines."""
        return self._read(id, -1, _MAX_LOG)

    def follow(self, id: str) -> Iterator[str]:
        """The lines as they come, over a web socket."""
        self._check()
        yield from self._http.listen(f"/api/jobs/{id}/logs/tail")

    def cancel(self, id: str) -> None:
        """Ask Ray to stop it, which kills it when it does not end in time; wait until it has ended."""
        answer = self._ask("POST", f"/api/jobs/{id}/stop")
        if answer.status != 200:
            raise self._refused(f"to stop {id}", answer)
        until = time.monotonic() + _STOP_SECONDS
        while (record := self.find(id)) is not None and not record.state.ended:
            if time.monotonic() > until:
                raise ClusterError(
                    f"{id} has not stopped within {_STOP_SECONDS:g} s", "look at the cluster, or try again"
                )
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Let go of the server."""
        self._http.close()

    def _attempts(self, job: str) -> Iterator[JobRecord]:
        number = missed = 0
        # One number may be missing, when somebody deleted that attempt.
        while missed < 2:
            number += 1
            record = self.find(submission_id(job, number))
            missed = missed + 1 if record is None else 0
            if record is not None:
                yield record

    def _read(self, id: str, lines: int, max_bytes: int) -> str:
        details = self._details(id)
        if details is None:
            raise JobMissingError(f"{self.address} knows no job {id}", "a new cluster has forgotten its jobs")
        if not details.get("driver_node_id"):
            return ""
        where = {"node_id": str(details["driver_node_id"]), "filename": f"job-driver-{id}.log"}
        answer = self._ask(
            "GET", "/api/v0/logs/file", params={**where, "lines": str(lines)}, max_bytes=max_bytes
        )
        if answer.status != 200:
            raise self._refused(f"the log of {id}", answer)
        return answer.text

    def _details(self, id: str) -> Mapping[str, object] | None:
        answer = self._ask("GET", f"/api/jobs/{id}")
        if answer.status == 404 and "does not exist" in answer.text:
            return None
        details = answer.json(self.address)
        if not isinstance(details, dict) or details.get("status") not in _STATES:
            raise not_ray(self.address, f"what it says of a job is {answer.text[:60]!r}")
        return details

    def _ask(self, method: str, path: str, **how: object) -> Answer:
        self._check()
        return self._http.request(method, path, **how)  # type: ignore[arg-type]  # the keywords of `request`

    def _check(self) -> None:
        """Make sure once that it is Ray that answers, before a spec is sent to somebody else."""
        if self._known:
            return
        answer = self._http.request("GET", "/api/version")
        version = answer.json(self.address)
        if not isinstance(version, dict) or "ray_version" not in version:
            raise not_ray(self.address, f"its version is {answer.text[:60]!r}")
        self._known = True

    def _refused(self, what: str, answer: Answer) -> JobError | ClusterError:
        said = [line for line in answer.text.strip(" .\n").splitlines() if line.strip(" .")] or [""]
        message = f"{self.address} refuses {what}: {said[-1][:500]}"
        if answer.status == 500:
            return ClusterError(message, "try again; the dashboard's log on the head node says more")
        return JobError(message, "the dashboard's log on the head node says more")


def _is_starting(answer: Answer) -> bool:
    return answer.status == 500 and "No available agent" in answer.text


def _record(details: Mapping[str, object]) -> JobRecord:
    metadata = details.get("metadata")
    return JobRecord(
        id=str(details.get("submission_id") or ""),
        state=_STATES[str(details["status"])],
        message=str(details.get("message") or ""),
        started=_time(details.get("start_time")),
        ended=_time(details.get("end_time")),
        metadata={str(key): str(value) for key, value in metadata.items()}
        if isinstance(metadata, dict)
        else {},
    )


def _time(milliseconds: object) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC) if isinstance(milliseconds, int) else None


def _started(record: JobRecord) -> datetime:
    return record.started or datetime.min.replace(tzinfo=UTC)
