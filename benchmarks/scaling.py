"""Two workers beside one, on a local Ray: rows per second of the minting phase of one model."""

from __future__ import annotations

import statistics

from environment import Setting

import mintage


def measure(setting: Setting) -> dict[str, object]:
    """Rates with 1 and 2 workers, taken in turns, their ratio, and whether the roots are the same.

    The rate is taken between the first and the last commit after every worker has loaded its model,
    so starting Ray and its workers does not count; `job_rows_per_second` is that of the phase as a whole.
    """
    import ray

    rows = 200_000 if setting.quick else 1_000_000
    rates: dict[int, list[float]] = {1: [], 2: []}
    whole: dict[int, list[float]] = {1: [], 2: []}
    roots: set[str] = set()
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    try:
        for turn in range(setting.runs):
            for workers in rates:
                spec = setting.spec(f"scaling-{turn}-{workers}", rows, workers=workers, shard_rows=25_000)
                spec["resources"] = {"workers": workers, "executor": "ray"}
                clock = _Clock()
                result = mintage.run(spec, on_event=clock)
                rates[workers].append(clock.rate(skip=2 * workers))
                whole[workers].append(rows / result.summary["phases"]["mint"])
                roots.add(result.summary["root"])
    finally:
        ray.shutdown()
    medians = {workers: statistics.median(values) for workers, values in rates.items()}
    return {
        "rows": rows,
        "one_worker_rows_per_second": round(medians[1]),
        "two_workers_rows_per_second": round(medians[2]),
        "ratio": round(statistics.median(b / a for a, b in zip(rates[1], rates[2], strict=True)), 3),
        "job_rows_per_second": {
            workers: round(statistics.median(values)) for workers, values in whole.items()
        },
        "same_root": len(roots) == 1,
    }


class _Clock:
    """Notes when each shard was committed."""

    def __init__(self) -> None:
        self.commits: list[tuple[float, int]] = []

    def __call__(self, event: object) -> None:
        import time

        from mintage.engine.events import ShardCommitted

        if isinstance(event, ShardCommitted):
            self.commits.append((time.perf_counter(), event.rows))

    def rate(self, skip: int) -> float:
        """Rows per second after the first `skip` commits."""
        steady = self.commits[skip - 1 :]
        return sum(rows for _, rows in steady[1:]) / (steady[-1][0] - steady[0][0])
