"""Talking to Ray's dashboard server over HTTP: typed errors, tokens, TLS, limits on what is read."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError as Abandoned
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import aiohttp

from mintage.errors import AccessError, ClusterError, SpecError, UnreachableError
from mintage.jobs.client.addresses import Access

MAX_BYTES = 16 * 1024 * 1024
"""Of an ordinary answer."""

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_LOG_SECONDS = 600.0
_HEARTBEAT_SECONDS = 30.0
_DENIED = {401, 403}
_AWAY = {502, 503, 504}
_HOW_TO_ENTER = "give the cluster's token as token=, MINTAGE_RAY_TOKEN or RAY_AUTH_TOKEN_PATH"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RayServer:
    """Where a dashboard server is, and what is sent along: `headers` may hold a token and are not shown."""

    url: str
    headers: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def at(cls, address: str, access: Access) -> Self:
        """The server at an address, which is reached directly."""
        headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        tls = None
        if access.ca is not None:
            try:
                tls = ssl.create_default_context(cafile=str(access.ca))
            except (OSError, ssl.SSLError) as exc:
                raise AccessError(
                    f"{access.ca} holds no certificates: {exc}", "name a PEM file with the authority's"
                ) from exc
        return cls(url=address.rstrip("/"), headers=lambda: headers, tls=tls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said; `status` is below 400, 404, or another code that the caller must judge."""

    status: int
    text: str

    def json(self, url: str) -> Any:  # noqa: ANN401  # whatever JSON holds; the caller narrows it
        """The JSON in it. Raises `UnreachableError` when it is something else."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as exc:
            raise not_ray(url, f"it answers {self.text[:60]!r}") from exc


class RayHttp:
    """Requests to one server. A thread of its own waits for them: a notebook's has a loop already."""

    def __init__(self, server: RayServer) -> None:
        self.server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Answer:
        """One request; only a 404 or a 500 comes back as an answer among the codes that say no.

        Raises `UnreachableError`, `AccessError`, and `ClusterError` when more than `max_bytes` come.
        """
        return self._wait(self._request(method, path, params=params, body=body, max_bytes=max_bytes))

    def listen(self, path: str) -> Iterator[str]:
        """The messages of a web socket, until the server closes it. Raises like `request`."""
        session, socket = self._wait(self._connect(path))
        try:
            while (piece := self._wait(self._receive(socket))) is not None:
                yield piece
        finally:
            # Without a farewell: Ray does not listen for one, and whoever interrupts us does not wait for it.
            self._wait(session.close())

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return future.result()
        except (aiohttp.ClientError, TimeoutError, OSError, Abandoned) as exc:
            raise _unreachable(self.server.url, exc) from exc
        except BaseException:
            future.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_turn, args=(self._loop,), name="mintage-http", daemon=True).start()
            return self._loop

    def _session(self, seconds: float) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=seconds or None, sock_connect=_CONNECT_SECONDS)
        return aiohttp.ClientSession(
            headers=dict(self.server.headers()),
            timeout=timeout,
            connector=aiohttp.TCPConnector(ssl=self.server.tls or True, force_close=True),
        )

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None,
        body: Mapping[str, object] | None,
        max_bytes: int,
    ) -> Answer:
        seconds = _ANSWER_SECONDS if max_bytes == MAX_BYTES else _LOG_SECONDS
        async with (
            self._session(seconds) as session,
            session.request(
                method, self.server.url + path, params=params, json=body, allow_redirects=False
            ) as response,
        ):
            data = b""
            async for piece in response.content.iter_chunked(256 * 1024):
                data += piece
                if len(data) > max_bytes:
                    raise ClusterError(
                        f"{self.server.url}{path} answers with more than {max_bytes:,} bytes",
                        "follow the job instead of reading its whole log",
                    )
        self._judge(response.status)
        return Answer(status=response.status, text=data.decode("utf-8", errors="replace"))

    def _judge(self, status: int) -> None:
        if status in _DENIED:
            what = "wants a token" if status == 401 else "refuses this token"
            raise AccessError(f"{self.server.url} {what}: HTTP {status}", _HOW_TO_ENTER)
        if status in _AWAY:
            raise UnreachableError(
                f"{self.server.url} has nobody behind it: HTTP {status}", "try again when the cluster is up"
            )
        if status >= 300 and status not in {400, 404, 500}:
            raise not_ray(self.server.url, f"it answers with HTTP {status}")

    async def _connect(self, path: str) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
        session = self._session(0)
        try:
            socket = await session.ws_connect(
                self.server.url + path, heartbeat=_HEARTBEAT_SECONDS, max_msg_size=MAX_BYTES
            )
        except aiohttp.WSServerHandshakeError as exc:
            await session.close()
            self._judge(exc.status)
            raise
        except BaseException:
            await session.close()
            raise
        return session, socket

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> str | None:
        message = await socket.receive()
        if message.type == aiohttp.WSMsgType.TEXT:
            return str(message.data)
        if socket.close_code == aiohttp.WSCloseCode.OK:
            return None
        raise UnreachableError(
            f"{self.server.url} stopped talking (web socket code {socket.close_code})", "it is asked again"
        )


def not_ray(url: str, why: str) -> UnreachableError:
    """The error for somebody else at the address."""
    return UnreachableError(
        f"{url} is not the Jobs API of a Ray cluster: {why}",
        "give the address of the dashboard of the head node, such as http://head:8265",
    )


def _unreachable(url: str, error: BaseException) -> Exception:
    if isinstance(error, aiohttp.InvalidURL):
        return SpecError(f"the address {url} is no URL", "use http://host:8265")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return AccessError(
            f"{url} cannot be trusted: {error}", "give the file of its authority's certificate as ca="
        )
    if isinstance(error, TimeoutError):
        return UnreachableError(f"{url} did not answer in time", "check the address, and whether it is up")
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return UnreachableError(
        f"{url} cannot be reached: {str(cause) or type(cause).__name__}",
        "check the address, and whether the cluster is up",
    )


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
