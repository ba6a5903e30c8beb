"""`mintage serve` as a process of its own, on a local Ray: asked over HTTP, stopped by SIGTERM."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from mintage.contracts import mark_of
from mintage.serving.wire import ARROW
from tests.unit.serving.sites import DataSet, Reply, Site

pytestmark = pytest.mark.ray

TOKEN = "a token of the tests"
ROWS = 40_000


class Server(NamedTuple):
    """A running `mintage serve`."""

    site: Site
    process: subprocess.Popen[str]
    told: dict[str, Any]

    def sample(self, *, accept: str = ARROW, **asked: object) -> Reply:
        headers = {"authorization": f"Bearer {TOKEN}", "accept": accept}
        return self.site.ask("POST", "/v1/models/people/sample", json.dumps(asked).encode(), headers)


def free_port() -> int:
    """A port that Ray takes for none of its own: those are from 10,002 to 19,999, or from 32,768 on."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def start(*arguments: str, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from mintage.cli import main; main()", "serve", "--json", *arguments]
    # Ray's processes step back for all others by default; on a busy machine they would start for minutes.
    environment = {**os.environ, "MINTAGE_HOME": str(home), "RAY_worker_niceness": "0"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.fixture(scope="module")
def server(people: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this module; the last one stops it."""
    folder, port = tmp_path_factory.mktemp("serving"), free_port()
    tokens = folder / "tokens"
    tokens.write_text(f"sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
    config = folder / "serving.yaml"
    spec = {
        "models": {"people": people.spec()},
        "port": port,
        "cpus": 0.5,
        "authentication": {"file": str(tokens)},
        "limits": {"rows": 2_000_000, "concurrent": 4, "queued": 4},
    }
    config.write_text(yaml.safe_dump(spec))
    process = start(str(config), home=folder)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if '"url"' not in line:
            raise AssertionError(line + process.communicate()[1])
        yield Server(Site(port), process, json.loads(line))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_it_tells_where_it_serves(server: Server) -> None:
    assert server.told["url"] == f"http://127.0.0.1:{server.site.port}"
    assert server.told["models"] == ["people"]
    assert server.site.get("/healthz").status == 200
    assert server.site.get("/v1/models").status == 401
    [model] = server.site.get("/v1/models", authorization=f"Bearer {TOKEN}").json["models"]
    assert model["provenance"]["version"] == 1


def test_rows_come_as_arrow_and_json_and_follow_from_the_seed(server: Server) -> None:
    asked: dict[str, Any] = {"rows": 100, "seed": 5, "where": {"sex": "M"}}
    table = server.sample(**asked).table
    assert table.to_pylist() == server.sample(accept="application/x-ndjson", **asked).lines
    assert set(table["sex"].to_pylist()) == {"M"}
    assert mark_of(table.schema)["synthetic"] == "true"


def test_errors_pass_as_they_are(server: Server) -> None:
    assert server.sample(rows=0).status == 422
    assert server.sample(rows=1, columns=["x"] * 40_000).status == 413
    reply = server.site.ask("POST", "/v1/models/other/sample", b"{}", {"authorization": f"Bearer {TOKEN}"})
    assert (reply.status, reply.json["message"]) == (404, "there is no model 'other'")


def test_many_ask_at_once_and_each_gets_its_own_rows(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: server.sample(rows=500, seed=number % 4), range(8)))
    assert [reply.status for reply in replies] == [200] * 8
    tables = [reply.table for reply in replies]
    assert all(tables[number].equals(tables[number + 4]) for number in range(4))
    assert not tables[0].equals(tables[1])


def test_beyond_the_queue_requests_are_told_to_come_again(server: Server) -> None:
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda number: server.sample(rows=ROWS, seed=number), range(16)))
    refused = [reply for reply in replies if reply.status != 200]
    assert {reply.status for reply in refused} == {429}
    assert all(reply.headers["retry-after"] == "1" for reply in refused)
    assert len(refused) <= 16 - 8
    assert all(reply.table.num_rows == ROWS for reply in replies if reply.status == 200)


def test_client_that_leaves_stops_the_drawing(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.site.port, timeout=30)
    body = json.dumps({"rows": 2_000_000, "seed": 1}).encode()
    headers = {"authorization": f"Bearer {TOKEN}", "accept": ARROW}
    connection.request("POST", "/v1/models/people/sample", body, headers)
    assert len(connection.getresponse().read(1000)) == 1000
    assert server.site.get("/readyz").json["answering"] == 1
    connection.close()
    server.site.wait_until(lambda state: state["answering"] == 0)


def test_sigterm_lets_requests_end_and_exits_with_0(server: Server) -> None:
    replies: list[Reply] = []
    asking = threading.Thread(target=lambda: replies.append(server.sample(rows=ROWS, seed=2)))
    asking.start()
    server.site.wait_until(lambda state: state["answering"] == 1)
    server.process.send_signal(signal.SIGTERM)
    asking.join()
    assert replies[0].table.num_rows == ROWS
    assert server.process.wait(60) == 0
    with pytest.raises(ConnectionRefusedError):
        server.site.get("/healthz")


def test_tampered_data_set_is_refused_before_ray_starts(people: DataSet, tmp_path: Path) -> None:
    shutil.copytree(people.uri, tmp_path / "copy")
    model = next((tmp_path / "copy").glob("_mintage/model/*/*"))
    model.write_bytes(model.read_bytes() + b" ")
    process = start("--model", f"people={tmp_path / 'copy'}", "--key", str(people.key), home=tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "does not have the digest" in json.loads(out)["error"]["message"]
