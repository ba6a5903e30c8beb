"""A TCP proxy that loses answers and cuts connections when it is told to, and is transparent otherwise."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

BLOCK_BYTES = 64 * 1024

Fault = Literal["lose-answer", "cut-answer", "cut-request"]


@dataclass(slots=True, kw_only=True)
class _Order:
    fault: Fault
    request: re.Pattern[bytes]
    left: int


@dataclass(slots=True, kw_only=True)
class _Connection:
    client: socket.socket
    server: socket.socket
    fault: Fault | None = None

    def close(self) -> None:
        for one in (self.client, self.server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@dataclass(slots=True)
class FaultProxy:
    """Forwards to an HTTP server. Use it in a `with` block; `endpoint` is its own address.

    `order` makes it fail: `lose-answer` lets the server do its work and drops what it answers,
    `cut-answer` drops the second half of what comes first of the answer, `cut-request` drops the
    connection when the request begins. `faults` counts what was done.
    """

    upstream: str
    faults: int = 0
    _orders: list[_Order] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket = field(init=False)
    _threads: list[threading.Thread] = field(default_factory=list)
    _connections: list[_Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def endpoint(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def order(self, fault: Fault, request: bytes, *, times: int = 1) -> None:
        """Do `fault` to the next `times` requests whose first line matches the pattern `request`."""
        with self._lock:
            self._orders.append(_Order(fault=fault, request=re.compile(request), left=times))

    def drop(self) -> None:
        """Cut all connections that are open now."""
        for connection in list(self._connections):
            connection.close()

    def heal(self) -> None:
        """Forget all orders."""
        with self._lock:
            self._orders.clear()

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing does not wake a thread that waits in accept; shutting down does.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            connection.close()
        for thread in list(self._threads):
            thread.join(timeout=10)

    def _run(self, target: object, *arguments: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        address = urlsplit(self.upstream)
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection((address.hostname or "", address.port or 80))
            except OSError:
                return
            connection = _Connection(client=client, server=server)
            self._connections.append(connection)
            self._run(self._forward_requests, connection)
            self._run(self._forward_answers, connection)

    def _forward_requests(self, connection: _Connection) -> None:
        with suppress(OSError):
            while data := connection.client.recv(BLOCK_BYTES):
                connection.fault = self._fault_for(data) or connection.fault
                if connection.fault == "cut-request":
                    break
                connection.server.sendall(data)
        connection.close()

    def _forward_answers(self, connection: _Connection) -> None:
        with suppress(OSError):
            while data := connection.server.recv(BLOCK_BYTES):
                # "100 Continue" only asks for the body: the request is not done yet.
                if connection.fault and not data.startswith(b"HTTP/1.1 100"):
                    if connection.fault == "cut-answer":
                        connection.client.sendall(data[: len(data) // 2])
                    break
                connection.client.sendall(data)
        connection.close()

    def _fault_for(self, data: bytes) -> Fault | None:
        first_line = data.partition(b"\r\n")[0]
        with self._lock:
            for order in self._orders:
                if order.left and order.request.match(first_line):
                    order.left -= 1
                    self.faults += 1
                    return order.fault
        return None
