"""What is said when a cluster lacks something, refuses something, or does not answer."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from mintage.errors import AccessError, MintageError, SpecError, UnreachableError
from mintage.jobs.client import k8s_api, k8s_socket
from mintage.jobs.client.kubernetes import Kubernetes
from tests.integration.kubernetes.api_server import Cluster, kubeconfig
from tests.integration.kubernetes.conftest import TEMPLATE, Submit
from tests.integration.kubernetes.ray_head import ScriptedHead

FORBIDDEN = 'rayjobs.ray.io is forbidden: User "jane" cannot create resource "rayjobs" in API group "ray.io"'
RUNS: dict[str, Any] = {
    "jobStatus": "RUNNING",
    "jobDeploymentStatus": "Running",
    "dashboardURL": "people-xyz-head-svc.data.svc.cluster.local:8265",
}


@pytest.mark.parametrize(
    ("method", "part", "code", "message", "error", "says"),
    [
        ("POST", "rayjobs", 401, "Unauthorized", AccessError, "does not accept our credentials"),
        ("POST", "rayjobs", 403, FORBIDDEN, AccessError, "not allowed to create rayjobs in namespace data"),
        ("GET", "configmaps", 403, "no", AccessError, "not allowed to list configmaps"),
        (
            "POST",
            "rayjobs",
            403,
            'rayjobs.ray.io "p" is forbidden: exceeded quota: jobs, used: count/rayjobs.ray.io=5',
            AccessError,
            "no quota left",
        ),
        ("POST", "rayjobs", 404, 'namespaces "data" not found', AccessError, 'namespaces "data" not found'),
        ("POST", "rayjobs", 422, "spec.rayClusterSpec: Required value", SpecError, "Required value"),
        ("POST", "rayjobs", 400, "admission webhook denied the request", SpecError, "webhook denied"),
        ("POST", "rayjobs", 429, "too many requests", UnreachableError, "too many requests"),
        ("POST", "rayjobs", 503, "etcd is away", UnreachableError, "etcd is away"),
    ],
)
def test_each_refusal_of_a_submission_has_its_error(  # noqa: PLR0917  # what is asked, answered, raised
    cluster: Cluster,
    backend: Kubernetes,
    submission: Submit,
    method: str,
    part: str,
    code: int,
    message: str,
    error: type[MintageError],
    says: str,
) -> None:
    cluster.refuse(method, part, code, message)

    with pytest.raises(error, match=says) as caught:
        backend.submit(submission())

    assert type(caught.value) is error
    assert caught.value.hint


def test_a_cluster_without_kuberay_says_how_to_install_it(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    for method in ("POST", "GET"):
        cluster.refuse(method, "/ray.io/", 404, "404 page not found\n", plain=True)

    with pytest.raises(AccessError, match="KubeRay is not installed") as caught:
        backend.submit(submission())
    with pytest.raises(AccessError, match="KubeRay is not installed"):
        backend.list()

    assert "helm install kuberay-operator" in caught.value.hint


def test_a_namespace_that_is_not_there_is_named(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    cluster.reset()
    cluster.has_namespace = False

    with pytest.raises(AccessError, match="there is no namespace data"):
        backend.submit(submission())


@pytest.mark.parametrize("address", ["kubernetes://data", "kubernetes://data?template=mintage-rayjob"])
def test_a_namespace_without_a_template_says_what_makes_one(
    cluster: Cluster, tmp_path: Path, submission: Submit, address: str
) -> None:
    cluster.reset()
    backend = Kubernetes.connect(address, kubeconfig=_kubeconfig(tmp_path, cluster.url))

    with pytest.raises(AccessError, match="namespace data has no ConfigMap") as caught:
        backend.submit(submission())

    assert "helm install mintage" in caught.value.hint
    backend.close()


def test_of_several_templates_one_must_be_chosen(
    cluster: Cluster, tmp_path: Path, backend: Kubernetes, submission: Submit
) -> None:
    cluster.put_template(TEMPLATE.replace("backoffLimit: 2", "backoffLimit: 7"), "other")

    with pytest.raises(AccessError, match="2 templates of jobs: mintage-rayjob, other") as caught:
        backend.submit(submission())
    chosen = Kubernetes.connect(
        "kubernetes://data?template=other", kubeconfig=_kubeconfig(tmp_path, cluster.url)
    )
    chosen.submit(submission())

    assert "?template=mintage-rayjob" in caught.value.hint
    assert cluster.get("ray.io/v1/rayjobs", submission().id)["spec"]["backoffLimit"] == 7
    chosen.close()


def test_a_template_that_is_none_is_named(cluster: Cluster, backend: Kubernetes, submission: Submit) -> None:
    cluster.put_template("kind: Pod")

    with pytest.raises(SpecError, match=r"rayjob.yaml of the ConfigMap mintage-rayjob is None Pod"):
        backend.submit(submission())


PULL = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "mintage:1"'}}
NO_NODE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available",
}
QUOTA = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreateHeadPod",
    "message": 'pods "people-head" is forbidden: exceeded quota: compute',
}


@pytest.mark.parametrize(
    ("condition", "pod", "event", "says"),
    [
        (QUOTA, None, None, "FailedCreateHeadPod: pods .* exceeded quota: compute"),
        (None, {"conditions": [NO_NODE]}, None, "pod people-head Unschedulable: 0/3 nodes are available"),
        (None, {"containerStatuses": [{"state": PULL}]}, None, "pod people-head ImagePullBackOff: Back-off"),
        (
            None,
            {"initContainerStatuses": [{"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]},
            None,
            r"pod people-head OOMKilled \(exit code 137\)",
        ),
        (None, None, "exceeded quota: clusters", "FailedToCreateRayCluster: exceeded quota: clusters"),
        (None, {"containerStatuses": [{"state": {"running": {}}}]}, None, "its cluster is starting$"),
    ],
    ids=["quota", "unschedulable", "image", "memory", "event", "nothing wrong"],
)
def test_a_job_that_waits_says_why(
    cluster: Cluster,
    backend: Kubernetes,
    submission: Submit,
    *,
    condition: dict[str, str] | None,
    pod: dict[str, Any] | None,
    event: str | None,
    says: str,
) -> None:
    _waiting(cluster, backend, submission, [condition] if condition else [])
    if pod is not None:
        cluster.put(
            "v1/pods",
            "people-head",
            {"metadata": {"labels": {"ray.io/cluster": "people-xyz"}}, "status": pod},
        )
    if event is not None:
        about = {"name": submission().id}
        value = {
            "involvedObject": about,
            "type": "Warning",
            "reason": "FailedToCreateRayCluster",
            "message": event,
        }
        cluster.put("v1/events", "one", value)

    record = backend.find(submission().id)

    assert record is not None
    assert re.search(says, record.message), record.message


def test_what_may_not_be_read_is_said_and_keeps_nobody_from_the_state(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    _waiting(cluster, backend, submission, [])
    cluster.refuse("GET", "/pods", 403, "no")
    cluster.refuse("GET", "/events", 403, "no")

    record = backend.find(submission().id)

    assert record is not None
    assert "we may not list pods and events" in record.message


def test_nobody_at_the_address_is_an_error_that_can_be_tried_again(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = Kubernetes.connect(
        "kubernetes://data", kubeconfig=_kubeconfig(tmp_path, f"http://127.0.0.1:{port}")
    )

    with pytest.raises(UnreachableError, match="does not answer"):
        backend.list()


def test_an_api_server_that_hangs_is_not_waited_for(
    cluster: Cluster, backend: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(k8s_api, "_READ_SECONDS", 0.2)
    cluster.refuse("GET", "rayjobs", 0)

    with pytest.raises(UnreachableError, match="does not answer"):
        backend.list()


def test_an_api_server_that_goes_away_ends_the_following(
    cluster: Cluster, backend: Kubernetes, submission: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(k8s_socket, "_QUIET_SECONDS", 0.2)
    monkeypatch.setattr(k8s_api, "_READ_SECONDS", 0.2)
    _runs(cluster, backend, submission, ScriptedHead(job=submission().id, log="one\n", done=False))
    pieces = backend.follow(submission().id)
    first = next(pieces)
    cluster.refuse("GET", "rayjobs", 0)

    with pytest.raises(UnreachableError, match="does not answer"):
        next(pieces)

    assert first == "one\n"


def test_a_page_of_somebody_else_is_no_answer(cluster: Cluster, backend: Kubernetes) -> None:
    cluster.refuse("GET", "rayjobs", 200, "<html>Please log in</html>", plain=True)

    with pytest.raises(UnreachableError, match="does not answer as an API server"):
        backend.list()


def test_an_answer_that_is_too_large_is_refused(
    cluster: Cluster, backend: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(k8s_api.KubernetesApi.call, "__kwdefaults__", {**_defaults(), "limit": 1000})
    cluster.refuse("GET", "rayjobs", 200, "x" * 1001, plain=True)

    with pytest.raises(SpecError, match="larger than 1,000 bytes"):
        backend.list()


def test_rays_refusal_is_told_from_the_api_servers(
    cluster: Cluster, backend: Kubernetes, submission: Submit
) -> None:
    _runs(cluster, backend, submission, ScriptedHead(job=submission().id, token="sesame"))

    for read in (lambda: backend.tail(submission().id, 1), lambda: list(backend.follow(submission().id))):
        with pytest.raises(AccessError, match=r"Ray on the head .* does not accept our token") as caught:
            read()
        assert "MINTAGE_RAY_TOKEN" in caught.value.hint


@pytest.mark.parametrize("what", ["secrets", "/proxy/"])
def test_a_right_that_the_log_needs_is_named(
    cluster: Cluster, backend: Kubernetes, submission: Submit, what: str
) -> None:
    auth = 'rayVersion: "2.60.0"\n    authOptions: {mode: token, secretName: ray-token}'
    cluster.put_template(TEMPLATE.replace('rayVersion: "2.60.0"', auth))
    cluster.put("v1/secrets", "ray-token", {"data": {"auth_token": "c2VzYW1l"}})
    _runs(cluster, backend, submission, ScriptedHead(job=submission().id, log="one\n", token="sesame"))
    assert backend.tail(submission().id, 1) == "one\n"
    cluster.refuse("GET", what, 403, "is forbidden")

    with pytest.raises(AccessError, match=r"get services/proxy|asks for Ray's token"):
        backend.tail(submission().id, 1)
    with pytest.raises(AccessError, match=r"get services/proxy|asks for Ray's token"):
        list(backend.follow(submission().id))


def test_no_credential_is_shown(cluster: Cluster, tmp_path: Path) -> None:
    backend = Kubernetes.connect(
        "kubernetes://data", token="sesame", kubeconfig=_kubeconfig(tmp_path, cluster.url)
    )
    cluster.refuse("GET", "rayjobs", 403, "no")
    with pytest.raises(AccessError) as caught:
        backend.list()

    shown = f"{backend!r} {backend.address} {caught.value}"
    assert "sesame" not in shown
    assert "let-me-in" not in shown


def test_a_context_that_the_kubeconfig_lacks_is_named(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="elsewhere") as caught:
        Kubernetes.connect(
            "kubernetes://data?context=elsewhere", kubeconfig=_kubeconfig(tmp_path, cluster.url)
        )

    assert "get-contexts" in caught.value.hint


@pytest.mark.parametrize("text", ["{", "- 1", "apiVersion: v1\nkind: Config\n", "contexts: 7\n"])
def test_a_broken_kubeconfig_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)

    with pytest.raises(AccessError, match="no way into the cluster"):
        Kubernetes.connect("kubernetes://data", kubeconfig=str(path))


def test_without_a_kubeconfig_and_outside_a_pod_there_is_no_way_in(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="no way into the cluster"):
        Kubernetes.connect("kubernetes://data", kubeconfig=str(tmp_path / "none"))


def test_a_missing_extra_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)

    with pytest.raises(AccessError, match="not installed") as caught:
        Kubernetes.connect("kubernetes://data")

    assert caught.value.hint == "pip install 'mintage[k8s]'"


def _waiting(
    cluster: Cluster, backend: Kubernetes, submission: Submit, conditions: list[dict[str, str]]
) -> None:
    backend.submit(submission())
    cluster.set_status(
        submission().id,
        jobDeploymentStatus="Initializing",
        rayClusterName="people-xyz",
        rayClusterStatus={"conditions": conditions},
    )


def _runs(cluster: Cluster, backend: Kubernetes, submission: Submit, head: ScriptedHead) -> None:
    backend.submit(submission())
    cluster.set_status(submission().id, rayClusterName="people-xyz", **RUNS)
    cluster.head = head


def _kubeconfig(folder: Path, url: str) -> str:
    path = folder / "kubeconfig"
    path.write_text(kubeconfig(url))
    return str(path)


def _defaults() -> dict[str, Any]:
    return dict(k8s_api.KubernetesApi.call.__kwdefaults__ or {})
