"""Metrics are found, alerts fire when they should, dashboards are handed over."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from mintage.engine.ray_metrics import exported_names
from tests.unit.k8s.charts import K8S, Document, cluster_of, groups, objects, of_kind, ray_objects, variant

# What the Prometheus operator's definitions allow of what is used here; unknown fields are refused.
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
MONITOR = {
    "type": "object",
    "additionalProperties": False,
    "required": ["selector", "podMetricsEndpoints"],
    "properties": {
        "selector": {"type": "object", "additionalProperties": False, "properties": {"matchLabels": TEXTS}},
        "podMetricsEndpoints": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "port": {"type": "string"},
                    "interval": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"},
                    "relabelings": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "sourceLabels": {"type": "array"},
                                "targetLabel": {"type": "string"},
                            },
                        },
                    },
                },
            },
        },
    },
}
RULES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["groups"],
    "properties": {
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "rules"],
                "properties": {
                    "name": {"type": "string"},
                    "rules": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["alert", "expr", "labels", "annotations"],
                            "properties": {
                                "alert": {"type": "string"},
                                "expr": {"type": "string"},
                                "for": {"type": "string", "pattern": "^[0-9]+(s|m|h)$"},
                                "labels": TEXTS,
                                "annotations": TEXTS,
                            },
                        },
                    },
                },
            },
        }
    },
}
promtool = pytest.mark.prometheus

FIRING = """\
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'ray_node_mem_used{namespace="synth",ray_io_cluster="a",instance="x"}', values: '95x20'}
      - {series: 'ray_node_mem_total{namespace="synth",ray_io_cluster="a",instance="x"}', values: '100x20'}
      - {series: 'ray_node_mem_used{namespace="synth",ray_io_cluster="b",instance="y"}', values: '50x20'}
      - {series: 'ray_node_mem_total{namespace="synth",ray_io_cluster="b",instance="y"}', values: '100x20'}
    alert_rule_test:
      - {eval_time: 4m, alertname: MintageNodeShortOfMemory, exp_alerts: []}
      - eval_time: 10m
        alertname: MintageNodeShortOfMemory
        exp_alerts:
          - exp_labels: {ray_io_cluster: a, instance: x, severity: warning}
            exp_annotations:
              summary: A node of a uses 95% of its memory
              action: Ray ends workers above its own threshold. Give the group more memory.
  - interval: 1m
    input_series:
      - {series: 'STATUS{namespace="synth",name="a-1",deployment_status="Failed"}', values: '1x5'}
      - {series: 'STATUS{namespace="else",name="b-1",deployment_status="Failed"}', values: '1x5'}
      - {series: 'STATUS{namespace="synth",name="c-1",deployment_status="Complete"}', values: '1x5'}
    alert_rule_test:
      - eval_time: 2m
        alertname: MintageJobFailed
        exp_alerts:
          - exp_labels: {name: a-1, severity: critical}
            exp_annotations:
              summary: The job a-1 failed
              action: mintage status and mintage logs say why. Submitting it again goes on where it stopped.
""".replace("STATUS", "kuberay_job_deployment_status")


def rules() -> Document:
    """The spec of the alert rules, which is also a file of rules for Prometheus itself."""
    (rule,) = of_kind(variant("everything"), "PrometheusRule")
    spec: Document = rule["spec"]
    return spec


def known_metrics() -> set[str]:
    """The names under which Prometheus finds Mintage's metrics."""
    names = exported_names()
    histograms = {
        f"{name}{part}"
        for name, kind in names.items()
        if kind == "histogram"
        for part in ("_bucket", "_sum", "_count")
    }
    return {*names, *histograms}


def test_the_prometheus_operator_knows_every_field() -> None:
    (monitor,) = of_kind(variant("everything"), "PodMonitor")
    jsonschema.validate(monitor["spec"], MONITOR)
    jsonschema.validate(rules(), RULES)
    for each in (*of_kind(variant("everything"), "PrometheusRule"), monitor):
        assert each["metadata"]["labels"]["release"] == "kps"


def test_every_port_that_is_read_is_one_of_a_pod_s() -> None:
    (monitor,) = of_kind(variant("everything"), "PodMonitor")
    wanted = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    for ray_object in ray_objects(variant("everything")):
        for name, group in groups(cluster_of(ray_object)):
            labels = group["template"]["metadata"]["labels"]
            assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
            ports = {port["name"] for port in group["template"]["spec"]["containers"][0]["ports"]}
            assert wanted & ports == (wanted if name == "head" else {"metrics"})


def test_alerts_tell_what_to_do_and_how_bad_it_is() -> None:
    alerts = [rule for group in rules()["groups"] for rule in group["rules"]]
    assert len({alert["alert"] for alert in alerts}) == len(alerts) > 5
    for alert in alerts:
        assert alert["annotations"].keys() == {"summary", "action"}, alert["alert"]
        assert alert["labels"]["severity"] in {"info", "warning", "critical"}


def test_metrics_of_mintage_in_alerts_exist() -> None:
    named = set(re.findall(r"\bray_mintage_\w+", json.dumps(rules())))
    assert named
    assert named - known_metrics() == set()


@promtool
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()))
    done = subprocess.run(
        ["promtool", "check", "rules", str(tmp_path / "rules.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_alerts_of_the_cluster_fire_for_what_they_are_about(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()))
    (tmp_path / "tests.yaml").write_text(FIRING)
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_dashboard_is_handed_to_grafana() -> None:
    found = {
        name: json.loads(text)
        for each in of_kind(variant("everything"), "ConfigMap")
        if "grafana_dashboard" in each["metadata"]["labels"]
        for name, text in each["data"].items()
    }
    assert found
    assert found.keys() == {path.name for path in (K8S / "dashboards").glob("*.json")}
    assert all(dashboard["title"] for dashboard in found.values())


def test_nothing_of_prometheus_is_there_unless_it_is_asked_for() -> None:
    kinds = {each["kind"] for each in objects({})}
    assert not kinds & {"PodMonitor", "PrometheusRule"}
    assert not [
        each
        for each in of_kind(objects({}), "ConfigMap")
        if "grafana_dashboard" in each["metadata"]["labels"]
    ]
