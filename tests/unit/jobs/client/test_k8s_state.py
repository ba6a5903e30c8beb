"""The statuses that KubeRay writes, read as states and messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mintage.jobs.client.backend import JobState
from mintage.jobs.client.k8s_state import CANCELLED, last_words, read_record, read_state

FAILED = JobState.FAILED
QUEUED = JobState.QUEUED
RUNNING = JobState.RUNNING


def _rayjob(job: str, deployment: str, *, cancelled: bool = False, **more: dict[str, Any]) -> dict[str, Any]:
    status = {"jobStatus": job, "jobDeploymentStatus": deployment, **more.get("status", {})}
    annotations = {CANCELLED: "2026-11-22T10:00:00+00:00"} if cancelled else {}
    meta = {"name": "people-1", "annotations": annotations, **more.get("metadata", {})}
    return {"metadata": meta, "spec": more.get("spec", {"backoffLimit": 2}), "status": status}


@pytest.mark.parametrize(
    ("job", "deployment", "state"),
    [
        ("", "", QUEUED),
        ("", "Initializing", QUEUED),
        ("", "Running", QUEUED),
        ("PENDING", "Running", QUEUED),
        ("RUNNING", "Running", RUNNING),
        # KubeRay decides next whether it gets another cluster.
        ("FAILED", "Running", RUNNING),
        ("FAILED", "Retrying", QUEUED),
        ("", "Retrying", QUEUED),
        ("FAILED", "Failed", FAILED),
        ("", "Failed", FAILED),
        ("RUNNING", "Failed", FAILED),
        ("", "ValidationFailed", FAILED),
        ("SUCCEEDED", "Running", JobState.SUCCEEDED),
        ("SUCCEEDED", "Complete", JobState.SUCCEEDED),
        ("STOPPED", "Running", JobState.CANCELLED),
        ("STOPPED", "Complete", JobState.CANCELLED),
        ("", "Suspended", QUEUED),
        ("", "SomethingNew", QUEUED),
    ],
)
def test_each_pair_of_statuses_has_one_state(job: str, deployment: str, state: JobState) -> None:
    assert read_state(_rayjob(job, deployment)) == state


@pytest.mark.parametrize(
    ("job", "deployment", "state"),
    [
        ("RUNNING", "Running", RUNNING),
        ("", "Suspending", QUEUED),
        ("", "Suspended", JobState.CANCELLED),
        ("", "Failed", JobState.CANCELLED),
        ("SUCCEEDED", "Complete", JobState.SUCCEEDED),
    ],
)
def test_a_job_that_was_told_to_stop_is_cancelled_once_it_has_stopped(
    job: str, deployment: str, state: JobState
) -> None:
    assert read_state(_rayjob(job, deployment, cancelled=True)) == state


@pytest.mark.parametrize(
    ("rayjob", "says"),
    [
        (_rayjob("", ""), "operator has not seen it"),
        (_rayjob("", "Initializing"), "its cluster is starting"),
        (_rayjob("", "SomethingNew"), "KubeRay says SomethingNew"),
        (_rayjob("", "Suspended"), "suspended"),
        (
            _rayjob("", "Suspended", metadata={"labels": {"kueue.x-k8s.io/queue-name": "gpus"}}),
            "waiting for quota in Kueue's queue gpus",
        ),
        (_rayjob("", "", spec={"suspend": True}), "suspended"),
        (_rayjob("RUNNING", "Running", cancelled=True), "was cancelled and is being stopped"),
        (_rayjob("RUNNING", "Running", metadata={"deletionTimestamp": "2026"}), "is being deleted"),
        (_rayjob("", "Initializing", status={"failed": 1}), "cluster 2 of 3, after 1 failed"),
        (_rayjob("FAILED", "Failed", status={"failed": 3}), "3 of 3 clusters failed"),
        (
            _rayjob("", "Failed", status={"reason": "DeadlineExceeded", "message": "after 60 s"}),
            "DeadlineExceeded: after 60 s",
        ),
    ],
)
def test_a_message_says_why_it_is_as_it_is(rayjob: dict[str, Any], says: str) -> None:
    assert says in read_record(rayjob).message


def test_times_are_those_of_the_ray_job_and_the_end_is_known_only_at_the_end() -> None:
    times = {
        "startTime": "2026-11-22T10:00:00Z",
        "rayJobInfo": {"startTime": "2026-11-22T10:01:00Z", "endTime": "2026-11-22T10:02:00Z"},
    }

    ended = read_record(_rayjob("SUCCEEDED", "Complete", status=times))
    running = read_record(_rayjob("RUNNING", "Running", status=times))

    assert ended.started == datetime(2026, 11, 22, 10, 1, tzinfo=UTC)
    assert ended.ended == datetime(2026, 11, 22, 10, 2, tzinfo=UTC)
    assert running.ended is None


def test_the_end_of_the_log_is_kept_in_the_message_of_a_failed_job() -> None:
    said = (
        "Job entrypoint command failed with exit code 2, last available logs (truncated to 20,000 chars):\n"
        'a line\n{"event": "RunFailed", "error": {}}\n'
    )

    assert last_words(_rayjob("FAILED", "Failed", status={"message": said})) == (
        'a line\n{"event": "RunFailed", "error": {}}\n'
    )
    assert last_words(_rayjob("", "Failed", status={"message": "its head is lost"})) == ""


def test_a_status_of_odd_types_is_read_as_far_as_it_goes() -> None:
    record = read_record(
        _rayjob("", "Initializing", status={"startTime": 7, "failed": None, "rayJobInfo": None})
    )

    assert record.started is None
    assert record.state == QUEUED
