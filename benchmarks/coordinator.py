"""What the coordinator costs per shard, driven by a fleet that exists in arithmetic only."""

from __future__ import annotations

import random
import statistics
import tracemalloc

from environment import Setting, seconds_of

from mintage.engine.coordinator import Committed, Coordinator, Lost, Mint

CAPACITY = 256


def measure(setting: Setting) -> dict[str, object]:
    """Microseconds and bytes per shard, at three sizes; one attempt in a hundred loses its worker."""
    sizes = (1_000, 10_000) if setting.quick else (1_000, 100_000, 1_000_000)
    return {str(shards): _at(shards, setting.runs) for shards in sizes}


def _at(shards: int, runs: int) -> dict[str, float]:
    seconds = statistics.median(seconds_of(lambda: _simulate(shards)) for _ in range(runs))
    tracemalloc.start()
    _simulate(shards)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "microseconds_per_shard": round(seconds / shards * 1e6, 2),
        "bytes_per_shard": round(peak / shards, 1),
    }


def _simulate(shards: int) -> None:
    rng = random.Random(1)
    machine = Coordinator(shards=shards, capacity=CAPACITY)
    flying = [effect.shard for effect in machine.start() if isinstance(effect, Mint)]
    while not machine.finished:
        at = rng.randrange(len(flying))
        flying[at], flying[-1] = flying[-1], flying[at]
        shard = flying.pop()
        event = Lost(shard=shard, reason="simulated") if rng.random() < 0.01 else Committed(shard=shard)
        flying += [effect.shard for effect in machine.handle(event) if isinstance(effect, Mint)]
