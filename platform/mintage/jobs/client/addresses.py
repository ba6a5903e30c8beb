"""Which back end an address means: the one place that knows them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from mintage.errors import AccessError, SpecError
from mintage.jobs.client.backend import Backend
from mintage.settings import Settings

_MAX_TOKEN = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What lets us in: Ray's token, which is shown nowhere, trusted certificates, the kubeconfig."""

    token: str | None = field(default=None, repr=False)
    ca: Path | None = None
    kubeconfig: str | None = None

    @classmethod
    def choose(cls, settings: Settings, *, token: str | None, ca: Path | str | None) -> Self:
        """What was given, else what the settings say. Raises `AccessError` for a file that cannot be read."""
        trusted = Path(ca) if ca else settings.ca
        if trusted is not None and not trusted.is_file():
            raise AccessError(
                f"{trusted} is no file of certificates", "name a PEM file with the authority's certificate"
            )
        return cls(
            token=token or settings.ray_token or _read_token(settings.ray_token_path),
            ca=trusted,
            kubeconfig=settings.kubeconfig,
        )


def open_backend(address: str | None, access: Access) -> Backend:
    """The back end of an address; None means this process. Raises `SpecError` for any other kind."""
    if address is None:
        from mintage.jobs.client.in_process import InProcess

        return InProcess()
    scheme = _scheme(address)
    if scheme in {"http", "https"}:
        from mintage.jobs.client.ray_http import RayServer
        from mintage.jobs.client.ray_jobs import RayJobs

        return RayJobs(RayServer.at(address, access))
    if scheme == "kubernetes":
        from mintage.jobs.client.kubernetes import Kubernetes

        return Kubernetes.connect(address, token=access.token, kubeconfig=access.kubeconfig)
    raise SpecError(
        f"the address {address!r} is of no known kind",
        "use http://host:8265 or https://… for the Jobs API of a Ray cluster, kubernetes://namespace for a"
        " cluster of each job's own",
    )


def _scheme(address: str) -> str:
    try:
        parts = urlsplit(address)
        if parts.username or parts.password:
            raise SpecError(
                "the address holds a credential", "give the token as token=, or as MINTAGE_RAY_TOKEN"
            )
    except ValueError as exc:
        raise SpecError(f"the address {address!r} is no URL: {exc}", "use http://host:8265") from exc
    return parts.scheme


def _read_token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8") as file:
            token = file.read(_MAX_TOKEN).strip()
    except (OSError, ValueError) as exc:
        raise AccessError(
            f"the token in {path} cannot be read: {exc}", "see RAY_AUTH_TOKEN_PATH, or give a token"
        ) from exc
    return token or None
