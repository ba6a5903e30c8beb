"""The OpenTelemetry SDK and its OTLP exporters, as the standard `OTEL_*` variables say.

Imported only when settings ask for it, because it needs the extra `telemetry`.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from mintage._version import __version__
from mintage.errors import SpecError

_PROTOCOLS = ("grpc", "http/protobuf")


class Health:
    """Whether what was sent arrived; says so once, in the words for a person."""

    def __init__(self, place: str) -> None:
        self._lock = Lock()
        self._place = place
        self._told = False
        self.failing = False

    def note(self, *, arrived: bool) -> None:
        """Take in how one export ended."""
        with self._lock:
            self.failing = not arrived

    def complaint(self) -> str | None:
        """What to tell a person, the first time that there is something to tell."""
        with self._lock:
            if self._told or not self.failing:
                return None
            self._told = True
        return f"traces and metrics do not arrive at {self._place}; the run is not affected by that"


class _Spans(SpanExporter):
    """An exporter of spans that notes how it goes."""

    def __init__(self, inner: SpanExporter, health: Health) -> None:
        self._inner = inner
        self._health = health

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        self._health.note(arrived=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


class _Metrics(MetricExporter):
    """An exporter of metrics that notes how it goes."""

    def __init__(self, inner: MetricExporter, health: Health) -> None:
        super().__init__(inner._preferred_temporality, inner._preferred_aggregation)
        self._inner = inner
        self._health = health

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> MetricExportResult:
        result = self._inner.export(metrics_data, timeout_millis, **kwargs)
        self._health.note(arrived=result is MetricExportResult.SUCCESS)
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        self._inner.shutdown(timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._inner.force_flush(timeout_millis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The providers of a process and what sends for them; None for what `OTEL_*_EXPORTER` turned off."""

    tracer: TracerProvider | None
    meter: MeterProvider | None
    exporters: Sequence[SpanExporter | MetricExporter]
    health: Health = field(repr=False)

    def flush(self) -> None:
        """Send what is buffered, however long that takes."""
        for provider in (self.tracer, self.meter):
            if provider is not None:
                provider.force_flush()

    def shutdown(self) -> None:
        """Send what is left, spans first, and end the threads of the SDK."""
        for provider in (self.tracer, self.meter):
            if provider is not None:
                provider.shutdown()

    def abandon(self) -> None:
        """Break off what is still being sent."""
        for exporter in self.exporters:
            exporter.shutdown()


def open_sender(variables: Mapping[str, str], role: str) -> Sender:
    """What the variables ask for. Raises `SpecError` for a protocol or an exporter that there is not."""
    # The exporters report every failed try on their own, with the address; one warning of ours is enough.
    exporters_log = logging.getLogger("opentelemetry.exporter")
    if exporters_log.level == logging.NOTSET:
        exporters_log.setLevel(logging.CRITICAL)
    health = Health(_place(variables))
    resource = _resource(role)
    spans = _span_exporter(variables)
    measures = _metric_exporter(variables)
    tracer = meter = None
    if spans is not None:
        tracer = TracerProvider(resource=resource, shutdown_on_exit=False)
        tracer.add_span_processor(BatchSpanProcessor(_Spans(spans, health)))
    if measures is not None:
        reader = PeriodicExportingMetricReader(_Metrics(measures, health))
        meter = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    kept = [exporter for exporter in (spans, measures) if exporter is not None]
    return Sender(tracer=tracer, meter=meter, exporters=kept, health=health)


def _resource(role: str) -> Resource:
    """Who sends: standard attributes, which `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` override."""
    host = platform.node()
    own = Resource(
        {
            "service.name": "mintage",
            "service.version": __version__,
            "service.instance.id": f"{host}/{os.getpid()}",
            "host.name": host,
            "process.pid": os.getpid(),
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
            "mintage.role": role,
        }
    )
    return own.merge(OTELResourceDetector().detect())


def _span_exporter(variables: Mapping[str, str]) -> SpanExporter | None:
    if not _wanted(variables, "TRACES"):
        return None
    if _protocol(variables, "TRACES") == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter

    return HttpSpanExporter()


def _metric_exporter(variables: Mapping[str, str]) -> MetricExporter | None:
    if not _wanted(variables, "METRICS"):
        return None
    if _protocol(variables, "METRICS") == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter

    return HttpExporter()


def _wanted(variables: Mapping[str, str], signal: str) -> bool:
    asked = variables.get(f"OTEL_{signal}_EXPORTER", "otlp")
    if asked not in ("otlp", "none"):
        raise SpecError(f"OTEL_{signal}_EXPORTER is {asked!r}", "set it to otlp, or to none")
    return asked == "otlp"


def _protocol(variables: Mapping[str, str], signal: str) -> str:
    name = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"
    if name not in variables:
        name = "OTEL_EXPORTER_OTLP_PROTOCOL"
    protocol = variables.get(name, "grpc")
    if protocol not in _PROTOCOLS:
        raise SpecError(f"{name} is {protocol!r}", f"set it to {' or '.join(_PROTOCOLS)}")
    return protocol


def _place(variables: Mapping[str, str]) -> str:
    """Where things are sent, without credentials."""
    endpoint = variables.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "the local OTLP receiver"
    scheme, mark, rest = endpoint.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
