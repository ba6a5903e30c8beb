"""A real OTLP receiver, over gRPC and over HTTP, that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

Labels = frozenset[tuple[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSpan:
    """One span, with what was said of the process that made it."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, object]
    resource: Mapping[str, object]
    failed: bool
    message: str


@dataclass(slots=True)
class Received:
    """All that came: spans, the newest value of every series of every process, the headers of requests."""

    spans: list[ReceivedSpan] = field(default_factory=list)
    points: dict[tuple[object, str, Labels], float] = field(default_factory=dict)
    counts: dict[tuple[object, str, Labels], int] = field(default_factory=dict)
    headers: dict[object, dict[str, str]] = field(default_factory=dict)
    raw: list[bytes] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def total(self, name: str, **labels: object) -> float:
        """A metric added up over all processes and series that have these labels (`_` for dots)."""
        wanted = {(f"mintage.{label}", value) for label, value in labels.items()}
        return sum(
            value for (_, found, held), value in self.points.items() if found == name and wanted <= held
        )

    def named(self, name: str) -> list[ReceivedSpan]:
        """The spans of that name."""
        return [span for span in self.spans if span.name == name]

    def add_spans(
        self, request: trace_service_pb2.ExportTraceServiceRequest, headers: dict[str, str]
    ) -> None:
        with self.lock:
            self.raw.append(request.SerializeToString())
            for sent in request.resource_spans:
                resource = _plain(sent.resource.attributes)
                self.headers.setdefault(resource.get("mintage.role"), {}).update(headers)
                self.spans += [
                    ReceivedSpan(
                        name=span.name,
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        attributes=_plain(span.attributes),
                        resource=resource,
                        failed=span.status.code == span.status.STATUS_CODE_ERROR,
                        message=span.status.message,
                    )
                    for scope in sent.scope_spans
                    for span in scope.spans
                ]

    def add_metrics(self, request: metrics_service_pb2.ExportMetricsServiceRequest) -> None:
        with self.lock:
            self.raw.append(request.SerializeToString())
            for sent in request.resource_metrics:
                process = _plain(sent.resource.attributes).get("service.instance.id")
                for metric in (metric for scope in sent.scope_metrics for metric in scope.metrics):
                    for point in metric.sum.data_points or metric.gauge.data_points:
                        key = (process, metric.name, frozenset(_plain(point.attributes).items()))
                        self.points[key] = point.as_int or point.as_double
                    for bucketed in metric.histogram.data_points:
                        key = (process, metric.name, frozenset(_plain(bucketed.attributes).items()))
                        self.counts[key] = bucketed.count


def _plain(attributes: Any) -> dict[str, object]:  # noqa: ANN401  # protobuf's repeated fields
    return {one.key: _value(one) for one in attributes}


def _value(one: KeyValue) -> object:
    kind = one.value.WhichOneof("value")
    return getattr(one.value, kind) if kind else None


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, received: Received) -> None:
        self._received = received

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ANN401  # untyped
        self._received.add_spans(request, dict(context.invocation_metadata()))
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, received: Received) -> None:
        self._received = received

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ANN401  # untyped
        del context
        self._received.add_metrics(request)
        return metrics_service_pb2.ExportMetricsServiceResponse()


@contextmanager
def grpc_receiver() -> Iterator[tuple[str, Received]]:
    """A receiver at a free port of this machine; yields its address and what it gets."""
    received = Received()
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    services: Any = trace_service_pb2_grpc, metrics_service_pb2_grpc  # untyped functions
    services[0].add_TraceServiceServicer_to_server(_Traces(received), server)
    services[1].add_MetricsServiceServicer_to_server(_Metrics(received), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", received
    finally:
        server.stop(grace=1).wait()


@contextmanager
def http_receiver() -> Iterator[tuple[str, Received]]:
    """The same over HTTP with protobuf bodies."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                spans = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
                received.add_spans(spans, {name.lower(): value for name, value in self.headers.items()})
            else:
                received.add_metrics(metrics_service_pb2.ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # the base's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
