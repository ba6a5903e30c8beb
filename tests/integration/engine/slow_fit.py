"""A generator whose fit is slow enough to be killed in the middle; its rows are of no interest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import Field

from mintage.contracts import DatasetSchema, FitContext, Generator, Model, SampleRequest, Source, TableBatch
from mintage.errors import FitError
from mintage_generators.tabular.codec import Document, pack
from mintage_generators.tabular.learning.config import LearningOptions
from mintage_generators.tabular.learning.loop import learn
from mintage_generators.tabular.learning.randomness import torch_session
from tests.unit.generators.learning.lines import Line


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
            learner = Line(rows.shape[1], pause=self.config.pause)
        learned = learn(learner, rows, config=self.config.learning(), context=context, unit="squares")
        return Weights(learned.weights, learned.facts)

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Weights:
        raise NotImplementedError
