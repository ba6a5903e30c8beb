"""Spans: `mintage.submit` > `run` > a phase > `shard` > `sample`, `validate`, `write`, `commit`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from opentelemetry import context, trace
from opentelemetry.trace import Span, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mintage.errors import MintageError
from mintage.telemetry import providers
from mintage.telemetry.marks import Mark, marks
from mintage.telemetry.recording import record

_MAX_MESSAGE = 1000
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
NO_TRACE: Mapping[str, str] = MappingProxyType({})
"""The carrier of no span."""
# Always this one: the environment of a submission carries TRACEPARENT, whatever OTEL_PROPAGATORS says.
_W3C = TraceContextTextMapPropagator()


@contextmanager
def span(name: str, attributes: Mapping[str, Mark] | None = None) -> Iterator[Span]:
    """A span called `mintage.<name>` around the body, with the marks that hold here.

    An error that leaves the body is its status: the class, and for an error of ours the message. The
    message of another library's error may hold what nobody should read, so it is left out.
    """
    with _tracer().start_as_current_span(
        f"mintage.{name}",
        attributes={**marks(), **(attributes or {})},
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as exc:
            _failed(current, exc)
            raise


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A span around one step of a shard, and its time in the histogram of steps."""
    started = time.perf_counter()
    with span(name):
        yield
    record("mintage.stage.duration", time.perf_counter() - started, {"mintage.stage": name})


def set_attribute(name: str, value: Mark) -> None:
    """Say more of the span that is current here."""
    trace.get_current_span().set_attribute(name, value)


def _failed(current: Span, error: BaseException) -> None:

    current.set_attribute("error.type", type(error).__name__)
    message = error.message[:_MAX_MESSAGE] if isinstance(error, MintageError) else ""
    current.set_status(Status(StatusCode.ERROR, _CREDENTIALS.sub("…@", message)))


def carrier() -> dict[str, str]:
    """The span that is current here, as text for another process (W3C trace context); may be empty."""
    carried: dict[str, str] = {}
    _W3C.inject(carried)
    return carried


@contextmanager
def continued(carried: Mapping[str, str]) -> Iterator[None]:
    """Spans in the body are children of the span that another process carried over.

    Names may be in capitals, as they are in an environment. Without a span in it, nothing changes.
    """
    found = {name.lower(): value for name, value in carried.items()}
    token = context.attach(_W3C.extract(found, context.get_current()))
    try:
        yield
    finally:
        context.detach(token)


def _tracer() -> Tracer:
    ours = providers.tracer_provider()
    return trace.get_tracer("mintage", tracer_provider=ours)
