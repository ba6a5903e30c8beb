"""Metrics through Ray: its agent on each node hands them to Prometheus, with the prefix `ray_`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from mintage.settings import Settings
from mintage.telemetry import INSTRUMENTS, Instrument, add_outlet, start, write_logs

_REFRESH_SECONDS = 5.0
"""Ray reports every ten seconds, and forgets a gauge that nobody has set for two reports."""


@cache
def report_to_ray() -> None:
    """Hand the metrics of this process to Ray too, whenever it is connected to a cluster."""
    outlet = _RayOutlet()
    add_outlet("ray", outlet)
    threading.Thread(target=outlet.keep_gauges, name="mintage-gauges", daemon=True).start()


def begin_worker() -> None:
    """What a process of the cluster does first: log, send and count as its environment says."""
    settings = Settings.read()
    write_logs(settings.log, settings.log_level)
    start(settings.telemetry, settings.opentelemetry, "worker")
    report_to_ray()


class _RayOutlet:
    """Ray's counters, gauges and histograms, made when they are first used."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._gauges: dict[tuple[str, tuple[str, ...]], tuple[float, dict[str, str]]] = {}

    def keep_gauges(self) -> None:
        """Set every gauge again from time to time, or it would not be there between two changes."""
        import ray

        pause = threading.Event()
        while not pause.wait(_REFRESH_SECONDS):
            with self._lock:
                held = list(self._gauges.items())
            for (name, _), (value, tags) in held:
                if ray.is_initialized():
                    self._made[name].set(value, tags)

    def record(self, instrument: Instrument, value: float, labels: Mapping[str, str]) -> None:
        """Add, set or observe; nothing while this process has no cluster."""
        import ray

        if not ray.is_initialized():
            return
        made = self._made.get(instrument.name) or self._make(instrument)
        tags = {prometheus_label(name): text for name, text in labels.items()}
        if instrument.kind == "gauge":
            made.set(value, tags)
            with self._lock:
                self._gauges[instrument.name, tuple(tags.values())] = value, tags
        elif instrument.kind == "histogram":
            made.observe(value, tags)
        elif value > 0:  # Ray refuses to add nothing
            made.inc(value, tags)

    def _make(self, instrument: Instrument) -> Any:  # noqa: ANN401  # one of three classes of Ray's
        from ray.util import metrics

        keys = tuple(prometheus_label(name) for name in ("mintage.job", *instrument.labels))
        if instrument.kind == "counter":
            made: Any = metrics.Counter(instrument.prometheus, instrument.description, keys)
        elif instrument.kind == "gauge":
            made = metrics.Gauge(instrument.prometheus, instrument.description, keys)
        else:
            made = metrics.Histogram(
                instrument.prometheus, instrument.description, list(instrument.bounds), keys
            )
        return self._made.setdefault(instrument.name, made)


def prometheus_label(name: str) -> str:
    """A label in Prometheus' spelling.

    >>> prometheus_label("mintage.table")
    'mintage_table'
    """
    return name.replace(".", "_")


def exported_names() -> dict[str, str]:
    """The names under which Prometheus finds every metric of Mintage, and the kind of each.

    >>> exported_names()["ray_mintage_rows_accepted_total"]
    'counter'
    """
    suffix = {"counter": "_total", "gauge": "", "histogram": ""}
    return {
        f"ray_{instrument.prometheus}{suffix[instrument.kind]}": instrument.kind
        for instrument in INSTRUMENTS.values()
    }
