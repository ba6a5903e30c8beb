"""What is rendered from the chart is as the chart has it: kustomize's folders, and the page of its values."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.unit.k8s.charts import K8S, Document, of_kind

OVERLAYS = sorted(folder.name for folder in (K8S / "kustomize" / "overlays").iterdir())


@pytest.fixture(scope="module")
def renderer() -> ModuleType:
    """k8s/render.py, which is a script and no part of a package."""
    spec = importlib.util.spec_from_file_location("k8s_render", K8S / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_folders_hold_what_the_chart_renders(renderer: ModuleType) -> None:
    files: dict[Path, str] = renderer.files()
    assert {path.relative_to(K8S).parts[:2] for path in files} == {
        ("kustomize", "base"),
        ("kustomize", "overlays"),
    }
    by_hand = {K8S / "kustomize" / "variants.yaml", K8S / "kustomize" / "base" / "namespace.yaml"}
    assert set((K8S / "kustomize").rglob("*.yaml")) - by_hand == files.keys(), "run `make k8s`"
    assert [path for path, text in files.items() if path.read_text(encoding="utf-8") != text] == [], (
        "run `make k8s`"
    )


def test_the_page_of_values_is_the_chart_s() -> None:
    done = subprocess.run([sys.executable, str(K8S / "describe.py"), "--check"], check=False)
    assert done.returncode == 0, "run `make k8s`"


def test_every_variant_has_a_folder() -> None:
    variants = yaml.safe_load((K8S / "kustomize" / "variants.yaml").read_text(encoding="utf-8"))
    assert sorted(variants["overlays"]) == OVERLAYS


def test_nothing_tells_of_helm_where_helm_is_not_used() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (K8S / "kustomize").rglob("*.yaml")]
    assert len(texts) > len(OVERLAYS)
    assert not [text for text in texts if "Helm" in text or "helm.sh" in text]


@pytest.mark.parametrize(
    "folder",
    [
        "base",
        "overlays/kueue",
        *(pytest.param(f"overlays/{each}", marks=pytest.mark.slow) for each in OVERLAYS),
    ],
)
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_what_the_chart_renders(renderer: ModuleType, folder: str) -> None:
    built = subprocess.run(
        ["kubectl", "kustomize", str(K8S / "kustomize" / folder)], capture_output=True, text=True, check=True
    ).stdout
    documents = [each for each in yaml.load_all(built, yaml.CSafeLoader) if each]
    namespaces = of_kind(documents, "Namespace")
    assert [each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for each in namespaces] == [
        "restricted"
    ]

    variants = yaml.safe_load((K8S / "kustomize" / "variants.yaml").read_text(encoding="utf-8"))
    values = variants["base"]
    if folder != "base":
        values = renderer._merged(values, variants["overlays"][folder.partition("/")[2]])
    wanted: dict[tuple[str, str], Document] = renderer.render(values)
    found = {
        (each["kind"], each["metadata"]["name"]): each for each in documents if each["kind"] != "Namespace"
    }
    assert found.keys() == wanted.keys()
    for key, document in wanted.items():
        assert found[key] == document, key
