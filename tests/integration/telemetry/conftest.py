"""One run on Ray whose traces, metrics and logs all tests of this folder read."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.integration.otlp_receiver import Received, grpc_receiver

PROGRAM = Path(__file__).with_name("program.py")
SECRET = "hunter2-never-shown"
ROWS, SHARDS = 6000, 6
_METRICS_SECONDS = 90.0


def make_spec(folder: Path, **more: object) -> dict[str, Any]:
    """A job of six shards with a rule that rejects about half of what is drawn."""
    source = folder / "source.parquet"
    pl.DataFrame({"n": list(range(40)) * 5}).write_parquet(source)
    return {
        "name": "seen",
        "source": {"uri": str(source)},
        "generator": {"kind": "tabular.marginals"},
        "rows": ROWS,
        "validate": [{"kind": "range", "column": "n", "min": 20}],
        "sink": {"uri": str(folder / "out"), "shard_rows": ROWS // SHARDS},
        "evaluation": {"metrics": []},
        "telemetry": {"attributes": {"team": "risk"}},
        "audit": {"shards": 1},
        **more,
    }


def quiet_environment(**more: str) -> dict[str, str]:
    """This process's environment without telemetry of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "MINTAGE_", "TRACEPARENT"))}
    return {**kept, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRun:
    """What came out of a run that was watched in every way."""

    received: Received
    summary: Mapping[str, Any]
    prometheus: str
    later: str
    """The same eight seconds after, when nothing has changed any more."""
    log: str


@pytest.fixture(scope="session")
def observed_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedRun]:
    """Submit a job to a Ray of its own, with everything switched on."""
    folder = tmp_path_factory.mktemp("seen")
    spec = make_spec(folder, resources={"executor": "ray", "workers": 2, "cpus_per_worker": 0.5})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with grpc_receiver() as (endpoint, received):
        environment = quiet_environment(
            MINTAGE_TELEMETRY="otlp",
            MINTAGE_LOG="json",
            MINTAGE_HSM_PIN=SECRET,
            MINTAGE_HOME=str(folder / "home"),
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_EXPORTER_OTLP_HEADERS=f"api-key={SECRET}",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
            TEST_METRICS_PORT=str(port),
        )
        with subprocess.Popen(
            [sys.executable, str(PROGRAM), "submit", json.dumps(spec)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            prometheus = _scrape(port) if line else ""
            time.sleep(8)  # longer than Ray keeps a gauge: two reports of three seconds
            later = _read(port) if line else ""
            _, log = process.communicate("x", timeout=120)
        assert process.returncode == 0, log
        summary = json.loads(line)["summary"]
        yield ObservedRun(received=received, summary=summary, prometheus=prometheus, later=later, log=log)


def _scrape(port: int) -> str:
    """What Prometheus would read once the driver has reported all of its rows."""
    deadline = time.monotonic() + _METRICS_SECONDS
    text = ""
    while time.monotonic() < deadline:
        text = _read(port)
        if "ray_mintage_runs_finished_total{" in text:
            break
        time.sleep(0.2)
    return text


def _read(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        body: bytes = answer.read()
    return body.decode()
