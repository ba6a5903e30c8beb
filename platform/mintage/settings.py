"""The one place that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mintage.prices import CURRENCY_VARIABLE, PRICE_VARIABLES, Prices

SELF_HOSTED = "https://mintage.dev/builder/self-hosted/v1"
"""The builder that provenance names when nobody gave it an id of its own."""


_TRACE = ("TRACEPARENT", "TRACESTATE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a machine, rather than a job, decides.

    `home` (`MINTAGE_HOME`, default `~/.config/mintage`) holds the local signing identity.
    `ray_address` (`MINTAGE_RAY_ADDRESS`, then `RAY_ADDRESS`) is the cluster that a job joins when its
    spec names none; without one, a job starts a local Ray of its own. `cpus` counts the processors
    that this process may use. `ray_auth_mode` (`RAY_AUTH_MODE`) is None when nobody chose one.
    `builder` (`MINTAGE_BUILDER_ID`) is the URI by which provenance names whoever runs jobs here.
    `serve_tokens` (`MINTAGE_SERVE_TOKENS`) are digests of the tokens that `mintage serve` takes.
    `hsm_pin` (`MINTAGE_HSM_PIN`) opens a hardware token; it is shown nowhere.
    `telemetry` (`MINTAGE_TELEMETRY`) is `otlp` to send traces and metrics away; `opentelemetry` are the
    standard `OTEL_*` variables, which say where to. `log` (`MINTAGE_LOG`, `text` or `json`) and
    `log_level` (`MINTAGE_LOG_LEVEL`) have log records written to stderr.

    `address` (`MINTAGE_ADDRESS`) is where jobs are submitted to when nobody says otherwise; `ray_token`
    (`MINTAGE_RAY_TOKEN`, then `RAY_AUTH_TOKEN`), shown nowhere, or the file `ray_token_path`
    (`RAY_AUTH_TOKEN_PATH`) lets us in, and `ca` (`MINTAGE_CA`) is a file of certificates to trust;
    `kubeconfig` (`KUBECONFIG`) are the paths of configurations of Kubernetes.
    `job_spec` (`MINTAGE_SPEC`) is the spec that a submitted job was sent with, and `trace`
    (`TRACEPARENT`, `TRACESTATE`) the span that it belongs to.
    `price_texts` are the variables that `prices` are read from.
    """

    home: Path
    ray_address: str | None
    ray_auth_mode: str | None
    cpus: int
    builder: str = SELF_HOSTED
    hsm_pin: str | None = field(default=None, repr=False)
    telemetry: str = ""
    opentelemetry: Mapping[str, str] = field(default_factory=dict, repr=False)
    log: str = ""
    log_level: str = "info"
    address: str | None = None
    ray_token: str | None = field(default=None, repr=False)
    ray_token_path: Path | None = None
    ca: Path | None = None
    kubeconfig: str | None = None
    job_spec: str | None = field(default=None, repr=False)
    trace: Mapping[str, str] = field(default_factory=dict)
    price_texts: Mapping[str, str] = field(default_factory=dict)
    serve_tokens: str | None = field(default=None, repr=False)

    @property
    def identity(self) -> Path:
        """The private key that signs when a spec names none."""
        return self.home / "identity.pem"

    @property
    def prices(self) -> Prices | None:
        """What machines cost here (`MINTAGE_PRICE_CPU_HOUR`, `…_GPU_HOUR`, `…_GB`, `MINTAGE_CURRENCY`).

        Raises `SpecError` for what is no price: only where money is asked for, not by whoever verifies.
        """
        return Prices.of(self.price_texts)

    def for_workers(self) -> dict[str, str]:
        """What a process elsewhere needs in its environment to send and log as this one does.

        Headers and addresses with a password stay here: an environment of Ray is shown on its
        dashboard. A worker's own environment may have them.
        """
        told = {
            "MINTAGE_TELEMETRY": self.telemetry,
            "MINTAGE_LOG": self.log,
            "MINTAGE_LOG_LEVEL": self.log_level if self.log else "",
        }
        if self.telemetry:
            told |= {
                name: value
                for name, value in self.opentelemetry.items()
                if not name.endswith("_HEADERS") and "@" not in value
            }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def read(cls) -> Self:
        """The settings as the environment gives them now."""
        home = os.environ.get("MINTAGE_HOME")
        return cls(
            home=Path(home) if home else Path.home() / ".config" / "mintage",
            ray_address=os.environ.get("MINTAGE_RAY_ADDRESS") or os.environ.get("RAY_ADDRESS") or None,
            ray_auth_mode=os.environ.get("RAY_AUTH_MODE") or None,
            builder=os.environ.get("MINTAGE_BUILDER_ID") or SELF_HOSTED,
            serve_tokens=os.environ.get("MINTAGE_SERVE_TOKENS") or None,
            hsm_pin=os.environ.get("MINTAGE_HSM_PIN") or None,
            telemetry=os.environ.get("MINTAGE_TELEMETRY") or "",
            opentelemetry={name: value for name, value in os.environ.items() if name.startswith("OTEL_")},
            log=os.environ.get("MINTAGE_LOG") or "",
            log_level=os.environ.get("MINTAGE_LOG_LEVEL") or "info",
            address=os.environ.get("MINTAGE_ADDRESS") or None,
            ray_token=os.environ.get("MINTAGE_RAY_TOKEN") or os.environ.get("RAY_AUTH_TOKEN") or None,
            ray_token_path=_path("RAY_AUTH_TOKEN_PATH"),
            ca=_path("MINTAGE_CA"),
            kubeconfig=os.environ.get("KUBECONFIG") or None,
            job_spec=os.environ.get("MINTAGE_SPEC") or None,
            trace={name.lower(): value for name in _TRACE if (value := os.environ.get(name))},
            cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            price_texts={
                name: value
                for name in (*PRICE_VARIABLES, CURRENCY_VARIABLE)
                if (value := os.environ.get(name))
            },
        )


def _path(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None
