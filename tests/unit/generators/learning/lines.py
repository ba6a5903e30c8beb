"""A small regression to train: the last column from the others, with dropout and noise to be repeated."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from mintage.contracts import FitContext
from mintage_generators.tabular.learning.config import LearningConfig
from mintage_generators.tabular.learning.learner import Learner
from mintage_generators.tabular.learning.loop import Learned, learn
from mintage_generators.tabular.learning.randomness import torch_session


class Line(Learner):
    """A perceptron; it sleeps `pause` seconds in each step, and loses nan at the calls in `failing`."""

    def __init__(self, columns: int, *, pause: float = 0.0, failing: frozenset[int] = frozenset()) -> None:
        self._module = nn.Sequential(nn.Linear(columns - 1, 8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 1))
        self._pause, self._failing, self.calls = pause, failing, 0

    @property
    def module(self) -> nn.Module:
        return self._module

    def loss(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        answer = self._module(batch[:, :-1]).squeeze(1)
        if self._module.training:
            if self._pause:
                time.sleep(self._pause)
            answer = answer + torch.randn(len(batch), generator=generator) * 0.01
            self.calls += 1
            if self.calls in self._failing:
                answer = answer * torch.nan
        loss: torch.Tensor = (answer - batch[:, -1]).square().mean()
        return loss


class Kept:
    """Checkpoints in memory: every one that was saved, and the one to begin with."""

    every_seconds: float | None = 0.0

    def __init__(self, first: Mapping[str, bytes] | None = None) -> None:
        self.first = first
        self.saved: list[Mapping[str, bytes]] = []

    def load(self) -> Mapping[str, bytes] | None:
        return self.first

    def save(self, files: Mapping[str, bytes]) -> None:
        self.saved.append(dict(files))


def some_rows(count: int = 600) -> np.ndarray:
    """Rows of three inputs and their answer, float32."""
    x = np.random.default_rng(0).normal(size=(count, 3))
    return np.column_stack([x, x[:, 0] - x[:, 1] / 2]).astype(np.float32)


def fit(
    rows: np.ndarray, context: FitContext, config: LearningConfig, learner: Line | None = None
) -> Learned:
    """Train a line on the rows."""
    with torch_session(context):
        learner = learner or Line(rows.shape[1])
    return learn(learner, rows, config=config, context=context, unit="squares")
