"""Figures of a replica, handed to Ray's metrics, which Prometheus collects."""

from __future__ import annotations

from functools import cache

_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0]


class Measures:
    """Counts requests, rows and seconds. Figures have names that begin with `mintage_serve_`."""

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered, or its client left (499)."""
        tags = {"route": route, "status": str(status)}
        _figures().requests.inc(1, tags=tags)
        _figures().seconds.observe(max(seconds, 1e-6), tags={"route": route})

    def rows(self, model: str, rows: int) -> None:
        """Rows went out."""
        if rows:
            _figures().rows.inc(rows, tags={"model": model})


class _Figures:
    def __init__(self) -> None:
        from ray.util.metrics import Counter, Histogram

        self.requests = Counter(
            "mintage_serve_requests", "Requests that were answered.", tag_keys=("route", "status")
        )
        self.rows = Counter("mintage_serve_rows", "Rows that were sent.", tag_keys=("model",))
        self.seconds = Histogram(
            "mintage_serve_seconds",
            "Seconds until a request was answered completely.",
            boundaries=_SECONDS,
            tag_keys=("route",),
        )


@cache
def _figures() -> _Figures:
    return _Figures()
