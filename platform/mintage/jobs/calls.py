"""A public call in its span, sent away where the settings ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mintage.settings import Settings
from mintage.telemetry import Mark, exporting, marked, span, write_logs


@contextmanager
def observed_call(
    name: str, attributes: Mapping[str, Mark], warn: Callable[[str], None] | None = None
) -> Iterator[None]:
    """A public call in its span, which is sent when it ends; `warn` hears if it does not arrive."""
    settings = Settings.read()
    write_logs(settings.log, settings.log_level)
    with (
        exporting(settings.telemetry, settings.opentelemetry, warn),
        marked(attributes),
        span(name),
    ):
        yield
