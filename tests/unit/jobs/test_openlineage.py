"""OpenLineage events: what they say, and that nothing about them fails a run."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mintage
from mintage.engine import events
from mintage.errors import GateFailedError, MintageError, SpecError
from mintage.jobs.openlineage.events import PRODUCER

Job = Callable[..., dict[str, Any]]
PARENT = {"namespace": "airflow", "name": "nightly", "run_id": "0190f9f2-7c3b-7a4e-8a55-2f6b1c6c0001"}


class Receiver(ThreadingHTTPServer):
    """A catalogue that keeps what it is told, and answers as it is set."""

    def __init__(self, status: int = 201, *, hang: bool = False, drip: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.hang, self.drip = status, hang, drip
        self.told: list[dict[str, Any]] = []
        self.open = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/v1/lineage"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver  # pyright: ignore[reportIncompatibleVariableOverride]  # the one that made this handler

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == "application/json"
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if self.server.hang:
            self.server.open.wait(30)
            return
        if self.server.drip:
            while not self.server.open.wait(0.05):
                self.wfile.write(b"x")
            return
        self.send_response(self.server.status)
        if 300 <= self.server.status < 400:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # the base class's name
        pass


@contextmanager
def receiving(status: int = 201, **how: bool) -> Iterator[Receiver]:
    with Receiver(status, **how) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.open.set()
            receiver.shutdown()
            thread.join()


def run(spec: dict[str, Any]) -> tuple[mintage.Result, list[str]]:
    warned: list[str] = []

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.Warned):
            warned.append(event.message)

    return mintage.run(spec, on_event=on_event), warned


def telling(to: str, **more: object) -> dict[str, object]:
    return {"telemetry": {"openlineage": {"to": to, **more}}}


def test_a_run_tells_its_beginning_and_its_end(job: Job, tmp_path: Path) -> None:
    with receiving() as receiver:
        result, warned = run(job(**telling(receiver.url, namespace="risk", parent=PARENT)))
    assert warned == []
    start, complete = receiver.told
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"]
    assert start["job"]["namespace"] == "risk"
    assert (start["job"]["name"], start["producer"]) == ("people", PRODUCER)
    assert start["run"]["facets"]["parent"]["run"] == {"runId": PARENT["run_id"]}
    assert start["inputs"] == [{"namespace": "file", "name": str(tmp_path / "people.parquet")}]
    assert start["outputs"] == [{"namespace": "file", "name": str(tmp_path / "out")}]
    [made] = complete["outputs"]
    assert [field["name"] for field in made["facets"]["schema"]["fields"]][:2] == ["age", "income"]
    assert made["facets"]["version"]["datasetVersion"] == f"1/{result.manifest.head.root}"
    statistics = made["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (2000, 4)
    assert statistics["size"] == sum(part.bytes for part in result.manifest.parts("people"))


def test_each_call_is_a_run_of_its_own(job: Job) -> None:
    with receiving() as receiver:
        run(job(**telling(receiver.url)))
        run(job(**telling(receiver.url)))
    assert [event["eventType"] for event in receiver.told] == ["START", "COMPLETE"] * 2
    assert len({event["run"]["runId"] for event in receiver.told}) == 2


def test_gates_are_told_as_a_test_with_the_data_set_as_its_input(job: Job, tmp_path: Path) -> None:
    gates = {"shape_error": {"max": 50}, "trend_error": {"max": 0.0, "action": "warn"}}
    with receiving() as receiver:
        run(job(gates=gates, evaluation={"metrics": ["fidelity"]}, **telling(receiver.url)))
    tested = receiver.told[2]
    assert tested["run"]["facets"]["parent"]["run"]["runId"] == receiver.told[0]["run"]["runId"]
    assert tested["job"]["name"] == "people.gates"
    [dataset] = tested["inputs"]
    assert dataset["name"] == str(tmp_path / "out")
    said = {one["name"]: one for one in dataset["inputFacets"]["dataQualityAssertions"]["assertions"]}
    assert (said["shape_error"]["success"], said["shape_error"]["severity"]) == (True, "error")
    assert (said["trend_error"]["success"], said["trend_error"]["severity"]) == (False, "warn")
    assert said["shape_error"]["expected"] == "at most 50"


def test_a_run_that_fails_tells_why(job: Job) -> None:
    with receiving() as receiver, pytest.raises(GateFailedError):
        run(
            job(
                gates={"shape_error": {"max": 0.0}},
                evaluation={"metrics": ["fidelity"]},
                **telling(receiver.url),
            )
        )
    assert [event["eventType"] for event in receiver.told] == ["START", "FAIL"]
    assert "shape_error" in receiver.told[1]["run"]["facets"]["errorMessage"]["message"]


def test_a_run_that_is_cancelled_tells_that_it_was_aborted(job: Job) -> None:
    with receiving() as receiver, pytest.raises(MintageError):
        mintage.run(job(**telling(receiver.url)), cancelled=lambda: True)
    assert receiver.told[-1]["eventType"] == "ABORT"


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
def test_a_server_that_refuses_is_one_warning(job: Job, status: int) -> None:
    with receiving(status) as receiver:
        result, warned = run(job(**telling(receiver.url)))
    assert result.manifest.head.version == 1
    assert len(warned) == 1
    assert str(status) in warned[0]
    assert len(receiver.told) == 1


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_server_that_does_not_answer_holds_nobody_up(job: Job, how: str) -> None:
    with receiving(**{how: True}) as receiver:
        started = time.monotonic()
        result, warned = run(job(**telling(receiver.url, timeout_seconds=0.3)))
        assert time.monotonic() - started < 10
    assert result.manifest.head.version == 1
    assert len(warned) == 1
    assert "no OpenLineage events are sent any more" in warned[0]


def test_a_server_that_is_not_there_is_one_warning(job: Job) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        _, warned = run(job(**telling(f"http://127.0.0.1:{taken.getsockname()[1]}/")))
    assert len(warned) == 1
    assert "refused" in warned[0]


def test_events_are_appended_to_a_file(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("{}\n")
    run(job(**telling(str(path))))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("eventType") for line in lines] == [None, "START", "COMPLETE"]


def test_a_file_that_cannot_be_written_is_one_warning(job: Job, tmp_path: Path) -> None:
    _, warned = run(job(**telling(str(tmp_path / "no/where.jsonl"))))
    assert len(warned) == 1
    assert "cannot be written" in warned[0]


@pytest.mark.parametrize(
    "to", ["ftp://host/x", "http://user:word@host/x", "http://host/x?token=1", "s3://b/x"]
)
def test_a_place_that_is_not_allowed_is_bad_input(job: Job, tmp_path: Path, to: str) -> None:
    with pytest.raises(SpecError):
        run(job(**telling(to)))
    assert not (tmp_path / "out").exists()


def test_events_change_no_row_and_no_run(job: Job, tmp_path: Path) -> None:
    first, _ = run(job())
    sink = {"uri": str(tmp_path / "other"), "shard_rows": 500}
    other, _ = run(job(sink=sink, **telling(str(tmp_path / "events.jsonl"))))
    assert first.summary["run_id"] == other.summary["run_id"]
