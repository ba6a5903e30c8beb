"""Talking to a Kubernetes API server: who we are, requests and answers as JSON, and errors of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self
from urllib.parse import urlencode

import yaml

from mintage.errors import AccessError, SpecError, UnreachableError
from mintage.jobs.client.k8s_address import ClusterAddress
from mintage.jobs.client.k8s_answer import Answer, Target, parse_json, refuse

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""An answer that is larger is refused; a page of RayJobs is far below."""

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
_PAGE = 50


class KubernetesApi:
    """An API server as one user sees it.

    Raises `UnreachableError` when it does not answer, `AccessError` when it says that we may not.
    """

    def __init__(self, client: ApiClient, settings: Configuration, address: ClusterAddress) -> None:
        self._client = client
        self.settings = settings
        """The client's settings, for those who open a connection of their own."""
        self.address = address

    @classmethod
    def connect(cls, address: ClusterAddress, *, kubeconfig: str | None = None) -> Self:
        """Log in with the kubeconfig, or in a pod with its service account; nothing is sent yet.

        `kubeconfig` are paths as `KUBECONFIG` has them; without it, `~/.kube/config`.
        """
        try:
            from kubernetes import client
        except ImportError as exc:
            raise AccessError(
                f"{address} needs the Kubernetes client, which is not installed",
                "pip install 'mintage[k8s]'",
            ) from exc
        settings = client.Configuration()
        _log_in(settings, address, kubeconfig)
        settings.retries = 1
        return cls(client.ApiClient(settings), settings, address)

    @property
    def host(self) -> str:
        """The API server's URL."""
        return str(self.settings.host).rstrip("/")

    def in_namespace(self, resource: str, group: str = "api/v1") -> str:
        """The path of a resource in our namespace."""
        return f"/{group}/namespaces/{self.address.namespace}/{resource}"

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        limit: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """One request, whatever the answer's code; only a 401 of the API server itself is raised."""
        import urllib3

        url = self.host + path + (f"?{urlencode(query)}" if query else "")
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            response = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers={**self.credentials(), "Accept": "*/*", "Content-Type": kind, **(headers or {})},
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                preload_content=False,
                redirect=False,
            )
            read = response.read(limit + 1, decode_content=True)
            response.release_conn()
        except urllib3.exceptions.HTTPError as exc:
            self.unreachable(exc)
        if len(read) > limit:
            raise SpecError(f"{path} of {self.host} is larger than {limit:,} bytes", "read less of it")
        answer = Answer(code=response.status, body=read)
        if answer.code == 401 and answer.status is not None:
            raise AccessError(
                f"the API server of {self.address} does not accept our credentials: {answer.message}",
                f"log in again, until `kubectl get rayjobs -n {self.address.namespace}` works",
            )
        return answer

    def get(
        self, path: str, target: Target, *, query: Mapping[str, str] | None = None
    ) -> dict[str, Any] | None:
        """An object, or None when it is not there."""
        answer = self.call("GET", path, query=query)
        if answer.code == 404 and answer.status is not None:
            return None
        return self.read(answer, target)

    def pages(self, path: str, target: Target, *, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """All objects of a list, fetched in pages."""
        more: dict[str, str] = {}
        while True:
            answer = self.call("GET", path, query={**query, "limit": str(_PAGE), **more})
            page = self.read(answer, target)
            yield from (item for item in page.get("items", []) if isinstance(item, dict))
            token = page.get("metadata", {}).get("continue")
            if not token:
                return
            more = {"continue": token}

    def read(self, answer: Answer, target: Target) -> dict[str, Any]:
        """The object in an answer; raises the error that its code means."""
        if not 200 <= answer.code < 300:
            refuse(answer, target, self.address)
        values = parse_json(answer.body)
        if not isinstance(values, dict):
            raise UnreachableError(
                f"{self.host} does not answer as an API server of Kubernetes does: {answer.message[:100]!r}",
                "check the server's address in the kubeconfig; a proxy may stand before it",
            )
        return values

    def credentials(self) -> dict[str, str]:
        """The header that says who we are; refreshed when the kubeconfig's plugin says that it is due."""
        setting = self.settings.auth_settings().get("BearerToken")
        value = setting["value"] if setting is not None else None
        return {str(setting["key"]): str(value)} if setting is not None and value else {}

    def unreachable(self, exc: Exception) -> NoReturn:
        """Raise what a connection that failed means."""
        if "CERTIFICATE_VERIFY_FAILED" in str(exc):
            raise AccessError(
                f"the certificate of {self.host} is not to be trusted: {exc}",
                "the kubeconfig names the authority (certificate-authority-data)",
            ) from exc
        raise UnreachableError(
            f"the API server of {self.address} does not answer at {self.host}: {exc}",
            "check the network or VPN, and `kubectl cluster-info`",
        ) from exc

    def close(self) -> None:
        """Let go of connections."""
        self._client.rest_client.pool_manager.clear()


def _log_in(settings: Configuration, address: ClusterAddress, kubeconfig: str | None) -> None:
    from kubernetes import config

    try:
        try:
            config.load_kube_config(  # type: ignore[no-untyped-call]  # the library's own
                config_file=kubeconfig, context=address.context, client_configuration=settings
            )
        except config.ConfigException as exc:
            # Without a kubeconfig we may be in a pod; but one that is there and wrong must be heard of.
            if address.context is not None or "No configuration found" not in str(exc):
                raise
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]  # half typed
    except (config.ConfigException, OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as exc:
        raise AccessError(
            f"no way into the cluster of {address}: {exc}",
            "see `kubectl config get-contexts`; a pod needs the token of its service account",
        ) from exc
