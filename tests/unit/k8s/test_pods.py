"""What a pod may do: restricted pod security, and no more than that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.k8s.charts import (
    VARIANTS,
    Document,
    cluster_of,
    containers,
    named,
    objects,
    of_kind,
    pods,
    ray_objects,
    variant,
)

everywhere = pytest.mark.parametrize("name", VARIANTS)
WRITABLE = {"/tmp", "/home/mintage", "/var/cache/mintage", "/dev/shm"}


def all_pods(rendered: list[Document]) -> Iterator[tuple[str, Document]]:
    for ray_object in ray_objects(rendered):
        yield from pods(ray_object)


def all_containers(rendered: list[Document]) -> Iterator[Document]:
    """The containers of all pods, and the autoscalers that KubeRay adds."""
    for _, pod in all_pods(rendered):
        yield from containers(pod)
    for ray_object in ray_objects(rendered):
        yield from filter(None, [cluster_of(ray_object).get("autoscalerOptions")])


@everywhere
def test_nothing_runs_as_root_or_may_become_it(name: str) -> None:
    for _, pod in all_pods(variant(name)):
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 1000
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in all_containers(variant(name)):
        context = container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "privileged" not in context


@everywhere
def test_nothing_shares_the_node_s_namespaces_or_files(name: str) -> None:
    for _, pod in all_pods(variant(name)):
        assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & pod["spec"].keys()
        for volume in pod["spec"]["volumes"]:
            assert volume.keys() - {"name"} <= {"emptyDir", "secret", "configMap"}, volume["name"]
        assert not [port for each in containers(pod) for port in each.get("ports", []) if "hostPort" in port]


@everywhere
def test_what_ray_writes_to_can_be_written_and_has_a_limit(name: str) -> None:
    for _, pod in all_pods(variant(name)):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        mounts = {
            each["mountPath"]: volumes[each["name"]] for each in pod["spec"]["containers"][0]["volumeMounts"]
        }
        assert mounts.keys() >= WRITABLE
        assert all(mounts[path]["emptyDir"]["sizeLimit"] for path in WRITABLE)
        # KubeRay leaves /dev/shm alone when a volume of this name is there.
        assert mounts["/dev/shm"]["name"] == "shared-mem"
        assert mounts["/dev/shm"]["emptyDir"]["medium"] == "Memory"


@everywhere
def test_the_autoscaler_writes_where_the_head_s_pod_has_room(name: str) -> None:
    for ray_object in ray_objects(variant(name)):
        options = cluster_of(ray_object).get("autoscalerOptions")
        head = dict(pods(ray_object))["head"]["spec"]
        if options:
            assert {mount["name"] for mount in options["volumeMounts"]} <= {
                each["name"] for each in head["volumes"]
            }
            assert {mount["mountPath"] for mount in options["volumeMounts"]} == WRITABLE - {"/dev/shm"}


@everywhere
def test_folders_that_variables_name_are_mounted(name: str) -> None:
    for container in all_containers(variant(name)):
        mounted = tuple(mount["mountPath"] for mount in container["volumeMounts"])
        paths = [each["value"] for each in container.get("env", []) if each["value"].startswith("/")]
        assert [path for path in paths if not path.startswith(mounted)] == []


@everywhere
def test_resources_are_limited_and_memory_is_what_was_asked_for(name: str) -> None:
    for container in all_containers(variant(name)):
        resources = container["resources"]
        assert {"cpu", "memory"} <= resources["limits"].keys()
        assert resources["requests"] == resources["limits"]
    for _, pod in all_pods(variant(name)):
        assert all("ephemeral-storage" in each["resources"]["limits"] for each in containers(pod))


@everywhere
def test_ray_s_objects_fit_into_shared_memory_and_into_the_pod(name: str) -> None:
    for ray_object in ray_objects(variant(name)):
        cluster = cluster_of(ray_object)
        for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
            spec = group["template"]["spec"]
            store = int(group["rayStartParams"]["object-store-memory"])
            shared = next(
                each["emptyDir"]["sizeLimit"] for each in spec["volumes"] if each["name"] == "shared-mem"
            )
            memory = int(spec["containers"][0]["resources"]["limits"]["memory"].removesuffix("Gi")) * 2**30
            assert store < int(shared.removesuffix("Mi")) * 2**20 < memory / 2


@everywhere
def test_images_are_named_by_a_version_or_a_digest(name: str) -> None:
    for _, pod in all_pods(variant(name)):
        for container in containers(pod):
            repository, separator, version = container["image"].rpartition(
                "@" if "@" in container["image"] else ":"
            )
            assert separator
            assert repository.startswith("registry.example.com/mintage")
            assert version
            assert version != "latest"


def test_a_digest_counts_and_not_the_tag() -> None:
    images = {each["image"] for _, pod in all_pods(variant("a digest")) for each in containers(pod)}
    assert images == {"registry.example.com/mintage@sha256:" + "ab" * 32}


@everywhere
def test_variables_hold_no_secrets(name: str) -> None:
    for container in all_containers(variant(name)):
        assert "envFrom" not in container
        for variable in container.get("env", []):
            assert variable.keys() == {"name", "value"}
            assert isinstance(variable["value"], str)


@everywhere
def test_only_heads_that_scale_talk_to_kubernetes(name: str) -> None:
    rendered = variant(name)
    for account in of_kind(rendered, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    for ray_object in ray_objects(rendered):
        scaled = cluster_of(ray_object)["enableInTreeAutoscaling"]
        for group, pod in pods(ray_object):
            role = "head" if group == "head" else "worker"
            assert pod["spec"]["automountServiceAccountToken"] is (role == "head" and scaled)
            assert pod["spec"]["serviceAccountName"] == f"demo-mintage-{role}"
            named(rendered, "ServiceAccount", f"demo-mintage-{role}")


@everywhere
def test_workers_get_time_to_end_in_order_and_heads_stay(name: str) -> None:
    for group, pod in all_pods(variant(name)):
        assert pod["spec"]["restartPolicy"] == "Never"
        assert pod["spec"]["terminationGracePeriodSeconds"] >= (60 if group == "head" else 120)
        kept = pod["metadata"].get("annotations", {})
        assert (kept.get("karpenter.sh/do-not-disrupt") == "true") == (group == "head")
        assert (kept.get("cluster-autoscaler.kubernetes.io/safe-to-evict") == "false") == (group == "head")


def test_the_signing_key_never_reaches_a_worker() -> None:
    for group, pod in all_pods(variant("everything")):
        secrets = {each["secret"]["secretName"] for each in pod["spec"]["volumes"] if "secret" in each}
        assert ("signing" in secrets) == (group == "head")
        home = [each for each in pod["spec"]["containers"][0]["env"] if each["name"] == "MINTAGE_HOME"]
        assert bool(home) == (group == "head")


def test_the_signing_key_is_copied_to_where_only_its_owner_reads_it() -> None:
    (copying,) = dict(pods(ray_objects(variant("everything"))[0]))["head"]["spec"]["initContainers"]
    assert copying["command"][:2] == ["install", "--mode=0600"]
    source, target = copying["command"][2:]
    mounts = {each["mountPath"]: each["name"] for each in copying["volumeMounts"]}
    assert mounts == {source.rpartition("/")[0]: "signing", target.rpartition("/")[0]: "identity"}
    assert target.endswith("/identity.pem")


@pytest.mark.parametrize(
    ("name", "annotation"),
    [
        ("AWS, roles for service accounts", "eks.amazonaws.com/role-arn"),
        ("Google", "iam.gke.io/gcp-service-account"),
        ("Azure", "azure.workload.identity/client-id"),
    ],
)
def test_both_accounts_are_somebody_for_the_cloud(name: str, annotation: str) -> None:
    accounts = of_kind(variant(name), "ServiceAccount")
    assert len(accounts) == 2
    assert all(account["metadata"]["annotations"][annotation] for account in accounts)


def test_pods_on_azure_ask_for_their_identity() -> None:
    labels = [pod["metadata"]["labels"] for _, pod in all_pods(variant("Azure"))]
    assert {each["azure.workload.identity/use"] for each in labels} == {"true"}


def test_settings_of_a_pod_reach_it() -> None:
    values = {
        "head": {"nodeSelector": {"pool": "stable"}, "priorityClassName": "high", "annotations": {"a": "b"}},
        "workerGroups": {"cpu": {"tolerations": [{"key": "pool", "operator": "Exists"}]}},
        "image": {"pullSecrets": ["registry"]},
        "pods": {"env": {"AWS_REGION": "eu-west-1"}, "schedulerName": "other"},
    }
    found = dict(pods(ray_objects(objects(values))[0]))
    head, worker = found["head"]["spec"], found["cpu"]["spec"]
    assert head["nodeSelector"] == {"pool": "stable"}
    assert head["priorityClassName"] == "high"
    assert found["head"]["metadata"]["annotations"]["a"] == "b"
    assert worker["tolerations"] == [{"key": "pool", "operator": "Exists"}]
    for spec in (head, worker):
        assert spec["imagePullSecrets"] == [{"name": "registry"}]
        assert spec["schedulerName"] == "other"
        assert {"name": "AWS_REGION", "value": "eu-west-1"} in spec["containers"][0]["env"]


def test_specs_are_kept_and_mounted_on_heads() -> None:
    rendered = variant("everything")
    kept = named(rendered, "ConfigMap", "demo-mintage-jobs")
    assert kept["data"] == {"flights.yaml": "name: flights\nrows: 10\n"}
    found = dict(pods(ray_objects(rendered)[0]))
    assert [each for each in found["head"]["spec"]["containers"][0]["volumeMounts"] if each["name"] == "jobs"]
