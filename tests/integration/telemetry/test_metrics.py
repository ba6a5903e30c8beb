"""Metrics of a run, once through OpenTelemetry and once through Ray for Prometheus."""

from __future__ import annotations

import re

import pytest

from mintage.engine.ray_metrics import exported_names
from tests.integration.telemetry.conftest import ROWS, SHARDS, ObservedRun

pytestmark = pytest.mark.ray

_SAMPLE = re.compile(r"^(ray_mintage_\w+)\{(.*)\} (\S+)$", re.MULTILINE)
_OWN = re.compile(r'mintage_(\w+)="([^"]*)"')


def prometheus_total(run: ObservedRun, name: str, **labels: str) -> float:
    return sum(
        float(value)
        for found, held, value in _SAMPLE.findall(run.prometheus)
        if found == name and labels.items() <= dict(_OWN.findall(held)).items()
    )


def test_rows_add_up_to_those_of_the_run_exactly(observed_run: ObservedRun) -> None:
    rejected = sum(observed_run.summary["rejected"].values())
    assert rejected > 100
    received = observed_run.received
    assert received.total("mintage.rows.accepted", job="seen", table="seen") == ROWS
    assert received.total("mintage.rows.rejected", reason="range:n") == rejected
    assert received.total("mintage.shards.committed") == SHARDS
    assert received.total("mintage.parts.written") == observed_run.summary["bytes"]
    assert prometheus_total(observed_run, "ray_mintage_rows_accepted_total", job="seen", table="seen") == ROWS
    assert prometheus_total(observed_run, "ray_mintage_rows_rejected_total", reason="range:n") == rejected
    assert prometheus_total(observed_run, "ray_mintage_shards_committed_total") == SHARDS


def test_seconds_come_from_the_workers(observed_run: ObservedRun) -> None:
    counts = observed_run.received.counts
    assert sum(n for (_, name, _), n in counts.items() if name == "mintage.shard.duration") == SHARDS
    stages = {
        dict(labels).get("mintage.stage") for _, name, labels in counts if name.endswith("stage.duration")
    }
    assert stages == {"sample", "validate", "write", "commit"}


def test_the_queue_is_empty_and_no_phase_is_on_in_the_end(observed_run: ObservedRun) -> None:
    received = observed_run.received
    assert received.total("mintage.queue.depth", state="done") == SHARDS
    assert received.total("mintage.queue.depth", state="waiting") == 0
    assert received.total("mintage.run.active") == 0
    assert received.total("mintage.runs.finished", outcome="succeeded") == 1


def test_prometheus_finds_metrics_under_the_names_that_are_documented(observed_run: ObservedRun) -> None:
    types = dict(re.findall(r"^# TYPE (ray_mintage_\w+) (\w+)$", observed_run.prometheus, re.MULTILINE))
    assert types.items() <= exported_names().items()
    assert len(types) >= 10


def test_gauges_stay_while_nothing_changes(observed_run: ObservedRun) -> None:
    for name in ("ray_mintage_run_active{", "ray_mintage_queue_depth{", "ray_mintage_workers{"):
        assert name in observed_run.prometheus
        assert name in observed_run.later


def test_labels_have_few_values(observed_run: ObservedRun) -> None:
    for _, held, _ in _SAMPLE.findall(observed_run.prometheus):
        assert {name for name, _ in _OWN.findall(held)} <= {
            "job", "table", "reason", "state", "phase", "outcome", "stage", "cause", "currency"
        }  # fmt: skip
    assert observed_run.summary["run_id"] not in observed_run.prometheus
