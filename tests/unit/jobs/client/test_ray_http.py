"""Who answers at an address that is not Ray's: real servers, each wrong in its own way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import mintage
from mintage.errors import AccessError, ClusterError, JobMissingError, UnreachableError
from mintage.jobs.client.ray_http import RayHttp, RayServer

VERSION = b'{"version": "4", "ray_version": "2.60.0"}'
SPEC = {"name": "people", "rows": 1, "generator": {"kind": "rules"}, "sink": {"uri": "/shared/out"}}
Answer = Callable[[BaseHTTPRequestHandler], None]


def say(status: int, body: bytes = b"", **headers: str) -> Answer:
    """An answer that is always the same."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def ray_that_says(rest: Answer) -> Answer:
    """The version of a Ray, and something else to every other question."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        (say(200, VERSION) if request.path == "/api/version" else rest)(request)

    return answer


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """A web server on this machine; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (say(200, b"<html>It works!</html>"), "is not the Jobs API of a Ray cluster: it answers '<html>"),
        (say(404, b"not here"), "is not the Jobs API"),
        (say(200, b'{"version": "1"}'), "its version is"),
        (say(200, b"[" * 100_000), "is not the Jobs API"),
        (say(302, b"", Location="http://elsewhere.example/"), "it answers with HTTP 302"),
        (say(503, b"no upstream"), "nobody behind it: HTTP 503"),
        (ray_that_says(say(200, b"<html>")), "is not the Jobs API"),
        (ray_that_says(say(404, b"no such page")), "is not the Jobs API"),
        (ray_that_says(say(200, b'{"status": "DANCING"}')), "what it says of a job"),
    ],
    ids=["html", "404", "json", "deep", "redirect", "gateway", "ray-html", "ray-404", "state"],
)
def test_somebody_else_at_the_address_is_told_from_ray(answer: Answer, words: str) -> None:
    with server(answer) as address, mintage.Client(address) as client:
        with pytest.raises(UnreachableError) as caught:
            client.get("people-0123456789ab-1")
        assert words in caught.value.message
        assert address in caught.value.message


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_an_access_error_that_does_not_show_it(status: int) -> None:
    with (
        server(say(status, b"hidden-word is wrong")) as address,
        mintage.Client(address, token="hidden-word") as client,
    ):
        with pytest.raises(AccessError) as caught:
            client.list()
        assert "hidden-word" not in str(caught.value)


def test_a_token_is_sent_and_a_redirect_does_not_take_it_elsewhere() -> None:
    seen: list[tuple[str, str | None]] = []

    def note(request: BaseHTTPRequestHandler) -> None:
        seen.append((request.path, request.headers.get("Authorization")))
        say(307, b"", Location="/elsewhere")(request)

    with (
        server(note) as address,
        mintage.Client(address, token="abc") as client,
        pytest.raises(UnreachableError),
    ):
        client.list()
    assert seen == [("/api/version", "Bearer abc")]


def test_nobody_at_the_address_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with mintage.Client(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(UnreachableError, match=f"127.0.0.1:{port} cannot be reached") as caught:
            client.list()
        assert caught.value.retryable
    with mintage.Client("http://no-such-host.invalid:8265") as client, pytest.raises(UnreachableError):
        client.list()


def test_a_broken_answer_is_unreachable() -> None:
    def break_off(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"{")
        request.close_connection = True

    with server(break_off) as address, mintage.Client(address) as client, pytest.raises(UnreachableError):
        client.list()


def test_what_is_too_large_is_not_read() -> None:
    with server(say(200, b"x" * 5000)) as address:
        http = RayHttp(RayServer(url=address))
        with pytest.raises(ClusterError, match="more than 4,000 bytes"):
            http.request("GET", "/", max_bytes=4000)
        http.close()


def test_a_job_that_ray_does_not_know_is_missing() -> None:
    unknown = ray_that_says(say(404, b"Job people does not exist"))
    with server(unknown) as address, mintage.Client(address) as client, pytest.raises(JobMissingError):
        client.get("people")


def test_the_dashboard_s_own_trouble_is_told_and_may_pass() -> None:
    def trouble(request: BaseHTTPRequestHandler) -> None:
        status = 500 if request.command == "POST" else 404
        text = b"Traceback\nThe disk of the head node is full." if status == 500 else b"Job x does not exist"
        say(status, text)(request)

    with server(ray_that_says(trouble)) as address, mintage.Client(address) as client:
        with pytest.raises(ClusterError, match="disk of the head node is full") as caught:
            client.submit(SPEC)
        assert caught.value.retryable


def test_a_cluster_that_just_started_is_waited_for() -> None:
    asked: list[str] = []

    def start(request: BaseHTTPRequestHandler) -> None:
        if request.command == "POST":
            asked.append(request.path)
            ready = len(asked) == 3
            say(200 if ready else 500, b"{}" if ready else b"No available agent to submit job, please try")(
                request
            )
        else:
            say(404, b"Job x does not exist")(request)

    with server(ray_that_says(start)) as address, mintage.Client(address) as client:
        assert client.submit(SPEC).attempt == 1
    assert asked == ["/api/jobs/"] * 3
