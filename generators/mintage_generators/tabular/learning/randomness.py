"""Random numbers of a training: a function of seed, step and rank, so that a resumed one draws the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from mintage.contracts import FitContext
from mintage.contracts.seeds import Stage
from mintage_generators.tabular.learning.hardware import torch_threads

_START, _SPLIT, _EPOCH, _STEP, _CHECK = range(1, 6)


class Randomness:
    """The streams of one training, each from a key of its own (`SeedSequence`, then Philox)."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def start(self) -> int:
        """Seeds the first weights; the same in every process."""
        return self._number(_START)

    def split(self) -> np.random.Generator:
        """Chooses the held-out rows."""
        return np.random.Generator(np.random.Philox(self._sequence(_SPLIT)))

    def epoch(self, number: int) -> np.random.Generator:
        """Shuffles the rows; the same in every process, which then take turns."""
        return np.random.Generator(np.random.Philox(self._sequence(_EPOCH, number)))

    def step(self, number: int, rank: int) -> int:
        """Seeds what a step draws: dropout, masks, noise."""
        return self._number(_STEP, number, rank)

    def check(self) -> int:
        """Seeds what a held-out loss draws: always the same, so that losses can be compared."""
        return self._number(_CHECK)

    def _sequence(self, *key: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self._seed, spawn_key=(int(Stage.FIT), *key))

    def _number(self, *key: int) -> int:
        return int(self._sequence(*key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed torch's global streams of the CPU and of this device.

    `torch.manual_seed` does so for all kinds of devices, which takes longer than a small network's step.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or torch.cuda.current_device()].manual_seed(seed)


@contextmanager
def torch_session(context: FitContext) -> Iterator[None]:
    """Build a network inside the body: threads set and torch's own randomness seeded, restored after it."""
    devices = [torch.device(context.device)] if context.device.startswith("cuda") else []
    with torch_threads(context.threads), torch.random.fork_rng(devices=devices):
        seed_torch(Randomness(context.seed).start(), torch.device(context.device))
        yield
