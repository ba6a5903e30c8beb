"""Why a job's cluster is not there yet: quotas, images, nodes, in the words of Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mintage.errors import AccessError
from mintage.jobs.client.k8s_answer import Target
from mintage.jobs.client.k8s_api import KubernetesApi

_MOST = 3
_LONGEST = 300
_QUIET_CONDITIONS = {"HeadPodRunningAndReady", "RayClusterProvisioned", "AllPodRunningAndReadyFirstTime"}
_QUIET_WAITING = {"PodInitializing", "ContainerCreating"}


def explain_pending(api: KubernetesApi, rayjob: Mapping[str, Any]) -> str:
    """What keeps a job waiting, as far as we may read it; empty when nothing is known to be wrong.

    Asked are, in this order and until something is said: the conditions of the job's cluster, its pods,
    and warnings about either. What the user's role does not allow to read is named.
    """
    reasons = list(_conditions(rayjob))
    forbidden: list[str] = []
    cluster = str((rayjob.get("status") or {}).get("rayClusterName") or "")
    if cluster:
        reasons += _read(_pods(api, cluster), "pods", forbidden)
    if not reasons:
        for name in filter(None, (cluster, str(rayjob.get("metadata", {}).get("name")))):
            reasons += _read(_events(api, name), "events", forbidden)
    if not reasons and forbidden:
        return f"why is not known here: we may not list {' and '.join(dict.fromkeys(forbidden))}"
    return "; ".join(list(dict.fromkeys(reasons))[:_MOST])


def _read(reasons: Iterator[str], resource: str, forbidden: list[str]) -> list[str]:
    """What is found, or nothing where we may not ask; then the resource is added to `forbidden`."""
    try:
        return list(reasons)
    except AccessError:
        forbidden.append(resource)
        return []


def _conditions(rayjob: Mapping[str, Any]) -> Iterator[str]:
    cluster = (rayjob.get("status") or {}).get("rayClusterStatus") or {}
    for condition in cluster.get("conditions") or []:
        bad = condition.get("type") == "ReplicaFailure"
        if (condition.get("status") == "True") == bad and condition.get("reason") not in _QUIET_CONDITIONS:
            yield from _say(condition.get("reason"), condition.get("message"))
    if cluster.get("reason"):
        yield from _say("", cluster["reason"])


def _pods(api: KubernetesApi, cluster: str) -> Iterator[str]:
    target = Target(verb="list", resource="pods")
    query = {"labelSelector": f"ray.io/cluster={cluster}"}
    for pod in api.pages(api.in_namespace("pods"), target, query=query):
        name, status = pod.get("metadata", {}).get("name"), pod.get("status") or {}
        for condition in status.get("conditions") or []:
            if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
                yield from _say(f"pod {name} {condition.get('reason')}", condition.get("message"))
        for key in ("initContainerStatuses", "containerStatuses"):
            for container in status.get(key) or []:
                yield from _container(name, container)


def _container(pod: str, container: Mapping[str, Any]) -> Iterator[str]:
    state = container.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting and waiting.get("reason") not in _QUIET_WAITING:
        yield from _say(f"pod {pod} {waiting.get('reason')}", waiting.get("message"))
    if ended and ended.get("exitCode"):
        yield from _say(
            f"pod {pod} {ended.get('reason')} (exit code {ended['exitCode']})", ended.get("message")
        )


def _events(api: KubernetesApi, name: str) -> Iterator[str]:
    target = Target(verb="list", resource="events")
    query = {"fieldSelector": f"involvedObject.name={name},type=Warning"}
    found = list(api.pages(api.in_namespace("events"), target, query=query))
    found.sort(
        key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""), reverse=True
    )
    for event in found[:_MOST]:
        yield from _say(event.get("reason"), event.get("message"))


def _say(reason: object, message: object) -> Iterator[str]:
    text = ": ".join(str(part).strip() for part in (reason, message) if part)
    if text:
        yield text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
