"""What it costs to be watched: the same job with telemetry off, with logs, and with OTLP to a receiver."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from environment import ROOT, Setting

_RECEIVER = """
import sys
from tests.integration.otlp_receiver import grpc_receiver
with grpc_receiver() as (endpoint, received):
    print(endpoint, flush=True)
    sys.stdin.read()
    print(len(received.spans), flush=True)
"""
_SHARD_ROWS = 10_000


def measure(setting: Setting) -> dict[str, object]:
    """Wall and processor seconds of a run in this process, off and on in turns; ratios of the medians.

    The receiver is a process of its own, on this machine. `worst_case` has shards of 100 rows: more is
    told of them than is made.
    """
    rows = 50_000 if setting.quick else 500_000
    with _receiver() as endpoint:
        found = {
            "usual": _compare(setting, endpoint, rows, _SHARD_ROWS),
            "worst_case": _compare(setting, endpoint, rows // 20, 100),
        }
    return {"rows": rows, **found}


def _compare(setting: Setting, endpoint: str, rows: int, shard_rows: int) -> dict[str, object]:
    from mintage.telemetry.switch import stop

    ways = {
        "off": {},
        "otlp": {"MINTAGE_TELEMETRY": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
    }
    wall: dict[str, list[float]] = {way: [] for way in ways}
    work: dict[str, list[float]] = {way: [] for way in ways}
    _run(setting, f"warm-up-{shard_rows}", rows // 10, shard_rows)
    for number in range(setting.runs):
        for way, variables in ways.items():
            os.environ.update(variables)
            started, used = time.perf_counter(), time.process_time()
            _run(setting, f"{way}-{shard_rows}-{number}", rows, shard_rows)
            stop()
            wall[way].append(time.perf_counter() - started)
            work[way].append(time.process_time() - used)
            for name in variables:
                del os.environ[name]
    shards = rows / shard_rows
    off, on = (statistics.median(work[way]) for way in ways)
    return {
        "shards": int(shards),
        "wall_ratio": round(statistics.median(wall["otlp"]) / statistics.median(wall["off"]), 3),
        "cpu_ratio": round(on / off, 3),
        "cpu_milliseconds_per_shard": round((on - off) / shards * 1000, 2),
    }


def _run(setting: Setting, name: str, rows: int, shard_rows: int) -> None:
    import mintage

    spec = setting.spec(f"telemetry-{name}", rows, workers=1, shard_rows=shard_rows)
    mintage.run({**spec, "audit": {"shards": 0}})


@contextlib.contextmanager
def _receiver() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", _RECEIVER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        told, _ = process.communicate("")
        if int(told) == 0:
            raise SystemExit("the receiver got no spans: nothing was measured")
