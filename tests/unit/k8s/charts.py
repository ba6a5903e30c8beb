"""The chart as Helm renders it, and the variants in which people install it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

Document = dict[str, Any]
Values = Mapping[str, Any]

K8S = Path(__file__).resolve().parents[3] / "k8s"
CHART = K8S / "chart" / "mintage"
IMAGE = {"image": {"repository": "registry.example.com/mintage"}}
PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"
SERVE: Document = {
    "enabled": True,
    "tokensSecret": "serve-tokens",
    "args": {
        "models": {"flights": {"uri": "s3://bucket/flights", "trust": ["/etc/mintage/trust/release.pub"]}}
    },
}

# What somebody would set, and what it changes; each is rendered, validated and held against every rule.
VARIANTS: dict[str, Document] = {
    "as it is": {},
    "everything": {
        "cluster": {"enabled": True},
        "serve": {**SERVE, "clientNamespaces": ["apps"], "trustedKeys": {"release.pub": PUBLIC_KEY}},
        "workerGroups": {name: {"enabled": True} for name in ("cpu-spot", "gpu", "gpu-spot")},
        "monitoring": {"podMonitor": True, "rules": True, "dashboards": True, "labels": {"release": "kps"}},
        "signing": {"secretName": "signing"},
        "objectStore": {"credentialsSecret": "store"},
        "telemetry": {"otlpEndpoint": "http://collector.observability:4317"},
        "jobs": {"flights": {"name": "flights", "rows": 10}},
        "labels": {"team": "data"},
        "access": {"users": [{"kind": "Group", "name": "team", "apiGroup": "rbac.authorization.k8s.io"}]},
        "networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1/32"]}, "clientNamespaces": ["notebooks"]},
    },
    "spot and GPU": {"workerGroups": {name: {"enabled": True} for name in ("cpu-spot", "gpu", "gpu-spot")}},
    "fixed size": {"autoscaling": {"enabled": False}, "workerGroups": {"cpu": {"replicas": 3}}},
    "clean up by rules": {"job": {"cleanUp": {"mode": "rules"}}},
    "fixed size, clean up by rules": {
        "autoscaling": {"enabled": False},
        "workerGroups": {"cpu": {"replicas": 3}},
        "job": {"cleanUp": {"mode": "rules"}},
    },
    "Kueue": {
        "kueue": {"enabled": True, "queueName": "team-a", "priorityClass": "low"},
        "workerGroups": {"cpu": {"replicas": 2}, "gpu": {"enabled": True, "replicas": 1}},
    },
    "KubeRay's own policies": {"networkPolicy": {"kuberay": True}, "serve": SERVE},
    "no policies": {"networkPolicy": {"enabled": False}},
    "no tokens": {"auth": {"mode": "disabled"}},
    "a token of one's own": {"auth": {"secretName": "mine"}},
    "AWS, roles for service accounts": {
        "identity": {"provider": "aws-irsa", "awsRoleArn": "arn:aws:iam::123456789012:role/mintage"}
    },
    "AWS, pod identity": {"identity": {"provider": "aws-pod-identity"}},
    "Google": {
        "identity": {"provider": "gcp", "gcpServiceAccount": "mintage@project.iam.gserviceaccount.com"}
    },
    "Azure": {"identity": {"provider": "azure", "azureClientId": "01234567-89ab-cdef-0123-456789abcdef"}},
    "a digest": {"image": {"digest": "sha256:" + "ab" * 32, "gpuDigest": "sha256:" + "cd" * 32}},
}


@functools.cache
def chart() -> Chart:
    """The chart, loaded once."""
    return Chart.load(CHART)


def render(values: Values, *, name: str = "demo", namespace: str = "synth") -> dict[str, str]:
    """The rendered text of each template."""
    return chart().render(merged(IMAGE, values), name=name, namespace=namespace)


def objects(values: Values, *, name: str = "demo", namespace: str = "synth") -> list[Document]:
    """Every object that Helm would create."""
    texts = render(values, name=name, namespace=namespace)
    manifests = (text for path, text in texts.items() if not path.endswith(".txt"))
    return [document for text in manifests for document in yaml.load_all(text, yaml.CSafeLoader) if document]


@functools.cache
def variant(name: str) -> list[Document]:
    """The objects of a variant, rendered once; not to be changed."""
    return objects(VARIANTS[name])


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    """Those of one kind."""
    return [document for document in documents if document["kind"] == kind]


def named(documents: list[Document], kind: str, name: str) -> Document:
    """The one of a kind and a name."""
    return next(each for each in of_kind(documents, kind) if each["metadata"]["name"] == name)


def rayjob(documents: list[Document]) -> Document:
    """The RayJob of the template, as it is in the ConfigMap."""
    texts = [
        each["data"]["rayjob.yaml"]
        for each in of_kind(documents, "ConfigMap")
        if "rayjob.yaml" in each["data"]
    ]
    assert len(texts) == 1
    template: Document = yaml.load(texts[0], yaml.CSafeLoader)
    return template


def submitted(template: Document, *, name: str = "flights-0123456789ab-1") -> Document:
    """The template with what a client adds to it: it is complete then."""
    job = copy.deepcopy(template)
    job["metadata"] = {**job["metadata"], "name": name, "namespace": "synth"}
    job["spec"] |= {
        "jobId": name,
        "entrypoint": "python -m mintage.jobs.client.entrypoint",
        "runtimeEnvYAML": "env_vars: {MINTAGE_SPEC: eJw=}",
    }
    return job


def ray_objects(documents: list[Document]) -> list[Document]:
    """All that KubeRay reads: the RayJob as it would be submitted, and clusters and services."""
    return [
        submitted(rayjob(documents)),
        *of_kind(documents, "RayCluster"),
        *of_kind(documents, "RayService"),
    ]


def cluster_of(ray_object: Document) -> Document:
    """The spec of the cluster in a RayJob, RayCluster or RayService."""
    spec: Document = ray_object["spec"]
    cluster: Document = spec.get("rayClusterSpec") or spec.get("rayClusterConfig") or spec
    return cluster


def groups(cluster: Document) -> Iterator[tuple[str, Document]]:
    """The head group and the groups of workers, by name."""
    yield "head", cluster["headGroupSpec"]
    for group in cluster["workerGroupSpecs"]:
        yield group["groupName"], group


def pods(ray_object: Document) -> Iterator[tuple[str, Document]]:
    """The pod of each group, by the group's name, complete enough to be validated."""
    for name, group in groups(cluster_of(ray_object)):
        template = group["template"]
        yield (
            name,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, **template["metadata"]},
                "spec": template["spec"],
            },
        )


def containers(pod: Document) -> list[Document]:
    """All containers of a pod, those that prepare it too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def merged(below: Values, above: Values) -> Document:
    """Two sets of values, as Helm lays one over the other."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
