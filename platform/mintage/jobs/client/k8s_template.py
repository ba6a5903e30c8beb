"""The RayJob that a platform team keeps in a ConfigMap, and what a submission adds to it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from mintage.errors import AccessError, SpecError
from mintage.jobs.client.backend import Submission
from mintage.jobs.client.k8s_answer import Target
from mintage.jobs.client.k8s_api import KubernetesApi

LABEL = "mintage.dev/template"
"""The label (`rayjob`) by which the ConfigMap is found."""

KEY = "rayjob.yaml"
JOB = "mintage.dev/job"
ATTEMPT = "mintage.dev/attempt"
METADATA = "mintage.dev/metadata"
"""The annotation that holds a submission's metadata as JSON."""

MAX_TEMPLATE_BYTES = 256 * 1024
MAX_NAME = 47
"""KubeRay makes longer names of pods and services out of the RayJob's."""

_TARGET = Target(verb="get", resource="configmaps")
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_OURS = ("entrypoint", "jobId")


def find_template(api: KubernetesApi) -> dict[str, Any]:
    """The RayJob of the address' ConfigMap, or of the only one that is labelled as such.

    Raises `AccessError` when there is none, `SpecError` when it holds no RayJob that can be used.
    """
    config_map = _named(api, api.address.template) if api.address.template else _labelled(api)
    name = str(config_map.get("metadata", {}).get("name"))
    text = (config_map.get("data") or {}).get(KEY)
    if not isinstance(text, str):
        raise SpecError(f"the ConfigMap {name} has no {KEY}", _chart(api))
    return read_template(text, f"{KEY} of the ConfigMap {name}")


def read_template(text: str, what: str) -> dict[str, Any]:
    """The RayJob in a text of YAML; raises `SpecError` when it is none. Aliases and tags are refused."""
    if len(text.encode()) > MAX_TEMPLATE_BYTES:
        raise SpecError(f"{what} is larger than {MAX_TEMPLATE_BYTES:,} bytes", _FIX)
    documents = _read_yaml(text, what)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise SpecError(f"{what} is not one object of Kubernetes", _FIX)
    template: dict[str, Any] = documents[0]
    if template.get("kind") != "RayJob" or template.get("apiVersion") != "ray.io/v1":
        raise SpecError(
            f"{what} is {template.get('apiVersion')} {template.get('kind')}, not ray.io/v1 RayJob", _FIX
        )
    _check_spec(template.get("spec"), what)
    return template


def fill_template(template: Mapping[str, Any], submission: Submission) -> dict[str, Any]:
    """The RayJob of one submission; raises `SpecError` for an id that KubeRay would refuse."""
    if len(submission.id) > MAX_NAME or not _NAME.fullmatch(submission.id):
        raise SpecError(
            f"{submission.id!r} cannot be the name of a RayJob",
            f"give the job a name of small letters, digits and hyphens; {MAX_NAME} characters at most",
        )
    rayjob = copy.deepcopy(dict(template))
    meta, spec = rayjob.get("metadata") or {}, rayjob["spec"]
    rayjob["metadata"] = {
        "name": submission.id,
        "labels": {
            **(meta.get("labels") or {}),
            JOB: submission.metadata.get("mintage.job", submission.id),
            ATTEMPT: submission.metadata.get("mintage.attempt", "1"),
        },
        "annotations": {
            **(meta.get("annotations") or {}),
            METADATA: json.dumps(dict(submission.metadata)),
        },
    }
    environment = _environment(spec, "the template")
    environment["env_vars"] = {**(environment.get("env_vars") or {}), **submission.environment}
    spec |= {
        "jobId": submission.id,
        "entrypoint": submission.entrypoint,
        # JSON is YAML too, and needs no rules of quoting.
        "runtimeEnvYAML": json.dumps(environment),
        "metadata": {**(spec.get("metadata") or {}), **submission.metadata},
    }
    return rayjob


def read_metadata(rayjob: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of the submission that a RayJob was made for; empty when it is none of ours."""
    meta = rayjob.get("metadata", {})
    try:
        values = json.loads((meta.get("annotations") or {}).get(METADATA, "{}"))
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {}


def _named(api: KubernetesApi, name: str) -> dict[str, Any]:
    found = api.get(api.in_namespace(f"configmaps/{name}"), _TARGET)
    if found is not None:
        return found
    _check_namespace(api)
    raise AccessError(f"namespace {api.address.namespace} has no ConfigMap {name}", _chart(api))


def _labelled(api: KubernetesApi) -> dict[str, Any]:
    target = Target(verb="list", resource="configmaps")
    found = list(
        api.pages(api.in_namespace("configmaps"), target, query={"labelSelector": f"{LABEL}=rayjob"})
    )
    if len(found) > 1:
        names = sorted(str(each.get("metadata", {}).get("name")) for each in found)
        raise AccessError(
            f"namespace {api.address.namespace} has {len(found)} templates of jobs: {', '.join(names)}",
            f"choose one: kubernetes://{api.address.namespace}?template={names[0]}",
        )
    if not found:
        _check_namespace(api)
        raise AccessError(
            f"namespace {api.address.namespace} has no ConfigMap with the label {LABEL}=rayjob", _chart(api)
        )
    return found[0]


def _check_namespace(api: KubernetesApi) -> None:
    """Say that the namespace is not there, as far as we may know."""
    space = api.address.namespace
    answer = api.call("GET", f"/api/v1/namespaces/{space}")
    if answer.code == 404:
        raise AccessError(f"there is no namespace {space}", f"`kubectl get namespaces`; {_chart(api)}")


def _chart(api: KubernetesApi) -> str:
    return (
        f"`helm install mintage k8s/chart/mintage --namespace {api.address.namespace}` makes a ConfigMap"
        f" with a RayJob under {KEY}; see docs/kubernetes.md"
    )


def _check_spec(spec: object, what: str) -> None:
    if not isinstance(spec, dict):
        raise SpecError(f"{what} has no spec", _FIX)
    if spec.get("submissionMode") != "HTTPMode":
        raise SpecError(
            f"{what} has submissionMode {spec.get('submissionMode', 'K8sJobMode')}, not HTTPMode",
            "the other modes take a broken log stream for the end of the job",
        )
    if taken := [key for key in _OURS if spec.get(key)]:
        raise SpecError(f"{what} sets {', '.join(taken)}, which each submission sets", _FIX)
    if not isinstance(spec.get("rayClusterSpec"), dict):
        raise SpecError(
            f"{what} has no rayClusterSpec", "a job gets a cluster of its own; see docs/kubernetes.md"
        )
    _environment(spec, what)


def _environment(spec: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The runtime environment that a RayJob asks for."""
    read = _read_yaml(str(spec.get("runtimeEnvYAML") or "{}"), f"runtimeEnvYAML in {what}")
    environment = read[0] if len(read) == 1 else None
    if not isinstance(environment, dict) or not isinstance(environment.get("env_vars") or {}, dict):
        raise SpecError(f"{what} has a runtimeEnvYAML that is no mapping", _FIX)
    return environment


def _read_yaml(text: str, what: str) -> list[object]:
    try:
        return list(yaml.load_all(text, Loader=_PlainLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise SpecError(f"{what} cannot be read as YAML: {exc}", _FIX) from exc


class _PlainLoader(yaml.SafeLoader):
    """Values alone: an alias may stand for a thousand others, so none is followed."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


_FIX = "let the chart render it, or compare with k8s/chart/mintage/templates/rayjob.yaml"
