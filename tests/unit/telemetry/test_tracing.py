"""Spans: their marks, their parents in other processes, and what an error leaves in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mintage.errors import StoreError
from mintage.telemetry import carrier, continued, marked, providers, span, stage


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What has ended, for as long as the test runs."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    providers.use(provider, None)
    yield kept
    providers.use(None, None)


def test_a_span_has_the_marks_around_it_and_its_own_attributes(spans: InMemorySpanExporter) -> None:
    with marked({"a": 1}), marked({"b": "x"}), span("shard", {"c": True}):
        pass
    [ended] = spans.get_finished_spans()
    assert (ended.name, dict(ended.attributes or {})) == ("mintage.shard", {"a": 1, "b": "x", "c": True})


def test_a_span_is_carried_to_another_process_in_capitals_too(spans: InMemorySpanExporter) -> None:
    with span("submit"):
        carried = {name.upper(): value for name, value in carrier().items()}
    assert list(carried) == ["TRACEPARENT"]
    with continued(carried), span("run"):
        pass
    submit, run = spans.get_finished_spans()
    assert run.parent is not None
    assert submit.context is not None
    assert run.parent.span_id == submit.context.span_id


def test_carrying_nothing_leaves_the_span_that_is_current(spans: InMemorySpanExporter) -> None:
    with span("mint"), continued({}), stage("write"):
        pass
    write, mint = spans.get_finished_spans()
    assert write.parent is not None
    assert mint.context is not None
    assert write.parent.span_id == mint.context.span_id


def test_an_error_of_ours_is_the_status_without_credentials(spans: InMemorySpanExporter) -> None:
    with pytest.raises(StoreError), span("shard"):
        raise StoreError("s3://key:secret@host/x cannot be read", "look")
    [ended] = spans.get_finished_spans()
    assert dict(ended.attributes or {}) == {"error.type": "StoreError"}
    assert ended.status.description == "s3://…@host/x cannot be read"


def test_of_another_librarys_error_only_the_class_is_told(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="hunter2"), span("shard"):
        raise ValueError("password hunter2")
    [ended] = spans.get_finished_spans()
    assert dict(ended.attributes or {}) == {"error.type": "ValueError"}
    assert not ended.events
    assert ended.status.description in (None, "")
