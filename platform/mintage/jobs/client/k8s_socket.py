"""A job's log as Ray sends it over a websocket, through the API server."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from mintage.errors import UnreachableError
from mintage.jobs.client.k8s_answer import Answer
from mintage.jobs.client.k8s_api import KubernetesApi

if TYPE_CHECKING:
    from kubernetes.client import Configuration
    from websocket import WebSocket

_CONNECT_SECONDS = 10.0
_QUIET_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class LogSocket:
    """An open connection, on which a log comes in pieces."""

    _socket: WebSocket

    @classmethod
    def open(
        cls,
        api: KubernetesApi,
        path: str,
        headers: Mapping[str, str],
        refuse: Callable[[Answer, str], None],
    ) -> Self:
        """Connect with our credentials; `refuse` raises what another answer than a connection means.

        Raises `UnreachableError` when nobody answers.
        """
        import websocket

        settings = api.settings
        try:
            socket = websocket.create_connection(
                api.host.replace("http", "ws", 1) + path,
                timeout=_CONNECT_SECONDS,
                header=[f"{key}: {value}" for key, value in {**api.credentials(), **headers}.items()],
                sslopt=_tls(settings),
                suppress_origin=True,
                redirect_limit=0,
                **_proxy(settings),
            )
        except websocket.WebSocketBadStatusException as exc:
            refuse(Answer(code=exc.status_code, body=exc.resp_body or b""), "get")
            raise UnreachableError(f"the log cannot be followed: {exc}", "try again in a while") from exc
        except (websocket.WebSocketException, OSError) as exc:
            api.unreachable(exc)
        socket.settimeout(_QUIET_SECONDS)
        return cls(socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nobody waits for the other side to say goodbye: it may be gone.
        self._socket.shutdown()  # type: ignore[no-untyped-call]  # the library's own

    def pieces(self, has_ended: Callable[[], bool]) -> Iterator[str]:
        """What comes until the other side closes.

        When nothing comes for a while, `has_ended` is asked, which finds out whether anybody is there.
        Raises `UnreachableError` when the connection breaks.
        """
        import websocket

        while True:
            try:
                piece = self._socket.recv()
            except websocket.WebSocketTimeoutException:
                if has_ended():
                    return
                continue
            except (websocket.WebSocketException, OSError) as exc:
                raise UnreachableError(f"the log broke off: {exc}", "follow it again") from exc
            if not piece:
                return
            yield piece if isinstance(piece, str) else piece.decode(errors="replace")


def _tls(settings: Configuration) -> dict[str, Any]:
    """How the client checks certificates, in the words of the library for websockets."""
    if not settings.verify_ssl:
        return {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    options = {
        "ca_certs": settings.ssl_ca_cert,
        "certfile": settings.cert_file,
        "keyfile": settings.key_file,
        "server_hostname": settings.tls_server_name,
    }
    return {"cert_reqs": ssl.CERT_REQUIRED, **{key: value for key, value in options.items() if value}}


def _proxy(settings: Configuration) -> dict[str, Any]:
    """The proxy of the kubeconfig or of the environment, if there is one."""
    if not settings.proxy:
        return {"http_no_proxy": ["*"]}
    parts = urlsplit(str(settings.proxy))
    return {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port,
        "proxy_type": parts.scheme or "http",
        "http_no_proxy": [rule.strip() for rule in (settings.no_proxy or "").split(",") if rule.strip()],
    }
