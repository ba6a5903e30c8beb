"""Traces and metrics through the OpenTelemetry API: silent unless the program brings an SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from opentelemetry import context, metrics, propagate, trace
from opentelemetry.metrics import Counter

_SCOPE = "mintage"


@contextmanager
def span(name: str, attributes: Mapping[str, str | int | float | bool] | None = None) -> Iterator[trace.Span]:
    """A span called `mintage.<name>` around the body; an error that leaves the body is recorded in it."""
    tracer = trace.get_tracer(_SCOPE)
    with tracer.start_as_current_span(f"{_SCOPE}.{name}", attributes=dict(attributes or {})) as current:
        yield current


def carrier() -> dict[str, str]:
    """The span that is current here, as text for another process (W3C trace context); may be empty."""
    carried: dict[str, str] = {}
    propagate.inject(carried)
    return carried


@contextmanager
def continued(carried: Mapping[str, str]) -> Iterator[None]:
    """Spans in the body are children of the span that another process carried over."""
    token = context.attach(propagate.extract(carried))
    try:
        yield
    finally:
        context.detach(token)


def count_rows(table: str, accepted: int, rejected: Mapping[str, int]) -> None:
    """Count the rows of a committed shard: accepted, and rejected by reason."""
    _counter("mintage.rows.accepted", "Rows that were committed").add(accepted, {"mintage.table": table})
    rejects = _counter("mintage.rows.rejected", "Rows that operators rejected")
    for reason, rows in rejected.items():
        rejects.add(rows, {"mintage.table": table, "mintage.reason": reason})


def count_retry() -> None:
    """Count a shard that is tried again."""
    _counter("mintage.shards.retried", "Shards that were tried again").add(1)


@cache
def _counter(name: str, description: str) -> Counter:
    return metrics.get_meter(_SCOPE).create_counter(name, unit="1", description=description)
