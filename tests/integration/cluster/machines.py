"""Ray clusters of several nodes on this machine, whose nodes are killed as a lost machine is; and drivers."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, Any

import psutil

START_SECONDS = 240
_READY = "This command will now block forever"
_MEMORY = 100_000_000
# A dead node is noticed within three seconds, a busy one is given time.
_HEALTH = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 10_000,
    "health_check_failure_threshold": 3,
}
_COMMAND = (sys.executable, "-c", "from mintage.cli.main import main; main()", "run", "--events")


def until(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for something; fail with its name."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds:.0f} s"
        time.sleep(0.05)


def kill(process: subprocess.Popen[Any]) -> None:
    """End a process and all that it started, without a word, as a power cut does."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        for one in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


@dataclass(slots=True)
class Machines:
    """A head without CPUs, and nodes that come and go. Started by `ray start`, as anywhere."""

    folder: Path
    environment: Mapping[str, str]
    address: str = ""
    client: str = ""
    """The address for drivers outside."""
    nodes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start_head(self) -> None:
        """Start the head, on ports that were free a moment ago."""
        from ray.util import get_node_ip_address

        port, dashboard, client = _free_port(), _free_port(), _free_port()
        self.address = f"{get_node_ip_address()}:{port}"  # type: ignore[no-untyped-call]  # Ray's
        self.client = f"ray://{self.address.rpartition(':')[0]}:{client}"
        ports = (
            f"--port={port}",
            f"--dashboard-port={dashboard}",
            f"--ray-client-server-port={client}",
            "--include-dashboard=false",
        )
        # Sockets have short paths, shorter than those of a test.
        places = (f"--temp-dir={self.folder}", f"--system-config={json.dumps(_HEALTH)}")
        self._start("head", "--head", "--num-cpus=0", *ports, *places)
        self._ready("head")

    def add(self, name: str, cpus: int = 1, labels: str = "", *, wait: bool = True) -> None:
        """Start a node."""
        extra = [f"--labels={labels}"] if labels else []
        self._start(name, f"--address={self.address}", f"--num-cpus={cpus}", *extra)
        if wait:
            self._ready(name)

    def kill(self, name: str) -> None:
        """Take a node away."""
        kill(self.nodes.pop(name))

    def kill_all(self) -> None:
        """Take everything away at once."""
        for name in list(self.nodes):
            self.kill(name)

    def _start(self, name: str, *arguments: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        with log:
            self.nodes[name] = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "ray.scripts.scripts",
                    "start",
                    "--block",
                    "--disable-usage-stats",
                    f"--object-store-memory={_MEMORY}",
                    *arguments,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
            )

    def _ready(self, name: str) -> None:
        log = self.folder / f"{name}.log"

        def started() -> bool:
            said = log.read_text(errors="replace")
            assert self.nodes[name].poll() is None, said
            return _READY in said

        until(started, f"node {name}")


@contextlib.contextmanager
def machines(environment: Mapping[str, str]) -> Iterator[Machines]:
    """A head, until the body ends."""
    folder = Path(tempfile.mkdtemp(prefix="mr-"))
    started = Machines(folder, environment)
    try:
        started.start_head()
        yield started
    finally:
        started.kill_all()
        shutil.rmtree(folder, ignore_errors=True)


class Driver:
    """`mintage run` in a process of its own; `events` grows while it goes on."""

    def __init__(
        self, spec: Mapping[str, Any], folder: Path, environment: Mapping[str, str], address: str
    ) -> None:
        path = folder / f"{spec['name']}.json"
        path.write_text(json.dumps(spec))
        self.sink = Path(spec["sink"]["uri"])
        self.events: list[dict[str, Any]] = []
        self.others: list[str] = []
        self._process = subprocess.Popen(
            [*_COMMAND, str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**environment, "RAY_ADDRESS": address},
            text=True,
            start_new_session=True,
        )
        assert self._process.stderr is not None
        self._reader = Thread(target=self._read, args=(self._process.stderr,), daemon=True)
        self._reader.start()

    def commits(self) -> dict[str, bytes]:
        """The commit records that are in the store."""
        folder = self.sink / "_mintage/commits"
        return {path.name: path.read_bytes() for path in folder.glob("*.json")} if folder.is_dir() else {}

    def wait_for_commits(self, count: int) -> None:
        """Wait until so many shards are committed, while the job goes on."""

        def enough() -> bool:
            assert self._process.poll() is None, self.others
            return len(self.commits()) >= count

        until(enough, f"commit number {count}")

    def warned(self, text: str) -> bool:
        """Whether a warning with this text was told."""
        return any(event["event"] == "Warned" and text in event["message"] for event in list(self.events))

    @property
    def goes_on(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def finish(self, seconds: float = 480) -> None:
        """Wait for an end in order."""
        assert self._process.wait(timeout=seconds) == 0, self.others
        self._reader.join()

    def kill(self) -> None:
        """End it without a word."""
        kill(self._process)
        self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            if line.startswith("{"):
                self.events.append(json.loads(line))
            else:
                self.others.append(line)
