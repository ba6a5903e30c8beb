"""The one place that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

SELF_HOSTED = "https://mintage.dev/builder/self-hosted/v1"
"""The builder that provenance names when nobody gave it an id of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a machine, rather than a job, decides.

    `home` (`MINTAGE_HOME`, default `~/.config/mintage`) holds the local signing identity.
    `ray_address` (`MINTAGE_RAY_ADDRESS`, then `RAY_ADDRESS`) is the cluster that a job joins when its
    spec names none; without one, a job starts a local Ray of its own. `cpus` counts the processors
    that this process may use. `ray_auth_mode` (`RAY_AUTH_MODE`) is None when nobody chose one.
    `builder` (`MINTAGE_BUILDER_ID`) is the URI by which provenance names whoever runs jobs here.
    `hsm_pin` (`MINTAGE_HSM_PIN`) opens a hardware token; it is shown nowhere.
    """

    home: Path
    ray_address: str | None
    ray_auth_mode: str | None
    cpus: int
    builder: str = SELF_HOSTED
    hsm_pin: str | None = field(default=None, repr=False)

    @property
    def identity(self) -> Path:
        """The private key that signs when a spec names none."""
        return self.home / "identity.pem"

    @classmethod
    def read(cls) -> Self:
        """The settings as the environment gives them now."""
        home = os.environ.get("MINTAGE_HOME")
        return cls(
            home=Path(home) if home else Path.home() / ".config" / "mintage",
            ray_address=os.environ.get("MINTAGE_RAY_ADDRESS") or os.environ.get("RAY_ADDRESS") or None,
            ray_auth_mode=os.environ.get("RAY_AUTH_MODE") or None,
            builder=os.environ.get("MINTAGE_BUILDER_ID") or SELF_HOSTED,
            hsm_pin=os.environ.get("MINTAGE_HSM_PIN") or None,
            cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        )
