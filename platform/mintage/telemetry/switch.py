"""Whether this process sends spans and metrics away: only when `MINTAGE_TELEMETRY` is `otlp`."""

from __future__ import annotations

import atexit
import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING, Literal

from mintage.errors import SpecError
from mintage.telemetry import providers

if TYPE_CHECKING:
    from mintage.telemetry.otlp import Sender

FLUSH_SECONDS = 3.0
"""How long the end of a run, or of a process, waits for a receiver that does not answer."""
_AFTER_FAILURE_SECONDS = 0.5
Role = Literal["driver", "worker"]


@dataclass(slots=True)
class _Switch:
    lock: Lock = field(default_factory=Lock)
    sender: Sender | None = None


_switch = _Switch()


def start(kind: str, variables: Mapping[str, str], role: Role) -> None:
    """Send spans and metrics of this process away from now on, if `kind` is `otlp`; once per process.

    `variables` are OpenTelemetry's own, `OTEL_*`. Raises `SpecError` for another kind, for a protocol
    that there is not, and when the extra `telemetry` is not installed.
    """
    if not kind or kind == "off":
        return
    if kind != "otlp":
        raise SpecError(f"MINTAGE_TELEMETRY is {kind!r}", "set it to otlp, or to off")
    for module in ("opentelemetry.sdk", "opentelemetry.exporter.otlp"):
        if importlib.util.find_spec(module) is None:
            raise SpecError(
                f"MINTAGE_TELEMETRY is otlp, but {module} is not installed",
                "pip install 'mintage[telemetry]', in the image of the workers too",
            )
    from mintage.telemetry.otlp import open_sender

    with _switch.lock:
        if _switch.sender is None:
            _switch.sender = open_sender(variables, role)
            providers.use(_switch.sender.tracer, _switch.sender.meter)
            atexit.register(stop)


def flush(tell: Callable[[str], None] | None = None) -> None:
    """Send what is buffered, for `FLUSH_SECONDS` at most; `tell` hears once if the receiver is away.

    Never raises: what cannot be sent is lost, and the run is not. Nothing to do when it is off.
    """
    if (sender := _switch.sender) is None:
        return
    if not _within(_seconds(sender), sender.flush):
        sender.health.note(arrived=False)
    if (complaint := sender.health.complaint()) is not None:
        (tell or logging.getLogger("mintage.telemetry").warning)(complaint)


@contextmanager
def exporting(
    kind: str, variables: Mapping[str, str], tell: Callable[[str], None] | None = None
) -> Iterator[None]:
    """`start` as a driver, and `flush` when the body has ended, however it did."""
    start(kind, variables, "driver")
    try:
        yield
    finally:
        flush(tell)


def stop() -> None:
    """Send what is left, close the connections, and send no more."""
    with _switch.lock:
        sender, _switch.sender = _switch.sender, None
    if sender is not None:
        providers.use(None, None)
        _within(_seconds(sender), sender.shutdown)
        sender.abandon()


def _seconds(sender: Sender) -> float:
    return _AFTER_FAILURE_SECONDS if sender.health.failing else FLUSH_SECONDS


def _within(seconds: float, work: Callable[[], None]) -> bool:
    """Whether `work` ended in time; if not, it goes on in a thread that no process waits for.

    The SDK's own limits do not hold: flushing spans ignores its one, and shutting down waits 30 s.
    """
    thread = Thread(target=work, name="mintage-telemetry", daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
