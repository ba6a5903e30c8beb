"""The head of a job's cluster, reached through the API server: the log of the job, and its end."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mintage.errors import AccessError, UnreachableError
from mintage.jobs.client.k8s_answer import Answer, Target, parse_json
from mintage.jobs.client.k8s_api import KubernetesApi
from mintage.jobs.client.k8s_socket import LogSocket

MAX_LOG_BYTES = 256 * 1024 * 1024
"""A log that is larger is refused by whoever wants it whole; following it has no such limit."""

_HEADER = "x-ray-authorization"
_ADDRESS = re.compile(r"([a-z0-9][-a-z0-9]{0,62})\.[-.a-z0-9]+:(\d{1,5})")
_GONE = {404, 502, 503, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The Jobs API on a head, by the API server's proxy of services.

    `token` is Ray's, sent in a header of its own because the API server keeps `Authorization` for itself.
    Every method raises `UnreachableError` when there is no head, and `AccessError` when we may not ask it.
    """

    api: KubernetesApi
    service: str
    port: int
    job: str
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, api: KubernetesApi, rayjob: Mapping[str, Any], token: str | None) -> Head:
        """The head of a RayJob's present cluster; raises `UnreachableError` while there is none."""
        status = rayjob.get("status") or {}
        # KubeRay writes `name-head-svc.namespace.svc.cluster.local:8265`.
        found = _ADDRESS.fullmatch(str(status.get("dashboardURL") or ""))
        if found is None:
            raise UnreachableError(
                f"the cluster of {rayjob.get('metadata', {}).get('name')} has no head now",
                "wait for its cluster",
            )
        return cls(
            api=api,
            service=found[1],
            port=int(found[2]),
            job=str(status.get("jobId") or rayjob["metadata"]["name"]),
            token=token or _read_token(api, rayjob),
        )

    def tail(self, lines: int) -> str:
        """The last lines of the log."""
        node = self._info().get("driver_node_id")
        if not isinstance(node, str):
            return ""
        query = {"node_id": node, "submission_id": self.job, "lines": str(lines)}
        answer = self._call("GET", "/api/v0/logs/file", query=query)
        if answer.code in {404, 500} and answer.status is None:
            # Ray has no file for a driver that has written nothing yet.
            return ""
        if answer.code != 200:
            self._read(answer, "get")
        return answer.body.decode(errors="replace")

    def read_log(self) -> str:
        """The whole log."""
        answer = self._call("GET", f"/api/jobs/{quote(self.job)}/logs", limit=MAX_LOG_BYTES)
        values = self._read(answer, "get")
        return str(values.get("logs", ""))

    def stop(self) -> None:
        """Ask the driver to end; Ray kills it after a few seconds."""
        self._read(self._call("POST", f"/api/jobs/{quote(self.job)}/stop"), "create")

    def follow(self, has_ended: Callable[[], bool]) -> Iterator[str]:
        """The log from its first line on, until Ray says that it is over.

        When nothing is written for a while, `has_ended` is asked: it finds out whether anybody is there.
        """
        where = self._path(f"/api/jobs/{quote(self.job)}/logs/tail")
        with LogSocket.open(self.api, where, self._headers(), self._refuse) as socket:
            yield from socket.pieces(has_ended)

    def _info(self) -> Mapping[str, Any]:
        return self._read(self._call("GET", f"/api/jobs/{quote(self.job)}"), "get")

    def _call(
        self, method: str, path: str, query: Mapping[str, str] | None = None, limit: int | None = None
    ) -> Answer:
        limits = {} if limit is None else {"limit": limit}
        return self.api.call(method, self._path(path), query=query, headers=self._headers(), **limits)

    def _read(self, answer: Answer, verb: str) -> dict[str, Any]:
        """The object in an answer of Ray; what the API server says instead of it is told apart."""
        values = parse_json(answer.body)
        if answer.code == 200 and isinstance(values, dict):
            return values
        self._refuse(answer, verb)
        raise UnreachableError(
            f"the head of {self.job} answers {answer.code}: {answer.message}", "try again in a while"
        )

    def _refuse(self, answer: Answer, verb: str) -> None:
        if answer.status is None and answer.code in {401, 403}:
            raise AccessError(
                f"Ray on the head of {self.job} does not accept our token: {answer.message}",
                "give its token as MINTAGE_RAY_TOKEN, or the right to get the secret that holds it",
            )
        # The API server answers 500, with a status of its own, when the head refuses the connection.
        if answer.code in _GONE or (answer.code == 500 and answer.status is not None):
            raise UnreachableError(
                f"the head of {self.job} does not answer: {answer.message}",
                "when its cluster is gone, so is its log, and the data set says what was done; while it runs,"
                " a NetworkPolicy may keep the API server from its port 8265",
            )
        if answer.code == 403:
            self.api.read(answer, Target(verb=verb, resource="services/proxy"))

    def _path(self, path: str) -> str:
        return self.api.in_namespace(f"services/{self.service}:{self.port}/proxy{path}")

    def _headers(self) -> dict[str, str]:
        return {_HEADER: f"Bearer {self.token}"} if self.token else {}


def _read_token(api: KubernetesApi, rayjob: Mapping[str, Any]) -> str | None:
    """Ray's token from the secret that the cluster uses; None for a cluster without tokens."""
    options = ((rayjob.get("spec") or {}).get("rayClusterSpec") or {}).get("authOptions") or {}
    if options.get("mode") != "token":
        return None
    # KubeRay names the secret that it makes after the cluster.
    name = options.get("secretName") or (rayjob.get("status") or {}).get("rayClusterName")
    try:
        secret = api.get(api.in_namespace(f"secrets/{name}"), Target(verb="get", resource="secrets")) or {}
        return (
            base64.b64decode((secret.get("data") or {}).get("auth_token") or "", validate=True).decode()
            or None
        )
    except AccessError as exc:
        raise AccessError(
            f"the cluster asks for Ray's token, and we may not read it: {exc.message}",
            f"set MINTAGE_RAY_TOKEN, or ask for the right to get the secret {name}",
        ) from exc
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise AccessError(
            f"the secret {name} holds no token of Ray: {exc}", "see authOptions of KubeRay"
        ) from exc
