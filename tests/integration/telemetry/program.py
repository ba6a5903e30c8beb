"""What the tests run as processes of their own: one that submits, and the driver that it starts.

python program.py submit|run <spec as JSON>
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import mintage
from mintage.engine import events
from mintage.jobs.calls import observed_call
from mintage.telemetry import carrier, continued

METRICS_PORT = "TEST_METRICS_PORT"


def submit(spec: str) -> int:
    """Start the driver as a cluster would: the span travels in its environment."""
    with observed_call("submit", {"mintage.job": json.loads(spec)["name"]}):
        carried = {name.upper(): value for name, value in carrier().items()}
        command = [sys.executable, __file__, "run", spec]
        return subprocess.run(command, env={**os.environ, **carried}, check=False).returncode


def run(spec: str) -> int:
    """Mint, tell what came of it, and stay until whoever reads the metrics has read them."""
    warnings: list[str] = []

    def hear(event: events.Event) -> None:
        if isinstance(event, events.Warned):
            warnings.append(event.message)

    if METRICS_PORT in os.environ:
        _start_ray(int(os.environ[METRICS_PORT]))
    with continued(os.environ):
        result = mintage.run(json.loads(spec), on_event=hear)
    told = {"summary": dict(result.summary), "warnings": warnings, "modules": sorted(sys.modules)}
    print(json.dumps(told, default=str), flush=True)
    if METRICS_PORT in os.environ:
        sys.stdin.read(1)
    return 0


def _start_ray(port: int) -> None:
    """A cluster whose own environment knows nothing of telemetry: workers must be told by the driver."""
    import ray

    held = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("MINTAGE_", "OTEL_"))}
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100_000_000,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _metrics_export_port=port,
        _system_config={"metrics_report_interval_ms": 3000},
    )
    os.environ.update(held)


if __name__ == "__main__":
    sys.exit({"submit": submit, "run": run}[sys.argv[1]](sys.argv[2]))
