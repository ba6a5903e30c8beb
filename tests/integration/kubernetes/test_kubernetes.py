"""Jobs as RayJobs: made, found, followed, stopped, against an API server on loopback."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mintage.errors import JobExistsError, UnreachableError
from mintage.jobs.client import kubernetes
from mintage.jobs.client.backend import JobState
from mintage.jobs.client.kubernetes import Kubernetes
from tests.integration.kubernetes.api_server import RAYJOBS, Cluster
from tests.integration.kubernetes.conftest import TEMPLATE, Submit
from tests.integration.kubernetes.ray_head import ScriptedHead

DASHBOARD = "people-xyz-head-svc.data.svc.cluster.local:8265"
RUNS: dict[str, Any] = {"jobStatus": "RUNNING", "jobDeploymentStatus": "Running", "dashboardURL": DASHBOARD}
LOG = "".join(f"line {number}\n" for number in range(500))


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "_LOOK_SECONDS", 0.05)


@pytest.fixture
def running(cluster: Cluster, backend: Kubernetes, submission: Submit) -> ScriptedHead:
    """A job that runs on a head which has written a log."""
    first = submission()
    backend.submit(first)
    cluster.set_status(first.id, jobId=first.id, **RUNS)
    head = ScriptedHead(job=first.id, log=LOG)
    cluster.head = head
    return head


def test_a_submission_is_a_rayjob_of_the_template_and_is_found_again(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    first = submission()

    backend.submit(first)

    made = cluster.get(RAYJOBS, first.id)
    assert made["spec"]["submissionMode"] == "HTTPMode"
    assert json.loads(made["spec"]["runtimeEnvYAML"]) == {"env_vars": {"MINTAGE_SPEC": "eJw="}}
    record = backend.find(first.id)
    assert record is not None
    assert (record.state, record.metadata) == (JobState.QUEUED, first.metadata)
    assert "operator has not seen it" in record.message


def test_an_id_is_used_once(backend: Kubernetes, submission: Submit) -> None:
    backend.submit(submission())

    with pytest.raises(JobExistsError):
        backend.submit(submission())


def test_what_is_not_there_is_not_found(backend: Kubernetes) -> None:
    assert backend.find("people-0123456789ab-7") is None
    assert backend.tail("people-0123456789ab-7", 10) == ""
    assert list(backend.follow("people-0123456789ab-7")) == []
    backend.cancel("people-0123456789ab-7")


def test_jobs_are_listed_newest_first_without_those_of_others(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    cluster.put(RAYJOBS, "somebody-elses", {"metadata": {"labels": {"team": "x"}}})
    made = [submission(), submission(2), submission(job="flights-ba9876543210")]
    for each in made:
        backend.submit(each)

    assert [record.id for record in backend.list()] == [each.id for each in reversed(made)]
    assert [record.id for record in backend.list("people-0123456789ab")] == [made[1].id, made[0].id]


def test_the_log_is_read_through_the_api_server(
    cluster: Cluster, backend: Kubernetes, running: ScriptedHead
) -> None:
    assert backend.tail(running.job, 2) == "line 498\nline 499\n"
    assert backend.read_log(running.job) == LOG
    assert "".join(backend.follow(running.job)) == LOG
    paths = {path for _, path, _ in cluster.seen if "proxy" in path}
    assert all(
        path.startswith("/api/v1/namespaces/data/services/people-xyz-head-svc:8265/") for path in paths
    )


def test_rays_token_is_sent_beside_our_own_credentials(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    template = TEMPLATE.replace(
        'rayVersion: "2.60.0"', 'rayVersion: "2.60.0"\n    authOptions: {mode: token}'
    )
    cluster.put_template(template)
    secret = base64.b64encode(b"sesame").decode()
    cluster.put("v1/secrets", "people-xyz", {"data": {"auth_token": secret}})
    first = submission()
    backend.submit(first)
    cluster.set_status(first.id, rayClusterName="people-xyz", **RUNS)
    cluster.head = head = ScriptedHead(job=first.id, log=LOG, token="sesame")

    assert backend.tail(first.id, 1) == "line 499\n"
    assert "".join(backend.follow(first.id)) == LOG
    for headers in head.headers:
        assert headers["x-ray-authorization"] == "Bearer sesame"
        assert headers["authorization"] == "Bearer let-me-in"


def test_following_waits_for_the_cluster_and_ends_with_the_job(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    first = submission()
    backend.submit(first)
    head = ScriptedHead(job=first.id, log="first\n", done=False)
    read: list[str] = []
    thread = threading.Thread(target=lambda: read.extend(backend.follow(first.id)))
    thread.start()

    cluster.head = head
    cluster.set_status(first.id, **RUNS)
    _until(lambda: "".join(read) == "first\n")
    head.log += "second\n"
    head.done = True
    thread.join(10)

    assert "".join(read) == "first\nsecond\n"


def test_a_connection_that_breaks_is_an_error_that_can_be_tried_again(
    backend: Kubernetes, running: ScriptedHead
) -> None:
    running.breaks_after = 1
    pieces = backend.follow(running.job)

    assert next(pieces) == LOG
    with pytest.raises(UnreachableError, match="broke off"):
        next(pieces)


def test_a_replaced_cluster_is_the_same_record_and_its_log_the_new_one(
    cluster: Cluster, backend: Kubernetes, running: ScriptedHead
) -> None:
    cluster.set_status(running.job, jobStatus="", jobDeploymentStatus="Retrying", dashboardURL="", failed=1)
    waiting = backend.find(running.job)
    cluster.head = ScriptedHead(job=running.job, log="a new log\n")
    cluster.set_status(running.job, **{**RUNS, "dashboardURL": DASHBOARD.replace("xyz", "abc")})

    assert waiting is not None
    assert waiting.state == JobState.QUEUED
    assert "being replaced" in waiting.message
    assert "cluster 2 of 3" in waiting.message
    assert "".join(backend.follow(running.job)) == "a new log\n"
    assert any("people-abc-head-svc:8265" in path for _, path, _ in cluster.seen)


def test_of_a_failed_job_whose_cluster_is_gone_the_last_words_are_kept(
    cluster: Cluster, backend: Kubernetes, running: ScriptedHead
) -> None:
    cluster.head = None
    said = 'Job entrypoint command failed, last available logs (truncated to 20,000 chars):\n{"event"}'
    cluster.set_status(running.job, jobStatus="FAILED", jobDeploymentStatus="Failed", message=said)

    assert backend.tail(running.job, 10) == '{"event"}'
    assert backend.read_log(running.job) == '{"event"}'
    assert list(backend.follow(running.job)) == ['{"event"}']


def test_of_a_finished_job_whose_cluster_is_gone_there_is_no_log(
    cluster: Cluster, backend: Kubernetes, running: ScriptedHead
) -> None:
    cluster.head = None
    cluster.set_status(running.job, jobStatus="SUCCEEDED", jobDeploymentStatus="Complete")

    assert backend.read_log(running.job) == ""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (404, 'services "people-xyz-head-svc" not found'),
        (500, "error trying to reach service: dial tcp 192.0.2.2:8265: connect: connection refused"),
        (503, "no endpoints available for service"),
    ],
)
def test_a_head_that_does_not_answer_while_its_job_runs_is_an_error(
    cluster: Cluster, backend: Kubernetes, running: ScriptedHead, code: int, said: str
) -> None:
    cluster.refuse("GET", "/proxy/", code, said)

    with pytest.raises(UnreachableError, match="does not answer: ") as caught:
        backend.tail(running.job, 10)
    with pytest.raises(UnreachableError, match="does not answer: "):
        list(backend.follow(running.job))

    assert said in caught.value.message


def test_a_cancelled_job_is_stopped_by_ray_and_keeps_its_record(
    cluster: Cluster, backend: Kubernetes, running: ScriptedHead
) -> None:
    thread = threading.Thread(target=backend.cancel, args=(running.job,))
    thread.start()
    _until(lambda: bool(running.stopped))
    asked = backend.find(running.job)
    cluster.set_status(running.job, jobStatus="STOPPED", jobDeploymentStatus="Complete")
    thread.join(10)
    record = backend.find(running.job)

    assert asked is not None
    assert "being stopped" in asked.message
    assert record is not None
    assert record.state == JobState.CANCELLED
    assert cluster.get(RAYJOBS, running.job)["spec"]["backoffLimit"] == 0


def test_a_cancelled_job_takes_its_cluster_with_it_whatever_the_template_keeps(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    rule = {"policy": "DeleteCluster", "condition": {"jobStatus": "FAILED", "ttlSeconds": 9}}
    rules = f"deletionStrategy: {{deletionRules: [{json.dumps(rule)}]}}"
    kept = TEMPLATE.replace("shutdownAfterJobFinishes: true", rules).replace(
        "ttlSecondsAfterFinished: 300", ""
    )
    cluster.put_template(kept)
    first = submission()
    backend.submit(first)
    assert "deletionStrategy" in cluster.get(RAYJOBS, first.id)["spec"]

    _cancel_meanwhile(
        backend, first.id, lambda: cluster.set_status(first.id, jobDeploymentStatus="Suspended")
    )

    spec = cluster.get(RAYJOBS, first.id)["spec"]
    assert "deletionStrategy" not in spec
    assert (spec["shutdownAfterJobFinishes"], spec["ttlSecondsAfterFinished"]) == (True, 300)


@pytest.mark.parametrize("reason", ["no head yet", "head gone", "no right"])
def test_a_job_whose_driver_cannot_be_asked_is_suspended_which_keeps_its_record(
    cluster: Cluster, backend: Kubernetes, running: ScriptedHead, reason: str
) -> None:
    if reason == "no head yet":
        cluster.set_status(running.job, jobStatus="", jobDeploymentStatus="Initializing", dashboardURL="")
    elif reason == "head gone":
        cluster.head = None
    else:
        cluster.refuse("POST", "/proxy/", 403, 'services "people" is forbidden: cannot create services/proxy')

    _cancel_meanwhile(backend, running.job, lambda: _suspend(cluster, running.job))

    record = backend.find(running.job)
    assert record is not None
    assert record.state == JobState.CANCELLED


def test_a_job_that_waits_in_kueues_queue_is_deleted_since_kueue_would_resume_it(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    label = "labels: {kueue.x-k8s.io/queue-name: gpus, "
    cluster.put_template(TEMPLATE.replace("labels: {", label))
    first = submission()
    backend.submit(first)
    waiting = backend.find(first.id)

    backend.cancel(first.id)

    assert waiting is not None
    assert backend.find(first.id) is None


def test_a_job_that_has_ended_is_left_as_it_is(
    cluster: Cluster, backend: Kubernetes, running: ScriptedHead
) -> None:
    cluster.set_status(running.job, jobStatus="SUCCEEDED", jobDeploymentStatus="Complete")
    before = cluster.get(RAYJOBS, running.job)

    backend.cancel(running.job)

    assert cluster.get(RAYJOBS, running.job) == before


def _suspend(cluster: Cluster, job: str) -> None:
    """What KubeRay does once it is told to."""
    _until(lambda: cluster.get(RAYJOBS, job)["spec"].get("suspend") is True)
    cluster.set_status(job, jobStatus="", jobDeploymentStatus="Suspended")


def _cancel_meanwhile(backend: Kubernetes, job: str, meanwhile: Callable[[], None]) -> None:
    thread = threading.Thread(target=backend.cancel, args=(job,))
    thread.start()
    meanwhile()
    thread.join(10)
    assert not thread.is_alive()


def _until(holds: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
