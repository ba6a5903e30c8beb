"""What is refused when telemetry is switched on, and what is handed on to workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from mintage import telemetry
from mintage.errors import SpecError
from mintage.settings import Settings

_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_TRACES = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"


@pytest.mark.parametrize(
    ("kind", "variables", "said"),
    [
        ("zipkin", {}, "MINTAGE_TELEMETRY is 'zipkin'"),
        ("otlp", {_PROTOCOL: "http/json"}, f"{_PROTOCOL} is 'http/json'"),
        ("otlp", {_PROTOCOL: "grpc", _TRACES: "tcp"}, f"{_TRACES} is 'tcp'"),
        ("otlp", {"OTEL_TRACES_EXPORTER": "jaeger"}, "OTEL_TRACES_EXPORTER is 'jaeger'"),
    ],
)
def test_what_cannot_be_sent_is_refused(kind: str, variables: dict[str, str], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        telemetry.start(kind, variables, "driver")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SpecError, match=r"pip install 'mintage\[telemetry\]'"):
        telemetry.start("otlp", {}, "driver")


def test_workers_get_what_they_need_and_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "MINTAGE_TELEMETRY": "otlp",
        "MINTAGE_LOG": "json",
        "MINTAGE_HSM_PIN": "hunter2",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://me:hunter2@elsewhere",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter2",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "api-key=hunter2",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings.read()
    assert settings.for_workers() == {
        "MINTAGE_TELEMETRY": "otlp",
        "MINTAGE_LOG": "json",
        "MINTAGE_LOG_LEVEL": "info",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
    }
    assert "hunter2" not in repr(settings)


def test_workers_get_nothing_when_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MINTAGE_TELEMETRY", "MINTAGE_LOG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    assert Settings.read().for_workers() == {}
