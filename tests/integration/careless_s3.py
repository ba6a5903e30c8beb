"""Tiny servers that speak enough of S3 to be careless with it: each breaks one promise of a real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Refusal = tuple[int, str] | None
"""Status and code of an error; None when all is well."""


@dataclass(slots=True)
class CarelessS3:
    """What a server holds, and how it decides: its judges may refuse a request.

    `judge_put` hears whether the object is there and the client asked not to overwrite it.
    """

    judge_put: Callable[[bool], Refusal]
    judge_get: Callable[[], Refusal] = lambda: None
    judge_delete: Callable[[], Refusal] = lambda: None
    objects: dict[str, bytes] = field(default_factory=dict)
    puts: int = 0
    endpoint: str = ""


@contextmanager
def serving(store: CarelessS3) -> Iterator[CarelessS3]:
    """Run a server for the store on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.store = store
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    store: CarelessS3


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # as the standard library does

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        store = self.server.store
        store.puts += 1
        asked_to_look = self.headers.get("If-None-Match") == "*"
        refusal = store.judge_put(asked_to_look and self.path in store.objects)
        if refusal is None:
            store.objects[self.path] = body
        self._answer(refusal)

    def do_GET(self) -> None:
        store = self.server.store
        refusal = store.judge_get() or (None if self.path in store.objects else (404, "NoSuchKey"))
        self._answer(refusal, store.objects.get(self.path, b""))

    def do_DELETE(self) -> None:
        refusal = self.server.store.judge_delete()
        if refusal is None:
            self.server.store.objects.pop(self.path, None)
        self._answer(refusal)

    def _answer(self, refusal: Refusal, body: bytes = b"") -> None:
        status, code = refusal or (200, "")
        if refusal:
            # AWS names the condition that failed; SeaweedFS, against which the other tests run, does not.
            condition = "<Condition>If-None-Match</Condition>" if status == 412 else ""
            text = f"<Code>{code}</Code><Message>{code}</Message>{condition}"
            body = f"<?xml version='1.0'?><Error>{text}</Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"0"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args
