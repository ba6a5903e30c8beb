"""A real Ray cluster of one node with its Jobs API, on ports of its own, stopped by its process ids."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

START_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class RayHead:
    """A running head node; `address` is that of its Jobs API, `port` that of the cluster itself."""

    address: str
    port: int
    token: str = field(repr=False)
    folder: Path

    def drivers(self) -> list[psutil.Process]:
        """The processes that run submitted jobs of ours."""
        return [
            process
            for process in psutil.process_iter()
            if _has_words(process, "mintage.jobs.client.entrypoint")
            and _environment(process).get("RAY_ADDRESS", "").endswith(f":{self.port}")
        ]


@pytest.fixture(scope="session")
def ray_head() -> Iterator[RayHead]:
    """A cluster of two CPUs that wants a token."""
    with start_head(cpus=2) as head:
        yield head


@contextmanager
def start_head(*, cpus: int) -> Iterator[RayHead]:
    """A head node while the body runs; only whoever has its token may talk to it."""
    # Sockets lie in it: their paths may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="mtg-", dir="/tmp"))
    gcs, dashboard, client, agent = _free_ports(4)
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--disable-usage-stats"),
        *(f"--port={gcs}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"),
        *(f"--dashboard-agent-listen-port={agent}", "--node-ip-address=127.0.0.1"),
        *(f"--num-cpus={cpus}", "--object-store-memory=100000000", f"--temp-dir={folder}"),
    ]
    address = f"http://127.0.0.1:{dashboard}"
    try:
        # Not with --block: that ends everything when one part of it is late, as on a busy machine.
        subprocess.run(
            command,
            env=_own_environment(token, folder),
            check=True,
            timeout=START_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        _await(address, token)
        yield RayHead(address=address, port=gcs, token=token, folder=folder)
    finally:
        _stop(folder, gcs)
        shutil.rmtree(folder, ignore_errors=True)


def _own_environment(token: str, folder: Path) -> Mapping[str, str]:
    """Jobs say `python`: it must be this one."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {
        **os.environ,
        "PATH": path,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "MINTAGE_HOME": str(folder / "home"),
    }


def _await(address: str, token: str) -> None:
    until = time.monotonic() + START_SECONDS
    request = urllib.request.Request(f"{address}/api/version", headers={"Authorization": f"Bearer {token}"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except (urllib.error.URLError, OSError) as exc:
            if time.monotonic() > until:
                raise RuntimeError(f"Ray at {address} did not start") from exc
            time.sleep(0.2)


def _stop(folder: Path, port: int) -> None:
    """Kill what belongs to the cluster: it names the folder or the port, or descends from what does."""
    family: set[psutil.Process] = set()
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            if process.pid != os.getpid() and (str(folder) in words or f":{port}" in words):
                family |= {process, *process.children(recursive=True)}
        except psutil.Error:
            continue
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=10)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def _has_words(process: psutil.Process, words: str) -> bool:
    try:
        return words in process.cmdline()
    except psutil.Error:
        return False


def _environment(process: psutil.Process) -> Mapping[str, str]:
    try:
        values: dict[str, str] = process.environ()
    except psutil.Error:
        return {}
    return values
