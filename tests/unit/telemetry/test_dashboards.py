"""Dashboards and alert rules: written by their generator, of metrics that are really exported."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from mintage.engine.ray_metrics import exported_names
from mintage.telemetry import INSTRUMENTS

_NAME = re.compile(r"\bray_[a-z0-9_]+")
_BUCKETS = ("_bucket", "_sum", "_count")
# Ray's own, as a cluster of Ray 2.60 exports them (those of GPUs only where there is one).
_RAYS = {
    "ray_node_cpu_utilization": "gauge",
    "ray_node_gpus_utilization": "gauge",
    "ray_node_mem_total": "gauge",
    "ray_node_mem_used": "gauge",
    "ray_resources": "gauge",
}


@pytest.fixture(scope="module")
def generator(repository: Path) -> ModuleType:
    """The program that writes the dashboards, as a module."""
    spec = importlib.util.spec_from_file_location("generate", repository / "k8s/dashboards/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def serving_names(repository: Path) -> dict[str, str]:
    """The metrics of `mintage serve`, as its code makes them: `Counter("mintage_serve_…", …)`."""
    kinds = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram"}
    found = {}
    for path in (repository / "platform/mintage/serving").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                kind = kinds[node.func.id]
                for name in (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)):
                    found[f"ray_{name!s}" + ("_total" if kind == "counter" else "")] = kind
    return found


def expressions(repository: Path) -> Iterator[str]:
    """All PromQL of dashboards and rules."""
    for path in (repository / "k8s/dashboards").glob("*.json"):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            yield from (target["expr"] for target in panel["targets"])
    rules: Any = yaml.safe_load((repository / "k8s/alerts/mintage.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def test_the_dashboards_are_what_their_generator_writes(repository: Path, generator: ModuleType) -> None:
    checked_in = {
        path.name: path.read_text(encoding="utf-8") for path in (repository / "k8s/dashboards").glob("*.json")
    }
    assert checked_in == generator.files()


def test_every_metric_that_is_asked_for_is_exported(repository: Path) -> None:
    exported = {**exported_names(), **serving_names(repository), **_RAYS}
    for expression in expressions(repository):
        names = set(_NAME.findall(expression))
        assert names, expression
        for name in names:
            whole = next((name.removesuffix(end) for end in _BUCKETS if name.endswith(end)), name)
            kind = exported.get(name) or exported[whole]
            assert (kind == "histogram") == (whole != name and name not in exported), name
            if kind == "counter":
                assert re.search(rf"(rate|increase|sum by \([\w, ]+\)) ?\({name}", expression), expression


def test_every_label_that_is_asked_for_is_one_of_the_metric(repository: Path) -> None:
    known = {label.replace(".", "_") for one in INSTRUMENTS.values() for label in one.labels}
    for expression in expressions(repository):
        assert set(re.findall(r"\bmintage_[a-z]+\b", expression)) <= known | {"mintage_job"}, expression


def test_every_metric_of_ours_is_on_a_dashboard(repository: Path) -> None:
    asked = " ".join(expressions(repository))
    assert [name for name in exported_names() if name not in asked] == []


@pytest.mark.prometheus
def test_the_alerts_fire_when_they_should(repository: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None, "install Debian's prometheus"
    for command in (["check", "rules", "mintage.yaml"], ["test", "rules", "tests.yaml"]):
        done = subprocess.run(
            [promtool, *command],
            cwd=repository / "k8s/alerts",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_every_expression_is_promql(repository: Path, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None, "install Debian's prometheus"
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$__rate_interval", "5m", expression)}
        for number, expression in enumerate(expressions(repository))
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(
        [promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
