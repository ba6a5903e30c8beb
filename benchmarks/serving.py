"""Requests for 1,000 rows to `mintage serve`, beside the bare model that draws the same rows.

One client asks in turns: the bare model in this process (no rules, no server), then the same request as
Arrow and as JSON lines, so that a busy machine slows all three. Then eight clients ask at once, with seeds
(each request is drawn alone) and without (waiting ones are drawn together). One replica with one CPU, the
flights model, its three rules; the client reads the answer to its end and decodes nothing.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection

from environment import Setting, seconds_of

import mintage
from mintage.contracts import SampleRequest
from mintage.serving.drawing import SHARD
from mintage.serving.models import ServedModel, load_served, pin_model
from mintage.serving.wire import ARROW, JSON_LINES
from mintage.spec import ServedModelSpec

ROWS = 1000
CLIENTS = 8
WARM_UP = 10


def measure(setting: Setting) -> dict[str, object]:
    """Requests per second and latencies in milliseconds; `over_bare` is a ratio of medians."""
    import torch

    torch.set_num_threads(1)
    mintage.run(setting.spec("served", ROWS, workers=1))
    uri = str(setting.folder / "served")
    spec = ServedModelSpec(uri=uri)
    served = load_served("flights", spec, pin_model("flights", spec))
    turns = 30 if setting.quick else 100 * setting.runs
    limits = {"rows": ROWS, "concurrent": 2 * CLIENTS}
    config = {"models": {"flights": {"uri": uri}}, "port": _free_port(), "limits": limits}
    with mintage.serve(config) as site:
        port = int(site.url.rpartition(":")[2])
        alone = _alone(served, port, turns)
        together = {
            "with_seed": _together(port, turns, seeded=True),
            "without_seed": _together(port, turns, seeded=False),
        }
    bare = alone["bare"]
    return {
        "rows": ROWS,
        "turns": turns,
        "one_client": {name: _figures(seconds) for name, seconds in alone.items()},
        "over_bare": {
            name: round(statistics.median(seconds) / statistics.median(bare), 3)
            for name, seconds in alone.items()
        },
        f"{CLIENTS}_clients_arrow": together,
    }


def _alone(served: ServedModel, port: int, turns: int) -> dict[str, list[float]]:
    """The seconds of each turn, by who answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def bare(seed: int) -> None:
        request = SampleRequest(seed=seed, shard=SHARD, batch=0, rows=ROWS, first_key=0)
        list(served.model.sample(request))

    def asked(accept: str) -> Callable[[int], None]:
        return lambda seed: _ask(connection, accept, {"rows": ROWS, "seed": seed})

    ways = {"bare": bare, "arrow": asked(ARROW), "json_lines": asked(JSON_LINES)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(-WARM_UP, turns):
        for name, way in ways.items():
            took = seconds_of(lambda way=way, turn=turn: way(turn + WARM_UP))
            if turn >= 0:
                seconds[name].append(took)
    return seconds


def _together(port: int, turns: int, *, seeded: bool) -> dict[str, float]:
    """Several clients, each with a connection of its own, ask one request after the other."""

    def client(number: int) -> list[float]:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        asked = [
            {"rows": ROWS, **({"seed": number * turns + turn} if seeded else {})} for turn in range(turns)
        ]
        return [seconds_of(lambda body=body: _ask(connection, ARROW, body)) for body in asked]

    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        seconds = [took for taken in pool.map(client, range(CLIENTS)) for took in taken]
    wall = time.perf_counter() - started
    return {**_figures(seconds), "requests_per_second": round(len(seconds) / wall, 1)}


def _ask(connection: HTTPConnection, accept: str, asked: dict[str, int]) -> None:
    connection.request("POST", "/v1/models/flights/sample", json.dumps(asked), {"accept": accept})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(body.decode())


def _figures(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "requests_per_second": round(len(seconds) / sum(seconds), 1),
        "p50_ms": round(1000 * statistics.median(ordered), 2),
        "p99_ms": round(1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 2),
    }


def _free_port() -> int:
    """A port that Ray takes for none of its own: those are from 10,002 to 19,999, or from 32,768 on."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")
