"""The one place where a metric is recorded; from here it goes to OpenTelemetry and to every outlet."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from opentelemetry import metrics

from mintage.telemetry import providers
from mintage.telemetry.instruments import INSTRUMENTS, Instrument
from mintage.telemetry.marks import JOB, mark_text


class Outlet(Protocol):
    """Another way out for metrics, beside OpenTelemetry: Ray's own, which Prometheus reads."""

    def record(self, instrument: Instrument, value: float, labels: Mapping[str, str]) -> None:
        """Take one value; must neither wait nor raise. `labels` has the instrument's and `mintage.job`."""
        ...


_outlets: dict[str, Outlet] = {}


def add_outlet(name: str, outlet: Outlet) -> None:
    """Hand every value that is recorded from now on to `outlet` too; one of each name."""
    _outlets[name] = outlet


def record(name: str, value: float, labels: Mapping[str, str] | None = None) -> None:
    """Add to a counter, set a gauge, or put a value into a histogram, for the job that is marked here."""
    instrument = INSTRUMENTS[name]
    complete = {JOB: mark_text(JOB), **(labels or {})}
    _opentelemetry(instrument, value, complete)
    for outlet in _outlets.values():
        outlet.record(instrument, value, complete)


def _opentelemetry(instrument: Instrument, value: float, labels: Mapping[str, str]) -> None:
    made = _made(instrument.name, providers.generation())
    if instrument.kind == "counter":
        made.add(value, labels)
    elif instrument.kind == "gauge":
        made.set(value, labels)
    else:
        made.record(value, labels)


@lru_cache(maxsize=len(INSTRUMENTS) * 2)
def _made(name: str, generation: int) -> Any:  # noqa: ANN401  # one of three classes without a common one
    """The instrument of the meter provider that holds; made again when another one does."""
    del generation
    instrument = INSTRUMENTS[name]
    meter = metrics.get_meter("mintage", meter_provider=providers.meter_provider())
    text = {"unit": instrument.unit, "description": instrument.description}
    if instrument.kind == "counter":
        return meter.create_counter(name, **text)
    if instrument.kind == "gauge":
        return meter.create_gauge(name, **text)
    return meter.create_histogram(name, **text, explicit_bucket_boundaries_advisory=instrument.bounds)
