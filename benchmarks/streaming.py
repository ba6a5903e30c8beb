"""Streaming into a training loop, beside minting alone.

One worker, in this process. A turn is a shard minted from seed to commit record (`minting`), as many rows
streamed into a loop that trains a small network on every batch (`training`), the same with `tee`, which
commits them by the way and loads the model in its time (`teeing`), and as many drawn by a loop that does
nothing (`drawing`). They are measured in turns, because a shared machine changes its pace by the minute.
"""

from __future__ import annotations

import itertools
import shutil
import statistics

import torch
from environment import Setting, seconds_of

import mintage
from mintage.engine.bench import read_plan
from mintage.engine.worker import ShardMinter, WorkerSetup
from mintage.store import ObjectStore

SHARD_ROWS = 100_000
BATCH_ROWS = 1024
FEATURES = ["month", "day", "sched_dep_time", "sched_arr_time", "flight", "hour", "minute"]
TARGET = "distance"


def measure(setting: Setting) -> dict[str, object]:
    """Rows per second of minting, and of training with and without `tee`; ratios are medians of the turns."""
    torch.set_num_threads(1)
    turns = 3 if setting.quick else 3 * setting.runs
    rates: dict[str, list[float]] = {"minting": [], "drawing": [], "training": [], "teeing": []}
    contestants = {
        "minting": _Minting(setting, turns + 1),
        "drawing": _Streaming(setting, "drawing"),
        "training": _Training(setting, "training"),
        "teeing": _Teeing(setting, "teeing", turns + 1),
    }
    for contestant in contestants.values():
        contestant.turn()  # the first shard pays for loading
    for turn in range(turns):
        order = list(contestants) if turn % 2 else list(contestants)[::-1]
        for name in order:
            rates[name].append(SHARD_ROWS / seconds_of(contestants[name].turn))
    return {
        "turns": turns,
        "rows_per_turn": SHARD_ROWS,
        **{f"{name}_rows_per_second": round(statistics.median(values)) for name, values in rates.items()},
        **{
            f"{name}_over_minting": round(
                statistics.median(a / b for a, b in zip(rates[name], rates["minting"], strict=True)), 3
            )
            for name in ("drawing", "training", "teeing")
        },
    }


class _Minting:
    """Mints the next shard, as a worker of a run does."""

    def __init__(self, setting: Setting, shards: int) -> None:
        spec = setting.spec("stream-minting", shards * SHARD_ROWS, workers=1, shard_rows=SHARD_ROWS)
        shutil.rmtree(setting.folder / "stream-minting", ignore_errors=True)
        mintage.stream(spec)  # freezes the plan
        store = ObjectStore.open(str(setting.folder / "stream-minting"))
        plan = read_plan(store)
        assert plan is not None
        self._minter = ShardMinter(WorkerSetup(store=store, plan_digest=plan.digest))
        self._next = itertools.count()

    def turn(self) -> None:
        """One shard."""
        self._minter.mint(next(self._next), "only")


class _Streaming:
    """Draws fresh rows, as many as a shard has, in each turn."""

    def __init__(self, setting: Setting, name: str) -> None:
        spec = setting.spec(f"stream-{name}", SHARD_ROWS, workers=1, shard_rows=SHARD_ROWS)
        shutil.rmtree(setting.folder / f"stream-{name}", ignore_errors=True)
        stream = mintage.stream(spec, batch_rows=BATCH_ROWS, columns=[*FEATURES, TARGET])
        self._stream = stream.as_tensors()
        self._epochs = itertools.count()

    def turn(self) -> None:
        """An epoch."""
        self._stream.set_epoch(next(self._epochs))
        for batch in self._stream:
            self.use(batch)

    def use(self, batch: dict[str, torch.Tensor]) -> None:
        """Do nothing."""


class _Training(_Streaming):
    """Trains a network of two hidden layers on every batch: a step of gradient descent."""

    def __init__(self, setting: Setting, name: str) -> None:
        super().__init__(setting, name)
        hidden = 64
        self._network = torch.nn.Sequential(
            torch.nn.Linear(len(FEATURES), hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden, hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden, 1),
        )
        self._optimizer = torch.optim.SGD(self._network.parameters(), lr=1e-3)

    def use(self, batch: dict[str, torch.Tensor]) -> None:
        """A step."""
        features = torch.stack([batch[name].float() / 1000 for name in FEATURES], dim=1)
        wanted = batch[TARGET].float() / 1000
        loss = torch.nn.functional.mse_loss(self._network(features).squeeze(1), wanted)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()


class _Teeing(_Training):
    """Trains on the next shard, which is committed by the way: the shard of a rank of its own."""

    def __init__(self, setting: Setting, name: str, shards: int) -> None:
        super().__init__(setting, name)
        spec = setting.spec(f"stream-{name}-all", shards * SHARD_ROWS, workers=1, shard_rows=SHARD_ROWS)
        columns = [*FEATURES, TARGET]
        self._ranks = [
            mintage.stream(
                spec, rank=rank, world=shards, batch_rows=BATCH_ROWS, columns=columns, tee=True
            ).as_tensors()
            for rank in range(shards)
        ]

    def turn(self) -> None:
        """A shard; loading the plan and the model is in its time."""
        for batch in self._ranks.pop():
            self.use(batch)
