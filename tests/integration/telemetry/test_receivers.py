"""What becomes of a run whose receiver speaks HTTP, is away, or was never asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.otlp_receiver import http_receiver
from tests.integration.telemetry.conftest import PROGRAM, ROWS, SHARDS, make_spec, quiet_environment

_INLINE = {"executor": "inline"}


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    spec = json.dumps(make_spec(folder, resources=_INLINE, audit={"shards": 0}))
    return subprocess.run(
        [sys.executable, str(PROGRAM), "run", spec],
        env=quiet_environment(MINTAGE_HOME=str(folder / "home"), **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_receiver_may_speak_http(tmp_path: Path) -> None:
    with http_receiver() as (endpoint, received):
        done = run(
            tmp_path,
            MINTAGE_TELEMETRY="otlp",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(received.named("mintage.shard")) == SHARDS
    assert received.total("mintage.rows.accepted") == ROWS


def test_a_receiver_that_is_away_is_told_of_once_and_the_run_is_done(tmp_path: Path) -> None:
    started = time.monotonic()
    done = run(tmp_path, MINTAGE_TELEMETRY="otlp", OTEL_EXPORTER_OTLP_ENDPOINT="http://name:word@127.0.0.1:9")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["summary"]["rows"] == ROWS
    assert told["warnings"] == [
        "traces and metrics do not arrive at http://127.0.0.1:9; the run is not affected by that"
    ]
    assert time.monotonic() - started < 60


def test_nothing_is_sent_or_loaded_by_default(tmp_path: Path) -> None:
    watched = f"""
import socket, sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        raise AssertionError((event, arguments[1:]))
sys.addaudithook(refuse)
sys.argv = ["program.py", "run", sys.argv[1]]
sys.path.insert(0, {str(PROGRAM.parent)!r})
import program
program.run(sys.argv[2])
"""
    spec = json.dumps(make_spec(tmp_path, resources=_INLINE, audit={"shards": 0}))
    done = subprocess.run(
        [sys.executable, "-c", watched, spec],
        env=quiet_environment(
            MINTAGE_HOME=str(tmp_path / "home"), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    loaded = json.loads(done.stdout)["modules"]
    assert not [
        name for name in loaded if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "grpc"))
    ]
