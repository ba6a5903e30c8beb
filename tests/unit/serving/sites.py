"""What tests of serving share: a small signed data set, a server, and a client."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import uvicorn

import mintage
from mintage.provenance.signing import generate_key
from mintage.serving.app import make_application
from mintage.serving.models import ServedModel
from mintage.serving.wire import ARROW, JSON_LINES
from mintage.spec import ServingSpec


@dataclass(frozen=True)
class DataSet:
    """A data set of people, and the public key that signed it."""

    uri: str
    key: Path

    def spec(self, **more: object) -> dict[str, Any]:
        """How a configuration names its model."""
        return {"uri": self.uri, "trust": [str(self.key)], **more}


def make_people(folder: Path, uri: Path, **more: object) -> DataSet:
    """Learn 500 people, of whom those under 25 are rejected, and sign 100 synthetic ones."""
    rng = np.random.default_rng(11)
    source = folder / "people.parquet"
    frame = pl.DataFrame(
        {
            "age": rng.integers(18, 90, 500),
            "income": rng.normal(4e4, 1e4, 500).round(2),
            "sex": rng.choice(["F", "M"], 500),
        }
    )
    frame.write_parquet(source)
    key = folder / "signer.pem"
    if not key.exists():
        generate_key(key)
    spec = {
        "name": "people",
        "source": {"uri": str(source)},
        "generator": {"kind": "tabular.marginals"},
        "rows": 100,
        "validate": [{"kind": "range", "column": "age", "min": 25}],
        "sink": {"uri": str(uri)},
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": []},
        "signing": {"key": str(key)},
        **more,
    }
    mintage.run(spec)
    return DataSet(str(uri), Path(f"{key}.pub"))


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  # whatever JSON holds
        return json.loads(self.body)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def table(self) -> pa.Table:
        return pa.ipc.open_stream(self.body).read_all()


@dataclass(frozen=True)
class Site:
    """A server to ask."""

    port: int

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, None, headers)

    def sample(self, model: str = "people", *, accept: str = JSON_LINES, **asked: Any) -> Reply:  # noqa: ANN401  # JSON
        """Rows of a model."""
        body = json.dumps(asked).encode()
        return self.ask("POST", f"/v1/models/{model}/sample", body, {"accept": accept})

    def arrow(self, **asked: Any) -> pa.Table:  # noqa: ANN401  # JSON
        reply = self.sample(accept=ARROW, **asked)
        assert reply.status == 200, reply.body
        return reply.table

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            sent = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, sent, answer.read())
        finally:
            connection.close()

    def wait_until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The state of the replica once it is as it is waited for."""
        deadline = time.monotonic() + 20
        while not condition(state := self.get("/readyz").json):
            assert time.monotonic() < deadline, state
            time.sleep(0.01)
        return dict(state)


@contextmanager
def running(spec: ServingSpec, models: Mapping[str, ServedModel]) -> Iterator[Site]:
    """The application of a replica on a server of its own."""
    config = uvicorn.Config(
        make_application(spec, models), port=0, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Site(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
