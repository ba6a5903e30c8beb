"""The Jobs API of a head as Ray 2.60 answers, for one job whose log a test writes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class ScriptedHead:
    """Answers for one job; `log` may grow meanwhile, and `done` closes those who follow it."""

    job: str
    log: str = ""
    token: str | None = None
    done: bool = True
    breaks_after: int | None = None
    stopped: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """What the head answers to a request that came through the proxy."""
        self.headers.append({key.lower(): value for key, value in request.headers.items()})
        if self.token and request.headers.get("x-ray-authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="Unauthorized: Missing authentication token")
        if path == f"/api/jobs/{self.job}":
            return web.json_response(
                {"submission_id": self.job, "driver_node_id": "ab12", "status": "RUNNING"}
            )
        if path == f"/api/jobs/{self.job}/logs":
            return web.json_response({"logs": self.log})
        if path == f"/api/jobs/{self.job}/stop" and request.method == "POST":
            self.stopped.append(self.job)
            return web.json_response({"stopped": True})
        if path == f"/api/jobs/{self.job}/logs/tail":
            return await self._tail(request)
        if path == "/api/v0/logs/file" and request.query.get("submission_id") == self.job:
            lines = self.log.splitlines(keepends=True)
            return web.Response(text="".join(lines[-int(request.query["lines"]) :]))
        return web.Response(status=404, text=f"Job {path} does not exist")

    async def _tail(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sent = 0
        while True:
            if self.breaks_after is not None and sent >= self.breaks_after:
                assert request.transport is not None
                request.transport.abort()
                return socket
            if sent < len(self.log):
                piece, sent = self.log[sent:], len(self.log)
                await socket.send_str(piece)
            elif self.done:
                return socket
            await asyncio.sleep(0.02)
