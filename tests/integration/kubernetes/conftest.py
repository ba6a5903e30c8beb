"""An API server, a template in it, and the back end that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mintage.jobs.client.backend import Submission
from mintage.jobs.client.kubernetes import Kubernetes
from mintage.spec import read_spec
from tests.integration.kubernetes.api_server import Cluster, kubeconfig, running

TEMPLATE = """
apiVersion: ray.io/v1
kind: RayJob
metadata:
  labels: {app.kubernetes.io/part-of: mintage}
spec:
  submissionMode: HTTPMode
  backoffLimit: 2
  shutdownAfterJobFinishes: true
  ttlSecondsAfterFinished: 300
  rayClusterSpec:
    rayVersion: "2.60.0"
    headGroupSpec:
      rayStartParams: {}
      template: {spec: {containers: [{name: ray-head, image: "mintage:1"}]}}
"""

Submit = Callable[..., Submission]


@pytest.fixture(scope="session")
def api_server() -> Iterator[Cluster]:
    with running() as cluster:
        yield cluster


@pytest.fixture
def cluster(api_server: Cluster) -> Iterator[Cluster]:
    """The server with nothing but a template."""
    api_server.reset()
    api_server.put_template(TEMPLATE)
    yield api_server
    api_server.reset()


@pytest.fixture
def backend(cluster: Cluster, tmp_path: Path) -> Iterator[Kubernetes]:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(cluster.url))
    back = Kubernetes.connect("kubernetes://data", kubeconfig=str(path))
    yield back
    back.close()


@pytest.fixture
def submission() -> Submit:
    """One attempt at a job of two rows."""

    def make(attempt: int = 1, job: str = "people-0123456789ab") -> Submission:
        spec = read_spec(
            {
                "name": "people",
                "generator": {"kind": "rules.any"},
                "rows": 2,
                "sink": {"uri": "s3://b/people"},
            }
        )
        return Submission(
            id=f"{job}-{attempt}",
            spec=spec,
            entrypoint="python -m mintage.jobs.client.entrypoint",
            environment={"MINTAGE_SPEC": "eJw="},
            metadata={"mintage.job": job, "mintage.attempt": str(attempt)},
        )

    return make
