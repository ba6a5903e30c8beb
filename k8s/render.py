"""Render the chart into k8s/kustomize: what Helm would create, as files that kustomize builds on.

`python k8s/render.py` writes the folders; `--check` only says what is not as the chart would have it.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

HERE = Path(__file__).resolve().parent
CHART = HERE / "chart" / "mintage"
KUSTOMIZE = HERE / "kustomize"
RELEASE = NAMESPACE = "mintage"
TEMPLATE = "mintage-rayjob"
OF_HELM = ("app.kubernetes.io/managed-by", "helm.sh/chart")

Document = dict[str, Any]
Key = tuple[str, str]

BASE_HEAD = """\
# Rendered from the chart by `make k8s`; namespace.yaml is written by hand. Before it is applied:
#   kubectl apply --filename namespace.yaml
#   kubectl --namespace mintage create secret generic mintage-ray-token \\
#     --from-literal=auth_token="$(openssl rand -hex 32)"
# and the image in rayjob.yaml must be yours.
"""
OVERLAY_HEAD = "# Rendered from the chart by `make k8s`: what differs from the base.\n"


def main() -> int:
    """Write the folders, or compare them; the exit code is 1 when they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when something would change"
    )
    check = parser.parse_args().check
    wanted = files()
    there = {path for path in KUSTOMIZE.rglob("*.yaml") if not _by_hand(path)}
    stale = sorted(there - wanted.keys())
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in [*stale, *changed]:
        sys.stdout.write(f"{path.relative_to(HERE.parent)} {'differs' if check else 'is written'}\n")
    if check:
        return int(bool(stale or changed))
    shutil.rmtree(KUSTOMIZE / "overlays", ignore_errors=True)
    for path in stale:
        path.unlink(missing_ok=True)
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def files() -> dict[Path, str]:
    """Every rendered file and its text."""
    variants = yaml.load((KUSTOMIZE / "variants.yaml").read_text("utf-8"), yaml.CSafeLoader)
    base = render(variants["base"])
    texts = {KUSTOMIZE / "base" / name: text for name, text in _base(base).items()}
    for overlay, values in variants["overlays"].items():
        rendered = render(_merged(variants["base"], values))
        folder = KUSTOMIZE / "overlays" / overlay
        texts |= {folder / name: text for name, text in _overlay(base, rendered).items()}
    return texts


def render(values: Mapping[str, Any]) -> dict[Key, Document]:
    """The chart's objects by kind and name, without what only Helm needs to know."""
    texts = _chart().render(dict(values), name=RELEASE, namespace=NAMESPACE)
    documents = (
        document
        for path, text in sorted(texts.items())
        if not path.endswith(".txt")
        for document in yaml.load_all(_without_helm(text), yaml.CSafeLoader)
        if document
    )
    return {(each["kind"], each["metadata"]["name"]): each for each in documents}


@functools.cache
def _chart() -> Chart:
    return Chart.load(CHART)


def _without_helm(text: str) -> str:
    lines = (line for line in text.splitlines() if not line.strip().startswith(OF_HELM))
    return "\n".join(lines)


def _base(objects: Mapping[Key, Document]) -> dict[str, str]:
    template = objects["ConfigMap", TEMPLATE]
    by_file: dict[str, list[Document]] = {}
    for key, document in objects.items():
        if key != ("ConfigMap", TEMPLATE):
            by_file.setdefault(_file_of(document), []).append(document)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": ["namespace.yaml", *sorted(by_file)],
        "configMapGenerator": [_generator(template)],
    }
    return {
        "kustomization.yaml": BASE_HEAD + _dump([kustomization]),
        "rayjob.yaml": template["data"]["rayjob.yaml"],
        **{name: _dump(documents) for name, documents in by_file.items()},
    }


def _overlay(base: Mapping[Key, Document], objects: Mapping[Key, Document]) -> dict[str, str]:
    kustomization: Document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../../base"],
    }
    texts = {}
    template = objects["ConfigMap", TEMPLATE]
    if template != base["ConfigMap", TEMPLATE]:
        kustomization["configMapGenerator"] = [
            {**_generator(template), "behavior": "replace", "namespace": NAMESPACE}
        ]
        texts["rayjob.yaml"] = template["data"]["rayjob.yaml"]
    for key in objects.keys() - base.keys():
        name = f"{key[0].lower()}-{key[1]}.yaml"
        texts[name] = _dump([objects[key]])
        kustomization["resources"].append(name)
    kustomization["resources"].sort(key=lambda name: (name != "../../base", name))
    same = {key for key in base.keys() & objects.keys() if base[key] == objects[key]}
    changed = sorted(base.keys() & objects.keys() - same - {("ConfigMap", TEMPLATE)})
    patches: list[Document] = [
        {"patch": _deletion(base[key])} for key in sorted(base.keys() - objects.keys())
    ]
    if changed:
        patches.append({"path": "changed.yaml"})
        texts["changed.yaml"] = _dump([objects[key] for key in changed])
    if patches:
        kustomization["patches"] = patches
    return {"kustomization.yaml": OVERLAY_HEAD + _dump([kustomization]), **texts}


def _generator(template: Document) -> Document:
    return {
        "name": TEMPLATE,
        "files": ["rayjob.yaml"],
        "options": {"disableNameSuffixHash": True, "labels": template["metadata"]["labels"]},
    }


def _deletion(document: Document) -> str:
    kept = {key: document[key] for key in ("apiVersion", "kind")}
    name = {key: document["metadata"][key] for key in ("name", "namespace")}
    return yaml.safe_dump({**kept, "metadata": name, "$patch": "delete"}, sort_keys=False)


def _file_of(document: Document) -> str:
    kinds = {"NetworkPolicy": "network.yaml", "PodDisruptionBudget": "disruption.yaml"}
    return kinds.get(document["kind"], "access.yaml")


class _Indented(yaml.SafeDumper):
    """Lists are indented and texts of several lines are blocks, as in the rest of the repository."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  # PyYAML's
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Indented.add_representer(str, _text)


def _dump(documents: list[Document]) -> str:
    texts: Iterator[str] = (
        yaml.dump(each, Dumper=_Indented, sort_keys=False, width=120, allow_unicode=True)
        for each in documents
    )
    return "---\n".join(texts)


def _by_hand(path: Path) -> bool:
    return path.name == "variants.yaml" or path == KUSTOMIZE / "base" / "namespace.yaml"


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Document:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


if __name__ == "__main__":
    sys.exit(main())
