"""A small API server of Kubernetes on loopback: objects in memory, refusals on demand, a head behind it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import kmock
import yaml
from aiohttp import web

NAMESPACE = "data"
RAYJOBS = "ray.io/v1/rayjobs"
_CORE = "v1/"
_PROXY = re.compile(r"/api/v1/namespaces/data/services/([-a-z0-9]+):(\d+)/proxy(/.*)")

Head = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]


def status_of(code: int, message: str, reason: str = "Forbidden") -> str:
    """What an API server answers instead of an object."""
    return json.dumps(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }
    )


class _Emulator(kmock.KubernetesEmulator):
    """kmock's emulator with selectors, and what a test wants refused."""

    cluster: Cluster

    async def _handle(self, request: kmock.Request) -> web.StreamResponse:
        path = request.url.path
        self.cluster.seen.append((request.method.value, path, dict(request.headers)))
        for (method, part), (code, body) in self.cluster.refusals.items():
            if request.method.value == method and part in path:
                if code == 0:
                    await asyncio.sleep(60)
                return web.Response(status=code, text=body)
        if path == f"/api/v1/namespaces/{NAMESPACE}":
            if self.cluster.has_namespace:
                return web.json_response({"kind": "Namespace", "metadata": {"name": NAMESPACE}})
            return web.Response(status=404, text=status_of(404, f'namespaces "{NAMESPACE}" not found'))
        raw = request._raw_request
        if (found := _PROXY.fullmatch(path)) and raw is not None:
            if self.cluster.head is None:
                return web.Response(
                    status=503, text=status_of(503, "no endpoints available for service", "Unavailable")
                )
            return await self.cluster.head(raw, found[3])
        if request.method.value == "POST" and isinstance(request.data, dict):
            request.data["metadata"].setdefault(
                "creationTimestamp", f"2026-11-22T10:00:{len(self.cluster.seen) % 60:02d}Z"
            )
        return await super()._handle(request)

    async def _serve_list(self, request: kmock.Request) -> dict[str, Any]:
        page = cast("dict[str, Any]", await super()._serve_list(request))
        labels = [part.partition("=") for part in request.params.get("labelSelector", "").split(",") if part]
        fields = [part.partition("=") for part in request.params.get("fieldSelector", "").split(",") if part]
        items = [
            item
            for item in page["items"]
            if all(
                (item["metadata"].get("labels") or {}).get(key) in ({value} if value else _ANY)
                for key, _, value in labels
            )
            and all(str(_at(item, key)) == value for key, _, value in fields)
        ]
        return {**page, "kind": "List", "items": items}


class _Any:
    def __contains__(self, value: object) -> bool:
        return value is not None


_ANY = _Any()


def _at(item: Mapping[str, Any], path: str) -> object:
    value: Any = item
    for key in path.split("."):
        value = value.get(key, {})
    return value


@dataclass
class Cluster:
    """The server, seen from a test."""

    url: str = ""
    emulator: _Emulator | None = None
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    refusals: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    head: Head | None = None
    has_namespace: bool = True

    def refuse(self, method: str, part: str, code: int, message: str = "", *, plain: bool = False) -> None:
        """Answer so, whenever a path has that part; code 0 does not answer at all."""
        self.refusals[(method, part)] = (code, message if plain else status_of(code, message))

    def put(self, resource: str, name: str, value: dict[str, Any]) -> None:
        """Make an object, or replace it."""
        meta = {**value.get("metadata", {}), "name": name, "namespace": NAMESPACE}
        self._objects()[resource, NAMESPACE, name] = {**value, "metadata": meta}

    def put_template(self, text: str, name: str = "mintage-rayjob") -> None:
        """Make the ConfigMap that the chart makes."""
        meta = {"labels": {"mintage.dev/template": "rayjob"}}
        self.put("v1/configmaps", name, {"metadata": meta, "data": {"rayjob.yaml": text}})

    def get(self, resource: str, name: str) -> dict[str, Any]:
        """An object as it is."""
        found: dict[str, Any] = json.loads(json.dumps(self._objects()[resource, NAMESPACE, name].raw))
        return found

    def set_status(self, name: str, **status: object) -> None:
        """Write a RayJob's status, as KubeRay does."""
        job = self.get(RAYJOBS, name)
        self.put(RAYJOBS, name, {**job, "status": {**job.get("status", {}), **status}})

    def _objects(self) -> kmock.ObjectsArray:
        assert self.emulator is not None
        return self.emulator.objects

    def reset(self) -> None:
        """Forget everything but the resources."""
        self.refusals.clear()
        self.seen.clear()
        self.head = None
        self.has_namespace = True
        assert self.emulator is not None
        self.emulator._objects.clear()


RESOURCES = [
    RAYJOBS,
    *(f"{_CORE}{name}" for name in ("configmaps", "pods", "events", "secrets", "services", "namespaces")),
]


@contextmanager
def running() -> Iterator[Cluster]:
    """A server in a thread of its own, until the end."""
    cluster, ready, done = Cluster(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with _Emulator() as emulator, kmock.Server(emulator) as server:
            emulator.cluster, cluster.emulator = cluster, emulator
            for name in RESOURCES:
                emulator.resources[name] = kmock.ResourceInfo(namespaced=True)
            cluster.url = str(server.url).rstrip("/")
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: cluster.loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    try:
        yield cluster
    finally:
        cluster.loop.call_soon_threadsafe(done.set)
        thread.join(30)
        cluster.loop.close()


def kubeconfig(url: str, **user: str) -> str:
    """The text of a kubeconfig with one context, `lab`."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": url}}],
            "users": [{"name": "me", "user": {"token": "let-me-in", **user}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        }
    )
