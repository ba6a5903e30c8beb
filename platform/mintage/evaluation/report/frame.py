"""What pages of Mintage have in common: files that load nothing, run no foreign script, and look alike."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined


def content_policy(scripts: tuple[str, ...]) -> str:
    """The content security policy: nothing may be loaded, and no script may run but these.

    Styles are free: the plotting library writes some, and without connections they leak nothing.
    """
    digests = (base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()) for script in scripts)
    allowed = " ".join(f"'sha256-{digest.decode('ascii')}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def make_environment() -> Environment:
    """Templates that escape everything which is not marked safe, and fail on what is not there."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["nobreak"] = _nobreak
    return environment


@cache
def read_asset(name: str) -> str:
    """A file that stands in pages as it is, such as `report.css`."""
    return (resources.files("mintage.evaluation.report") / "assets" / name).read_text(encoding="utf-8")


def _nobreak(text: str) -> str:
    """Keep a number and its per cent sign on one line."""
    return text.replace(" %", "\u00a0%")
