"""A job's cluster: what is retried, what goes when, what grows, where shards may be minted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.k8s.charts import (
    VARIANTS,
    Document,
    cluster_of,
    groups,
    merged,
    objects,
    ray_objects,
    rayjob,
    submitted,
    variant,
)
from tests.unit.k8s.kuberay_rules import complaints

everywhere = pytest.mark.parametrize("name", VARIANTS)


@everywhere
def test_a_job_is_submitted_over_http_tried_again_and_ended_at_last(name: str) -> None:
    spec = rayjob(variant(name))["spec"]
    assert spec["submissionMode"] == "HTTPMode"
    assert spec["backoffLimit"] in {2, 3}
    assert spec["activeDeadlineSeconds"] > spec["preRunningDeadlineSeconds"] > 0


@everywhere
def test_a_job_goes_either_with_its_cluster_or_by_rules(name: str) -> None:
    spec = rayjob(variant(name))["spec"]
    assert ("shutdownAfterJobFinishes" in spec) != ("deletionStrategy" in spec)
    assert ("ttlSecondsAfterFinished" in spec) == ("shutdownAfterJobFinishes" in spec)


@pytest.mark.parametrize("name", [name for name in VARIANTS if "rules" in name])
def test_rules_end_every_way_that_a_job_can_end(name: str) -> None:
    rules = rayjob(variant(name))["spec"]["deletionStrategy"]["deletionRules"]
    clusters = [rule["condition"] for rule in rules if rule["policy"] == "DeleteCluster"]
    # A deadline that passes leaves the job's own state as it is: only the deployment has failed then.
    assert {condition.get("jobStatus") or condition["jobDeploymentStatus"] for condition in clusters} == {
        "SUCCEEDED",
        "Failed",
    }


def test_a_queued_job_starts_suspended_at_a_fixed_size_and_ends_with_its_cluster() -> None:
    template = rayjob(variant("Kueue"))
    labels, spec = template["metadata"]["labels"], template["spec"]
    assert labels["kueue.x-k8s.io/queue-name"] == "team-a"
    assert labels["kueue.x-k8s.io/priority-class"] == "low"
    assert spec["suspend"] is True
    assert spec["shutdownAfterJobFinishes"] is True
    assert "deletionStrategy" not in spec
    cluster = spec["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"] is False
    sizes = {
        name: (group["minReplicas"], group["replicas"], group["maxReplicas"])
        for name, group in list(groups(cluster))[1:]
    }
    assert sizes == {"cpu": (2, 2, 2), "gpu": (1, 1, 1)}


def test_only_kueue_suspends_jobs() -> None:
    assert [name for name in VARIANTS if "suspend" in rayjob(variant(name))["spec"]] == ["Kueue"]


@everywhere
def test_no_shard_is_minted_on_a_head(name: str) -> None:
    for ray_object in ray_objects(variant(name)):
        head = cluster_of(ray_object)["headGroupSpec"]
        assert head["rayStartParams"]["num-cpus"] == "0"
        assert head["labels"] == {"ray.io/market-type": "on-demand"}
        limits = head["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert not [key for key in limits if "gpu" in key]
        assert int(limits["memory"].removesuffix("Gi")) >= 8


@everywhere
def test_ray_s_version_is_named_and_tokens_are_asked_for(name: str) -> None:
    for ray_object in ray_objects(variant(name)):
        cluster = cluster_of(ray_object)
        assert cluster["rayVersion"] == "2.60.0"
        assert cluster["authOptions"]["mode"] == ("disabled" if name == "no tokens" else "token")


def test_the_chart_names_the_ray_that_the_constraints_pin(repository: Path) -> None:
    pins = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert f"ray=={cluster_of(ray_objects(variant('as it is'))[0])['rayVersion']}" in pins


@everywhere
def test_clusters_grow_with_the_second_autoscaler_or_stay_as_they_are(name: str) -> None:
    for ray_object in ray_objects(variant(name)):
        cluster = cluster_of(ray_object)
        workers = cluster["workerGroupSpecs"]
        if cluster["enableInTreeAutoscaling"]:
            assert cluster["autoscalerOptions"]["version"] == "v2"
            assert {group["minReplicas"] for group in workers} == {0}
        else:
            assert "autoscalerOptions" not in cluster
            assert all(
                group["minReplicas"] == group["replicas"] == group["maxReplicas"] > 0 for group in workers
            )


def test_each_accelerator_and_market_has_a_group_of_its_own() -> None:
    workers = cluster_of(rayjob(variant("spot and GPU")))["workerGroupSpecs"]
    kinds = [
        (group["labels"].get("ray.io/accelerator-type"), group["labels"]["ray.io/market-type"])
        for group in workers
    ]
    assert sorted(kinds, key=str) == [
        ("L4", "on-demand"),
        ("L4", "spot"),
        (None, "on-demand"),
        (None, "spot"),
    ]


def test_gpu_groups_ask_for_gpus_tolerate_their_taint_and_run_the_cuda_image() -> None:
    for group in cluster_of(rayjob(variant("spot and GPU")))["workerGroupSpecs"]:
        spec = group["template"]["spec"]
        container = spec["containers"][0]
        with_gpu = "gpu" in group["groupName"]
        assert (container["resources"]["limits"].get("nvidia.com/gpu") == 1) == with_gpu
        assert container["image"].endswith("-cuda") == with_gpu
        tolerated = {each["key"] for each in spec.get("tolerations", [])}
        assert ("nvidia.com/gpu" in tolerated) == with_gpu
        assert ("cloud.google.com/gke-spot" in tolerated) == (group["labels"]["ray.io/market-type"] == "spot")


def test_ray_s_own_autoscaler_reads_what_each_group_has() -> None:
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

    job = submitted(rayjob(variant("spot and GPU")))
    types = _derive_autoscaling_config_from_ray_cr({**job, "spec": cluster_of(job)})["available_node_types"]
    assert types.pop("headgroup")["resources"]["CPU"] == 0
    assert {name: (each["min_workers"], each["max_workers"]) for name, each in types.items()} == {
        "cpu": (0, 10),
        "cpu-spot": (0, 50),
        "gpu": (0, 4),
        "gpu-spot": (0, 8),
    }
    assert types["gpu-spot"]["resources"] == {"CPU": 8, "GPU": 1, "memory": 64 * 2**30}
    assert types["gpu-spot"]["labels"] == {"ray.io/market-type": "spot", "ray.io/accelerator-type": "L4"}
    priorities = sorted(types, key=lambda name: -types[name]["priority"])
    assert priorities == ["cpu-spot", "cpu", "gpu-spot", "gpu"]


def test_a_group_of_one_s_own_needs_only_what_makes_it() -> None:
    group = {
        "enabled": True,
        "maxReplicas": 3,
        "market": "spot",
        "cpu": "32",
        "memory": "256Gi",
        "ephemeralStorage": "100Gi",
        "objectStoreMiB": 8192,
        "gpu": {"count": 8, "type": "H100", "resource": "nvidia.com/gpu"},
        "labels": {"team": "a"},
    }
    job = submitted(rayjob(objects({"workerGroups": {"h100-spot": group}})))
    made = dict(groups(cluster_of(job)))["h100-spot"]
    assert made["labels"] == {"ray.io/market-type": "spot", "ray.io/accelerator-type": "H100", "team": "a"}
    assert (made["replicas"], made["minReplicas"], made["maxReplicas"]) == (0, 0, 3)
    assert complaints(job) == []


def test_large_numbers_stay_whole() -> None:
    values = {"job": {"activeDeadlineSeconds": 31536000}, "head": {"objectStoreMiB": 1048576}}
    job = rayjob(objects(values))["spec"]
    assert job["activeDeadlineSeconds"] == 31536000
    assert job["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["object-store-memory"] == str(2**40)


def _break(*path: str | int, value: object) -> Callable[[Document], None]:
    """Sets what a path leads to."""

    def change(job: Document) -> None:
        place = job
        for key in path[:-1]:
            place = place[key]  # type: ignore[index]  # a list, where the key is a number
        place[path[-1]] = value  # type: ignore[index]  # YAML

    return change


HEAD = ("spec", "rayClusterSpec", "headGroupSpec")
WORKERS = ("spec", "rayClusterSpec", "workerGroupSpecs", 0)
BROKEN = {
    "a long name": (_break("metadata", "name", value="a" * 48), "characters"),
    "a name that begins with a digit": (_break("metadata", "name", value="1a"), "DNS 1035"),
    "no Ray version": (_break("spec", "rayClusterSpec", "rayVersion", value=""), "rayVersion"),
    "an old Ray": (_break("spec", "rayClusterSpec", "rayVersion", value="2.51.0"), "rayVersion"),
    "tokens of Kubernetes": (
        _break("spec", "rayClusterSpec", "authOptions", "enableK8sTokenAuth", value=True),
        "enableK8sTokenAuth",
    ),
    "pods that restart": (
        _break(*HEAD, "template", "spec", "restartPolicy", value="Always"),
        "restartPolicy",
    ),
    "resources twice": (_break(*HEAD, "resources", value={"CPU": "0"}), "resources both"),
    "labels in parameters": (_break(*WORKERS, "rayStartParams", "labels", value="a=b"), "labels"),
    "a label that is none": (_break(*WORKERS, "labels", value={"a": "no spaces"}), "label a"),
    "a variable for the autoscaler": (
        _break(
            *HEAD, "template", "spec", "containers", 0, "env", value=[{"name": "RAY_enable_autoscaler_v2"}]
        ),
        "RAY_enable_autoscaler_v2",
    ),
    "replicas out of bounds": (_break(*WORKERS, "replicas", value=11), "between"),
    "suspended without an end": (_break("spec", "suspend", value=True), "suspend"),
    "a time to live without an end": (_break("spec", "ttlSecondsAfterFinished", value=5), "ttlSeconds"),
    "rules and an end": (_break("spec", "shutdownAfterJobFinishes", value=True), "beside"),
    "workers deleted twice over": (
        _break("spec", "deletionStrategy", "deletionRules", 0, "policy", value="DeleteWorkers"),
        "with autoscaling",
    ),
    "a record that goes first": (
        _break("spec", "deletionStrategy", "deletionRules", 1, "condition", "ttlSeconds", value=1),
        "goes first",
    ),
}


@pytest.mark.parametrize(("change", "complaint"), BROKEN.values(), ids=BROKEN)
def test_the_operator_s_rules_find_what_it_would_refuse(
    change: Callable[[Document], None], complaint: str
) -> None:
    job = copy.deepcopy(submitted(rayjob(variant("clean up by rules"))))
    assert complaints(job) == []
    change(job)
    assert [found for found in complaints(job) if complaint in found]


@pytest.mark.parametrize("name", ["spot and GPU", "fixed size"])
def test_a_cluster_that_stays_has_the_same_pods_as_a_job_s(name: str) -> None:
    rendered = objects(merged(VARIANTS[name], {"cluster": {"enabled": True}}))
    job, cluster = ray_objects(rendered)
    assert cluster["kind"] == "RayCluster"
    assert cluster_of(cluster) == cluster_of(job)
