"""A generator whose fit is slow enough to be killed in the middle; its rows are of no interest."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from pydantic import Field
from torch import nn

from mintage.contracts import DatasetSchema, FitContext, Generator, Model, SampleRequest, Source, TableBatch
from mintage.errors import FitError
from mintage_generators.tabular.codec import Document, pack
from mintage_generators.tabular.learning.config import LearningOptions
from mintage_generators.tabular.learning.learner import Learner
from mintage_generators.tabular.learning.loop import learn
from mintage_generators.tabular.learning.randomness import torch_session


class SlowOptions(LearningOptions):
    """How slow, and whether the last of several processes gives up."""

    pause: float = Field(default=0.0, description="Seconds that each step takes longer.")
    refuses: bool = Field(default=False, description="Whether the last process refuses the source.")


class Facts(Document):
    """What the model keeps beside its weights."""

    record: dict[str, object]


@dataclass(frozen=True, slots=True)
class Weights(Model):
    """The weights alone."""

    weights: dict[str, np.ndarray]
    facts: dict[str, object]

    @property
    def schema(self) -> DatasetSchema:
        raise NotImplementedError

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        raise NotImplementedError

    def save(self) -> dict[str, bytes]:
        return pack(Facts(record=self.facts), self.weights)

    @property
    def fit_record(self) -> dict[str, object]:
        return self.facts


class _Line(Learner):
    def __init__(self, columns: int, pause: float) -> None:
        self._module = nn.Sequential(nn.Linear(columns - 1, 8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 1))
        self._pause = pause

    @property
    def module(self) -> nn.Module:
        return self._module

    def loss(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        time.sleep(self._pause if self._module.training else 0.0)
        noise = torch.randn(len(batch), generator=generator) * 0.01
        answer: torch.Tensor = (self._module(batch[:, :-1]).squeeze(1) + noise - batch[:, -1]).square().mean()
        return answer


class SlowGenerator(Generator):
    """Predicts the last column from the others."""

    Config = SlowOptions
    config: SlowOptions

    def fit(self, source: Source | None, context: FitContext) -> Weights:
        assert source is not None
        if self.config.refuses and context.rank == context.world - 1:
            raise FitError("the last process refuses", "ask another")
        table = pa.Table.from_batches(list(source.scan()))
        rows = np.stack([column.to_numpy() for column in table.columns], axis=1).astype(np.float32)
        with torch_session(context):
            learner = _Line(rows.shape[1], self.config.pause)
        learned = learn(learner, rows, config=self.config.learning(), context=context, unit="squares")
        return Weights(learned.weights, learned.facts)

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Weights:
        raise NotImplementedError
