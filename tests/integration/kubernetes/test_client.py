"""`mintage.Client` with RayJobs: what a person sees of jobs that end badly, and of the next attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import mintage
from mintage.errors import ClusterError, PluginError
from mintage.jobs.client.backend import JobState
from tests.integration.kubernetes.api_server import RAYJOBS, Cluster, kubeconfig
from tests.integration.kubernetes.ray_head import ScriptedHead

SPEC = {"name": "people", "generator": {"kind": "rules.absent"}, "rows": 2, "sink": {"uri": "s3://b/people"}}
FAILED = {"jobStatus": "FAILED", "jobDeploymentStatus": "Failed", "reason": "AppFailed"}
DASHBOARD = "people-xyz-head-svc.data.svc.cluster.local:8265"
NO_PLUGIN = json.dumps(
    {
        "event": "RunFailed",
        "phase": "read",
        "error": {
            "type": "PluginError",
            "message": "no generator is named rules.absent",
            "hint": "install the package that has it",
            "retryable": False,
        },
    }
)


@pytest.fixture
def client(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[mintage.Client]:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(cluster.url))
    monkeypatch.setenv("KUBECONFIG", str(path))
    with mintage.Client("kubernetes://data") as client:
        yield client


@pytest.mark.parametrize("head", ["there", "gone"])
def test_an_image_without_the_plugin_is_told_by_the_driver_even_when_its_cluster_is_gone(
    cluster: Cluster, client: mintage.Client, head: str
) -> None:
    job = client.submit(SPEC)
    said = (
        "Job entrypoint command failed with exit code 2, last available logs (truncated to 20,000 chars):\n"
    )
    id = job.record.id
    cluster.set_status(id, dashboardURL=DASHBOARD, message=f"{said}{NO_PLUGIN}\n", **FAILED)
    cluster.head = ScriptedHead(job=id, log=f"{NO_PLUGIN}\n") if head == "there" else None

    with pytest.raises(PluginError, match=r"no generator is named rules\.absent"):
        job.follow(lambda _: None)

    assert job.status().phase == "read"


def test_a_cluster_that_went_away_is_an_error_and_the_next_submission_the_next_attempt(
    cluster: Cluster, client: mintage.Client
) -> None:
    job = client.submit(SPEC)
    lost = {
        "jobDeploymentStatus": "Failed",
        "reason": "JobStatusCheckTimeoutExceeded",
        "message": "the head is lost",
    }
    cluster.set_status(job.record.id, jobStatus="RUNNING", failed=3, **lost)

    with pytest.raises(ClusterError, match="the head is lost"):
        job.wait()
    again = client.submit(SPEC)

    assert (again.id, again.attempt) == (job.id, 2)
    assert [each.attempt for each in client.list()] == [2]


def test_the_same_request_is_the_same_rayjob(cluster: Cluster, client: mintage.Client) -> None:
    first, second = client.submit(SPEC), client.submit(SPEC)

    assert first.record.id == second.record.id
    assert client.get(first.id).status().state == JobState.QUEUED
    made = cluster.get(RAYJOBS, first.record.id)
    assert json.loads(made["spec"]["runtimeEnvYAML"])["env_vars"]["MINTAGE_SPEC"]
