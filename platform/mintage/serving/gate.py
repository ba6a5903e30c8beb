"""The gate: who gets in, with how large a request, in which turn and for how long.

Everything that a request holds is given back when its connection ends, however it ends: the answer is sent
inside the gate.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mintage.serving.measuring import Measures
from mintage.serving.problems import Refusal, late, refusal_of, too_large, unauthenticated
from mintage.serving.tokens import Tokens
from mintage.serving.turns import Turns
from mintage.spec.serving import LimitsSpec
from mintage.telemetry import continued

_logger = logging.getLogger("mintage.serving")


class Gate:
    """An ASGI application around another one."""

    def __init__(
        self, inside: ASGIApp, *, limits: LimitsSpec, tokens: Tokens | None, turns: Turns, measures: Measures
    ) -> None:
        self._inside = inside
        self._limits = limits
        self._tokens = tokens
        self._turns = turns
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; other events pass."""
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return
        started, answer = time.monotonic(), _Answer(send)
        headers = Headers(scope=scope)
        try:
            with continued(_trace(headers)):
                await self._pass(scope, headers, _Body(receive, self._limits.body_bytes).receive, answer)
        except asyncio.CancelledError:
            answer.status = answer.status or 499
            raise
        except Exception as exc:
            refusal = refusal_of(exc)
            if refusal.type == "InternalError":
                _logger.exception("a request failed")
            if answer.complete:
                return
            if answer.status:
                # What was begun cannot be taken back: the connection breaks off, and the client sees that.
                raise
            await _refuse(refusal, answer)
        finally:
            self._measures.request(_route(scope), answer.status, time.monotonic() - started)

    async def _pass(self, scope: Scope, headers: Headers, receive: Receive, answer: _Answer) -> None:
        guarded = scope["path"].startswith("/v1/") or scope["path"] == "/v1"
        if guarded and self._tokens is not None:
            self._authenticate(self._tokens, headers)
        if not (guarded and scope["method"] == "POST"):
            await self._inside(scope, receive, answer)
            return
        self._check_length(headers)
        try:
            async with asyncio.timeout(self._limits.seconds), self._turns.turn():
                await self._inside(scope, receive, answer)
        except TimeoutError as exc:
            raise late(self._limits.seconds) from exc

    def _authenticate(self, tokens: Tokens, headers: Headers) -> None:
        if not tokens.accept(headers.get("authorization", "")):
            raise unauthenticated()

    def _check_length(self, headers: Headers) -> None:
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._limits.body_bytes:
            raise too_large(self._limits.body_bytes)


class _Body:
    """Counts what comes in, and stops at the limit, whatever the headers said."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._seen = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            raise too_large(self._most)
        return message


class _Answer:
    """Sends, and remembers the status that was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.complete = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)
        self.complete = message["type"] == "http.response.body" and not message.get("more_body", False)


async def _refuse(refusal: Refusal, send: Send) -> None:
    body = refusal.body()
    headers = {"content-length": str(len(body)), **refusal.all_headers()}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _trace(headers: Headers) -> dict[str, str]:
    """The span of the caller, when it tells one."""
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}


def _route(scope: Scope) -> str:
    """What kind of request it is, for figures: never a name that a client made up."""
    if scope["method"] == "POST":
        return "sample"
    return "models" if scope["path"].startswith("/v1/") else "state"
