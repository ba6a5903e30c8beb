"""What KubeRay's operator refuses when it reads an object, and its schema cannot say.

Ported from the checks of the operator (validation.go of version 1.7), as far as the chart can meet them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tests.unit.k8s.charts import Document, cluster_of, groups

MAX_NAME = {"RayJob": 47, "RayService": 41, "RayCluster": 57}
DELETION_ORDER = ("DeleteWorkers", "DeleteCluster", "DeleteSelf")
RAY_RESOURCES = {"num-cpus", "num-gpus", "memory", "resources"}
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def complaints(ray_object: Document) -> list[str]:
    """Every reason for which the operator would refuse a RayJob, RayCluster or RayService."""
    found = [*_name(ray_object), *_cluster(cluster_of(ray_object))]
    if ray_object["kind"] == "RayJob":
        found += _job(ray_object["spec"])
    return found


def _name(ray_object: Document) -> Iterator[str]:
    name, kind = ray_object["metadata"]["name"], ray_object["kind"]
    if len(name) > MAX_NAME[kind]:
        yield f"{kind} name {name} has more than {MAX_NAME[kind]} characters"
    if not _DNS_1035.fullmatch(name):
        yield f"{kind} name {name} is no DNS 1035 label"


def _cluster(cluster: Document) -> Iterator[str]:
    for name, group in groups(cluster):
        yield from _group(name, group)
    yield from _autoscaling(cluster)
    yield from _tokens(cluster)
    if not cluster["enableInTreeAutoscaling"]:
        for group in cluster["workerGroupSpecs"]:
            if not {"minReplicas", "maxReplicas"} <= group.keys():
                yield f"{group['groupName']}: without autoscaling, the least and the most replicas are needed"
    for group in cluster["workerGroupSpecs"]:
        if not group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]:
            yield f"{group['groupName']}: replicas are not between the least and the most"


def _group(name: str, group: Document) -> Iterator[str]:
    parameters = group["rayStartParams"]
    if not group["template"]["spec"]["containers"]:
        yield f"{name}: no container"
    if group.get("resources") and RAY_RESOURCES & parameters.keys():
        yield f"{name}: resources both in rayStartParams and in resources"
    if "labels" in parameters:
        yield f"{name}: labels in rayStartParams"
    for key, value in group.get("labels", {}).items():
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            yield f"{name}: label {key} is {value!r}"
    if not all(isinstance(value, str) for value in parameters.values()):
        yield f"{name}: rayStartParams that are no strings"


def _autoscaling(cluster: Document) -> Iterator[str]:
    options = cluster.get("autoscalerOptions", {})
    head = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]
    variables = {each["name"] for each in head.get("env", [])}
    if "RAY_enable_autoscaler_v2" in variables and (
        options.get("version") or not cluster["enableInTreeAutoscaling"]
    ):
        yield "RAY_enable_autoscaler_v2 beside autoscalerOptions.version"
    if cluster["enableInTreeAutoscaling"] and options.get("version") == "v2":
        for name, group in groups(cluster):
            if group["template"]["spec"].get("restartPolicy", "Never") != "Never":
                yield f"{name}: autoscaler v2 needs restartPolicy Never"


def _tokens(cluster: Document) -> Iterator[str]:
    options = cluster.get("authOptions", {})
    if options.get("mode") != "token":
        return
    version = cluster.get("rayVersion", "")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or [int(part) for part in version.split(".")] < [2, 52, 0]:
        yield f"tokens need rayVersion 2.52.0 or later, not {version!r}"
    if options.get("enableK8sTokenAuth"):
        yield "enableK8sTokenAuth is refused for RayJobs and RayServices"


def _job(spec: Document) -> Iterator[str]:
    shutdown = spec.get("shutdownAfterJobFinishes", False)
    if spec.get("suspend") and not shutdown:
        yield "suspend without shutdownAfterJobFinishes"
    if spec.get("ttlSecondsAfterFinished", 0) and not shutdown:
        yield "ttlSecondsAfterFinished without shutdownAfterJobFinishes"
    if spec.get("clusterSelector") and spec.get("backoffLimit"):
        yield "backoffLimit with clusterSelector"
    for key in ("activeDeadlineSeconds", "preRunningDeadlineSeconds"):
        if spec.get(key, 1) <= 0:
            yield f"{key} is not positive"
    if spec.get("backoffLimit", 0) < 0:
        yield "backoffLimit is negative"
    strategy = spec.get("deletionStrategy")
    if strategy is not None:
        yield from _deletion(strategy["deletionRules"], spec)


def _deletion(rules: list[Document], spec: Document) -> Iterator[str]:
    if not rules:
        yield "no deletionRules"
    if spec.get("shutdownAfterJobFinishes"):
        yield "deletionRules beside shutdownAfterJobFinishes"
    conditions = []
    for rule in rules:
        condition = rule["condition"]
        when = [f"{key}={condition[key]}" for key in ("jobStatus", "jobDeploymentStatus") if key in condition]
        if len(when) != 1:
            yield f"a condition of {len(when)} states"
        if condition["ttlSeconds"] < 0:
            yield "a negative ttlSeconds"
        if rule["policy"] == "DeleteWorkers" and spec["rayClusterSpec"]["enableInTreeAutoscaling"]:
            yield "DeleteWorkers with autoscaling"
        conditions.append((when[0], rule["policy"], condition["ttlSeconds"]))
    twice = Counter((when, policy) for when, policy, _ in conditions)
    yield from (f"{policy} twice for {when}" for (when, policy), count in twice.items() if count > 1)
    for state in {when for when, _, _ in conditions}:
        kept = {policy: seconds for when, policy, seconds in conditions if when == state}
        seconds = [kept[policy] for policy in DELETION_ORDER if policy in kept]
        if seconds != sorted(seconds):
            yield f"{state}: what holds the other goes first"
