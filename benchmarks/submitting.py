"""How long a cluster keeps a person waiting: a tiny job handed over, beside an empty script."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from environment import Setting

START_SECONDS = 180
ROWS = 1000


def measure(setting: Setting) -> dict[str, object]:
    """Seconds until `mintage submit --wait` has its first commit, and its end; of `ray job submit`, its end.

    Both in turns on one Ray of two CPUs; the job learns from and mints 1,000 rows in its own process.
    """
    with tempfile.TemporaryDirectory(prefix="mtg-", dir="/tmp") as name:
        folder = Path(name)
        rows = "".join(f"{18 + number % 70},{'FM'[number % 2]}\n" for number in range(ROWS))
        (folder / "people.csv").write_text(f"age,sex\n{rows}")
        with _ray(folder) as (address, environment):
            _empty(address, environment)  # the first one of a cluster starts its agents too
            taken: dict[str, list[float]] = {"empty": [], "commit": [], "end": []}
            for number in range(setting.runs):
                taken["empty"].append(_empty(address, environment))
                commit, end = _job(folder, number, address, environment)
                taken["commit"].append(commit)
                taken["end"].append(end)
    seconds = {name: statistics.median(values) for name, values in taken.items()}
    return {
        "ray_job_submit_empty_seconds": round(seconds["empty"], 2),
        "submit_to_first_commit_seconds": round(seconds["commit"], 2),
        "submit_to_end_seconds": round(seconds["end"], 2),
        "overhead_seconds": round(seconds["end"] - seconds["empty"], 2),
    }


def _empty(address: str, environment: Mapping[str, str]) -> float:
    started = time.monotonic()
    _run(["ray", "job", "submit", "--address", address, "--", "python", "-c", "pass"], environment)
    return time.monotonic() - started


def _job(folder: Path, number: int, address: str, environment: Mapping[str, str]) -> tuple[float, float]:
    spec = {
        "name": "people",
        "seed": number,
        "source": {"uri": str(folder / "people.csv")},
        "generator": {"kind": "tabular.marginals"},
        "rows": ROWS,
        "sink": {"uri": str(folder / f"out-{number}")},
        "evaluation": {"metrics": []},
        "resources": {"executor": "inline"},
    }
    path = folder / "people.json"
    path.write_text(json.dumps(spec))
    began, started = time.time(), time.monotonic()
    _run(["mintage", "submit", str(path), "--address", address, "--wait"], environment)
    end = time.monotonic() - started
    [commit] = (folder / f"out-{number}" / "_mintage" / "commits").rglob("*.json")
    return commit.stat().st_mtime - began, end


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    tool = str(Path(sys.executable).parent / command[0])
    subprocess.run(
        [tool, *command[1:]],
        check=True,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def _ray(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """A head node with its Jobs API while the body runs, stopped by its process ids."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        gcs, dashboard, client, agent = (one.getsockname()[1] for one in sockets)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "RAY_AUTH_MODE": "disabled",
        "MINTAGE_HOME": str(folder / "home"),
    }
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"),
        *(f"--port={gcs}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"),
        *(f"--dashboard-agent-listen-port={agent}", "--node-ip-address=127.0.0.1", "--num-cpus=2"),
        *("--object-store-memory=100000000", f"--temp-dir={folder / 'ray'}"),
    ]
    process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{dashboard}"
    try:
        _await(f"{address}/api/version")
        yield address, environment
    finally:
        family = process.children(recursive=True)
        process.terminate()
        process.wait(timeout=30)
        for one in family:
            if one.is_running():
                one.kill()
        psutil.wait_procs(family, timeout=10)


def _await(url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
