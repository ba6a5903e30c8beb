"""The page as one HTML file that loads nothing, in the frame and the style of the report."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Template
from markupsafe import Markup

from mintage.evaluation.report.frame import content_policy, make_environment, read_asset
from mintage.evaluation.samples.page import SamplePage

_STYLES = ("report.css", "print.css")


def render_sample_page(page: SamplePage) -> bytes:
    """The page as HTML, UTF-8; values from the data are escaped, and scripts are named by their digests."""
    scripts = {"theme": read_asset("theme.js"), "program": _read("sample.js")}
    text = _template().render(
        page=page,
        style=Markup("\n".join([*(read_asset(name) for name in _STYLES), _read("sample.css")])),  # noqa: S704  # our own files
        policy=content_policy(tuple(scripts.values())),
        **{name: Markup(script) for name, script in scripts.items()},  # noqa: S704  # our own files
    )
    return text.encode("utf-8")


@cache
def _template() -> Template:
    return make_environment().from_string(_read("sample.html.j2"))


@cache
def _read(name: str) -> str:
    return (resources.files("mintage.evaluation.samples") / "assets" / name).read_text(encoding="utf-8")
