"""Two workers beside one on a local Ray, and beside them as many processes that only sample."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from environment import Setting

import mintage
from mintage.engine.events import ShardCommitted

_SAMPLE = """
import sys, time
import torch
torch.set_num_threads(1)
from mintage.contracts import SampleRequest
from mintage.engine.bench import read_plan
from mintage.engine.models import load_model
from mintage.store import ObjectStore
store = ObjectStore.open(sys.argv[1])
model = load_model(store, read_plan(store).model)
def sample(batch):
    list(model.sample(SampleRequest(seed=1, shard=0, batch=batch, rows=12_500, first_key=0)))
sample(0)
batch, started = 0, time.perf_counter()
while time.perf_counter() - started < 4:
    batch += 1
    sample(batch)
print(batch * 12_500 / (time.perf_counter() - started))
"""


def measure(setting: Setting) -> dict[str, object]:
    """Rates with 1 and 2 workers, their ratio, the same of bare sampling, and whether roots agree.

    Rates of minting are taken between commits once every worker has committed twice, so starting
    workers does not count; `job_rows_per_second` is that of the phase as a whole. Figures are medians
    of paired turns.
    """
    import ray

    turns = 1 if setting.quick else 2 * setting.runs - 1
    minting: dict[int, list[float]] = {1: [], 2: []}
    job: dict[int, list[float]] = {1: [], 2: []}
    bare: dict[int, list[float]] = {1: [], 2: []}
    roots: set[object] = set()
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    try:
        for turn in range(turns):
            for workers in (1, 2):
                clock = _Clock()
                spec = setting.spec(f"scaling-{turn}-{workers}", 400_000, workers=workers, shard_rows=25_000)
                spec["resources"] = {"workers": workers, "executor": "ray"}
                summary = json.loads(json.dumps(mintage.run(spec, on_event=clock).summary, default=str))
                minting[workers].append(clock.rate(skip=2 * workers))
                job[workers].append(400_000 / summary["phases"]["mint"])
                bare[workers].append(_bare(setting, workers))
                roots.add(summary["root"])
    finally:
        ray.shutdown()
    return {
        "turns": turns,
        "minting_rows_per_second": _medians(minting),
        "minting_ratio": _ratio(minting),
        "bare_sampling_rows_per_second": _medians(bare),
        "bare_sampling_ratio": _ratio(bare),
        "job_rows_per_second": _medians(job),
        "same_root": len(roots) == 1,
    }


def _bare(setting: Setting, processes: int) -> float:
    """Rows per second of so many processes that sample at the same time."""
    command = [sys.executable, "-c", _SAMPLE, str(setting.fitted)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return sum(float(process.communicate()[0]) for process in running)


def _medians(rates: dict[int, list[float]]) -> dict[int, int]:
    return {workers: round(statistics.median(values)) for workers, values in rates.items()}


def _ratio(rates: dict[int, list[float]]) -> float:
    """The ratio of the medians of two and of one."""
    return round(statistics.median(rates[2]) / statistics.median(rates[1]), 3)


class _Clock:
    """Notes when each shard was committed."""

    def __init__(self) -> None:
        self.commits: list[tuple[float, int]] = []

    def __call__(self, event: object) -> None:
        if isinstance(event, ShardCommitted):
            self.commits.append((time.perf_counter(), event.rows))

    def rate(self, skip: int) -> float:
        """Rows per second after the first `skip` commits."""
        steady = self.commits[skip - 1 :]
        return sum(rows for _, rows in steady[1:]) / (steady[-1][0] - steady[0][0])
