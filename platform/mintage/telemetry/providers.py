"""The OpenTelemetry providers of Mintage itself, when settings turned them on.

They are never set as the process's global ones: those can be set only once, belong to the program, and
Ray's metrics agent sets one too. Without ours, spans and metrics go where the program's own SDK says,
and nowhere when it has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider


@dataclass(slots=True)
class _Providers:
    tracer: TracerProvider | None = None
    meter: MeterProvider | None = None
    generation: int = 0


_current = _Providers()


def use(tracer: TracerProvider | None, meter: MeterProvider | None) -> None:
    """Send spans and metrics of ours there from now on; None: where the program's own SDK says."""
    _current.tracer, _current.meter = tracer, meter
    _current.generation += 1


def tracer_provider() -> TracerProvider | None:
    """Ours, if there is one."""
    return _current.tracer


def meter_provider() -> MeterProvider | None:
    """Ours, if there is one."""
    return _current.meter


def generation() -> int:
    """How often `use` was called: whoever keeps something made by a provider asks whether it is stale."""
    return _current.generation
