"""Getting an event where it belongs within a given time: to a file, or a server, slow or broken maybe."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Protocol

from mintage.errors import StoreError
from mintage.store.url_policy import UrlPolicy, check_uri, scheme_of

_POLICY = UrlPolicy(schemes=("http", "https", "file"))


class Sender(Protocol):
    """Takes events."""

    def send(self, event: Mapping[str, object]) -> None:
        """Deliver one event; raises `StoreError` when that fails, or is not known to have succeeded."""


def make_sender(to: str, timeout_seconds: float) -> Sender:
    """What delivers to a URL, or to a file; raises `SpecError` for any other kind of place."""
    checked = check_uri(to, _POLICY)
    if scheme_of(checked) == "file":
        return _File(Path(checked))
    return _Server(checked, timeout_seconds)


class _File:
    """Appends events to a file, one a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, event: Mapping[str, object]) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(_body(event) + b"\n")
        except OSError as exc:
            raise StoreError(f"{self._path} cannot be written: {exc.strerror or exc}") from exc


class _Server:
    """Posts events to a server; nothing that it answers is read but the status."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout = timeout_seconds
        self._opener = urllib.request.build_opener(_NoRedirects)

    def send(self, event: Mapping[str, object]) -> None:
        failure: list[Exception] = []
        # A server can keep a connection alive with a byte now and then: no time limit of a socket ends that.
        thread = threading.Thread(target=self._post, args=(_body(event), failure), daemon=True)
        thread.start()
        thread.join(self._timeout)
        if thread.is_alive():
            raise StoreError(f"{self._url} did not answer within {self._timeout:g} s")
        if failure:
            raise StoreError(f"{self._url}: {failure[0]}") from failure[0]

    def _post(self, body: bytes, failure: list[Exception]) -> None:
        request = urllib.request.Request(  # noqa: S310  # the policy allows http and https only
            self._url, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with self._opener.open(request, timeout=self._timeout):
                pass
        except urllib.error.HTTPError as exc:
            exc.close()
            failure.append(exc)
        except (OSError, HTTPException, ValueError) as exc:
            failure.append(exc)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses to go where a server points: only the place in the spec was checked."""

    def redirect_request(  # noqa: PLR0917  # urllib's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        del newurl
        raise urllib.error.HTTPError(req.full_url, code, f"{msg}: redirects are not followed", headers, fp)


def _body(event: Mapping[str, object]) -> bytes:
    return json.dumps(event, ensure_ascii=False, allow_nan=False).encode("utf-8")
