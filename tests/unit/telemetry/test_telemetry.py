"""Traces and metrics of a job: there with an SDK, silent without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# An SDK is set once for a whole process, so the job runs in one of its own.
_WATCHED = """
import json, sys
import polars as pl
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))

import mintage

mintage.run(
    {
        "name": "watched", "generator": {"kind": "tabular.marginals"}, "rows": 300,
        "validate": [{"kind": "range", "column": "n", "min": 10}],
        "sink": {"uri": sys.argv[1], "shard_rows": 100}, "resources": {"executor": "inline"},
        "evaluation": {"metrics": []},
        "telemetry": {"attributes": {"team": "risk"}},
    },
    source=pl.DataFrame({"n": list(range(40)) * 5}),
)
points = [
    (metric.name, dict(point.attributes), point.value)
    for resource in reader.get_metrics_data().resource_metrics
    for scope in resource.scope_metrics
    for metric in scope.metrics
    for point in metric.data.data_points
    if hasattr(point, "value")
]
names = [(span.name, dict(span.attributes)) for span in spans.get_finished_spans()]
print(json.dumps({"spans": names, "points": points}))
"""


def test_a_job_has_spans_for_its_phases_and_counters_for_its_rows(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WATCHED, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    names = [name for name, _ in seen["spans"]]
    assert names.count("mintage.shard") == 3
    assert {"mintage.run", "mintage.read", "mintage.fit", "mintage.mint", "mintage.attest"} <= set(names)
    assert next(attributes for name, attributes in seen["spans"] if name == "mintage.run")["team"] == "risk"
    accepted = [value for name, _, value in seen["points"] if name == "mintage.rows.accepted"]
    rejected = [(a["mintage.reason"], v) for name, a, v in seen["points"] if name == "mintage.rows.rejected"]
    assert accepted == [300]
    assert rejected[0][0] == "range:n"
    assert rejected[0][1] > 20


def test_without_an_sdk_nothing_is_printed_or_sent(tmp_path: Path) -> None:
    code = (
        _WATCHED.split("spans, reader")[0]
        + "import mintage\n"
        + _WATCHED.split("import mintage\n")[1].split("points = ")[0]
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
