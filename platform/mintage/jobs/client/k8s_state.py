"""What KubeRay writes into the status of a RayJob, read as the record of a job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mintage.jobs.client.backend import JobRecord, JobState
from mintage.jobs.client.k8s_template import read_metadata

CANCELLED = "mintage.dev/cancelled"
"""The annotation that says when somebody cancelled a job; KubeRay has no word for it before the end."""

QUEUE = "kueue.x-k8s.io/queue-name"
"""The label of jobs that Kueue lets in."""

_ENDED = {"Complete", "Failed", "ValidationFailed"}
_LAST_WORDS = "last available logs"


def read_record(rayjob: Mapping[str, Any]) -> JobRecord:
    """The record of a RayJob; its message says as much as the status does."""
    meta, status = rayjob.get("metadata", {}), rayjob.get("status") or {}
    state = read_state(rayjob)
    ray = status.get("rayJobInfo") or {}
    return JobRecord(
        id=str(meta.get("name", "")),
        state=state,
        message=_message(rayjob, state),
        started=_time(ray.get("startTime") or status.get("startTime")),
        ended=_time(ray.get("endTime") or status.get("endTime")) if state.ended else None,
        metadata=read_metadata(rayjob),
    )


def read_state(rayjob: Mapping[str, Any]) -> JobState:
    """How far it is, of KubeRay's two statuses: that of the Ray job, and that of its deployment.

    A Ray job that failed has not ended for good while KubeRay may give it another cluster.
    """
    status = rayjob.get("status") or {}
    job, deployment = status.get("jobStatus") or "", status.get("jobDeploymentStatus") or ""
    if job == "SUCCEEDED":
        return JobState.SUCCEEDED
    if job == "STOPPED" or (is_cancelled(rayjob) and deployment in _ENDED | {"Suspended"}):
        return JobState.CANCELLED
    if deployment in {"Failed", "ValidationFailed"}:
        return JobState.FAILED
    if job in {"RUNNING", "FAILED"} and deployment == "Running":
        return JobState.RUNNING
    return JobState.QUEUED


def is_cancelled(rayjob: Mapping[str, Any]) -> bool:
    """Whether somebody asked for its end."""
    return CANCELLED in (rayjob.get("metadata", {}).get("annotations") or {})


def in_queue_of_kueue(rayjob: Mapping[str, Any]) -> bool:
    """Whether Kueue decides when it runs, and resumes it when somebody else suspends it."""
    return QUEUE in (rayjob.get("metadata", {}).get("labels") or {})


def last_words(rayjob: Mapping[str, Any]) -> str:
    """The end of a failed job's log, which its status keeps after the cluster is gone; empty without one."""
    message = str((rayjob.get("status") or {}).get("message") or "")
    _, found, rest = message.partition(_LAST_WORDS)
    return rest.partition("\n")[2] if found else ""


def _message(rayjob: Mapping[str, Any], state: JobState) -> str:
    status = rayjob.get("status") or {}
    reason, said = str(status.get("reason") or ""), str(status.get("message") or "")
    parts = [
        _stage(rayjob, state),
        ": ".join(part for part in (reason, said) if part),
        _clusters(rayjob, state),
    ]
    return "; ".join(part for part in parts if part)


def _stage(rayjob: Mapping[str, Any], state: JobState) -> str:
    """What KubeRay is doing, for a job that has not ended."""
    if rayjob.get("metadata", {}).get("deletionTimestamp"):
        return "it is being deleted"
    if state.ended:
        return ""
    if is_cancelled(rayjob):
        return "it was cancelled and is being stopped"
    deployment = str((rayjob.get("status") or {}).get("jobDeploymentStatus") or "")
    if deployment in {"Suspended", "Suspending"} or (rayjob.get("spec") or {}).get("suspend"):
        queue = (rayjob.get("metadata", {}).get("labels") or {}).get(QUEUE)
        return f"waiting for quota in Kueue's queue {queue}" if queue else "suspended (spec.suspend is true)"
    if state == JobState.RUNNING:
        return ""
    known = {
        "": "the KubeRay operator has not seen it yet; is it running, and watching this namespace?",
        "Initializing": "its cluster is starting",
        "Running": "its cluster is up, the driver is starting",
        "Retrying": "its cluster failed and is being replaced",
    }
    return known.get(deployment, f"KubeRay says {deployment}")


def _clusters(rayjob: Mapping[str, Any], state: JobState) -> str:
    """Which of the clusters that it may have is the present one, after a first one failed."""
    failed = int((rayjob.get("status") or {}).get("failed") or 0)
    limit = int((rayjob.get("spec") or {}).get("backoffLimit") or 0) + 1
    if not failed or state == JobState.CANCELLED:
        return ""
    if state.ended:
        return f"{failed} of {limit} clusters failed" if limit > 1 else ""
    return f"cluster {min(failed + 1, limit)} of {limit}, after {failed} failed"


def _time(value: object) -> datetime | None:
    """A time as Kubernetes writes it."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
