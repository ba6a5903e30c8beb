"""Strict schemas of Kubernetes' objects and, where their definitions are at hand, of KubeRay's."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from referencing import Registry, Resource

from tests.unit.k8s.charts import Document

OLDEST, NEWEST = "1.27", "1.37"
_FILES = Path(str(kubernetes_validate.__file__)).parent / "kubernetes-json-schema"


def kubernetes_errors(document: Document, version: str) -> list[str]:
    """What a version of Kubernetes has against an object; unknown fields too."""
    return [
        _say(error)
        for error in _validator(document["apiVersion"], document["kind"], version).iter_errors(document)
    ]


@functools.cache
def _validator(api_version: str, kind: str, version: str) -> jsonschema.Draft202012Validator:
    group, _, rest = api_version.partition("/")
    name = f"{group.partition('.')[0]}-{rest}" if rest else group
    path = _folder(version) / f"{kind.lower()}-{name}.json"
    return jsonschema.Draft202012Validator(json.loads(path.read_text()), registry=_registry(version))


@functools.cache
def _registry(version: str) -> Registry[Any]:
    definitions = json.loads((_folder(version) / "_definitions.json").read_text())
    registry: Registry[Any] = Registry()
    return Resource.from_contents(definitions) @ registry


def _folder(version: str) -> Path:
    return _FILES / f"v{version}.0-local-strict"


def kuberay_folder() -> Path | None:
    """Where `ray.io_rayjobs.yaml` and the others are; None when MINTAGE_CRDS names no folder."""
    folder = os.environ.get("MINTAGE_CRDS")
    return Path(folder) if folder else None


def kuberay_errors(document: Document) -> list[str]:
    """What KubeRay's definitions have against an object; unknown fields too."""
    return [_say(error) for error in _kuberay_validator(document["kind"]).iter_errors(document)]


@functools.cache
def _kuberay_validator(kind: str) -> jsonschema.Draft202012Validator:
    folder = kuberay_folder()
    assert folder is not None
    definition = yaml.load((folder / f"ray.io_{kind.lower()}s.yaml").read_text(), yaml.CSafeLoader)
    served = next(each for each in definition["spec"]["versions"] if each["name"] == "v1")
    schema = strict(served["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return jsonschema.Draft202012Validator(schema)


def strict(node: Mapping[str, Any]) -> Document:
    """A structural schema of Kubernetes as JSON Schema that refuses what it does not name."""
    result: Document = {
        key: node[key] for key in ("enum", "pattern", "maxLength", "minLength", "minimum") if key in node
    }
    properties = {key: strict(value) for key, value in node.get("properties", {}).items()}
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if "type" in node:
        result["type"] = [node["type"], "null"] if node.get("nullable") else node["type"]
    if properties:
        result["properties"] = properties
        # Kubernetes fills in defaults before it asks what is required.
        result["required"] = [
            key for key in node.get("required", []) if "default" not in node["properties"][key]
        ]
    if "items" in node:
        result["items"] = strict(node["items"])
    if isinstance(node.get("additionalProperties"), Mapping):
        result["additionalProperties"] = strict(node["additionalProperties"])
    elif properties and not node.get("x-kubernetes-preserve-unknown-fields"):
        result["additionalProperties"] = False
    return result


def _say(error: jsonschema.ValidationError) -> str:
    return f"{error.json_path}: {error.message[:300]}"
