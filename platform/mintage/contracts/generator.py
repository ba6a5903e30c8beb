"""What a generator implements: a generator learns, and a model is what it learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from mintage.contracts.schema import DatasetSchema
from mintage.contracts.seeds import fit_rng
from mintage.contracts.shard import Choice, ImputeRequest, SampleRequest, Scalar
from mintage.contracts.source import Source
from mintage.errors import ConditionError, GenerationError


class Determinism(StrEnum):
    """How equal two mintings of a shard are: what a model claims for one platform, and what is found.

    `BYTES`: the files are the same. `CONTENT`: the rows are. `CLOSE`: numbers differ in their last
    places, and nothing else does. `STATISTICAL`: other rows of the same distribution. From the
    strongest to the weakest.
    """

    BYTES = "bytes"
    CONTENT = "content"
    CLOSE = "close"
    STATISTICAL = "statistical"
    NONE = "none"

    @property
    def strength(self) -> int:
        """4 for the strongest equality, down to 0 for none."""
        return len(Determinism) - 1 - list(Determinism).index(self)

    def covers(self, other: Determinism) -> bool:
        """Whether it is at least as strong as the other.

        >>> Determinism.BYTES.covers(Determinism.CONTENT), Determinism.CLOSE.covers(Determinism.CONTENT)
        (True, False)
        """
        return self.strength >= other.strength


class GeneratorConfig(BaseModel):
    """Options of a generator; a subclass adds its own, each with a description."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FitProgress(NamedTuple):
    """Where a fit stands: a step of at most `steps` (0: unknown), and what to tell a person."""

    step: int
    steps: int
    note: str


def _ignore(progress: FitProgress) -> None:
    del progress


class Checkpoints(Protocol):
    """Where a fit keeps its state, so that a killed one goes on instead of starting again."""

    @property
    def every_seconds(self) -> float | None:
        """How long a fit works before it saves again; None: saving has no use here."""
        ...

    def load(self) -> Mapping[str, bytes] | None:
        """The files that were saved last by this very fit; None at its first start."""
        ...

    def save(self, files: Mapping[str, bytes]) -> None:
        """Keep these files (JSON and safetensors) instead of those before; all of them or none."""
        ...


class NoCheckpoints:
    """For a fit that nobody resumes."""

    every_seconds: float | None = None

    def load(self) -> Mapping[str, bytes] | None:
        """Nothing was saved."""
        return None

    def save(self, files: Mapping[str, bytes]) -> None:
        """Drop them."""
        del files


@dataclass(frozen=True, slots=True, kw_only=True)
class FitContext:
    """What the platform lends a generator while it learns.

    Attributes:
        seed: What the fit's randomness follows from.
        threads: Threads that the fit may use.
        report: Takes progress; only the first of several processes is listened to.
        device: "cpu", or "cuda" for the GPU of this process.
        rank: Which of `world` processes that fit the same model together this one is.
        world: How many there are. Above 1, `torch.distributed` is initialised in each of them, all get
            the same source and seed, and `fit` has to return equal models; that of rank 0 is kept.
        checkpoints: Where a long fit saves its state; what rank 0 saves counts.
    """

    seed: int
    threads: int = 1
    report: Callable[[FitProgress], None] = field(default=_ignore)
    device: str = "cpu"
    rank: int = 0
    world: int = 1
    checkpoints: Checkpoints = field(default_factory=NoCheckpoints)

    def rng(self) -> np.random.Generator:
        """The randomness of this fit."""
        return fit_rng(self.seed)


class TableBatch(NamedTuple):
    """Rows of one table of the data set."""

    table: str
    batch: pa.RecordBatch


class Model(ABC):
    """What a generator learned: immutable, and able to answer any request in any order."""

    determinism: ClassVar[Determinism] = Determinism.BYTES
    batch_rows: ClassVar[int] = 16_384
    """Root rows that a request asks for at most; small for models whose rows are dear."""

    @property
    @abstractmethod
    def schema(self) -> DatasetSchema:
        """The tables that `sample` yields."""

    @abstractmethod
    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """Make exactly `request.rows` root rows, and all rows that belong to them.

        A pure function of the request: no clock, no state kept from other requests. A table's rows
        may come in several batches; a parent's rows come before its children's. Conditions hold on
        every root row. Nothing is to be cleaned up when the caller stops iterating.
        """

    @abstractmethod
    def save(self) -> dict[str, bytes]:
        """The model as named files (safetensors and JSON, never pickle); equal models, equal bytes."""

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` when `sample` could not meet these conditions exactly."""
        if fixed or excluded:
            conditioned = ", ".join(sorted({*fixed, *excluded}))
            raise ConditionError(
                f"{type(self).__name__} takes no conditions, but there are some on {conditioned}",
                "remove conditions and balance, or choose another generator",
            )

    def check_within(
        self,
        fixed: Mapping[str, Scalar],
        excluded: Mapping[str, tuple[Scalar, ...]],
        within: Mapping[str, Choice],
    ) -> None:
        """`check` with sets and ranges of values beside; a model that knows none refuses them.

        Called instead of `check` when a request has any.
        """
        if within:
            raise ConditionError(
                f"{type(self).__name__} takes no sets or ranges of values, but there are some on "
                f"{', '.join(sorted(within))}",
                "ask for single values, or choose tabular.autoregressive",
            )
        self.check(fixed, excluded)

    def impute(self, batch: pa.RecordBatch, request: ImputeRequest) -> pa.RecordBatch:
        """The rows with cells drawn where the request asks for it, given everything else in the row.

        Columns, types and all other cells stay as they are. A cell that cannot be drawn, because what
        is given contradicts what the model keeps, stays null. Raises `GenerationError` when the model
        cannot do this at all, `ConditionError` for a batch whose columns are not those it learned.
        """
        del batch, request
        raise GenerationError(
            f"{type(self).__name__} cannot fill nulls in given rows",
            "fit tabular.autoregressive, which draws any columns given any others",
        )

    @property
    def fit_record(self) -> dict[str, object]:
        """JSON facts about the fit (steps taken, losses, what was protected) for the manifest."""
        return {}


class Generator(ABC):
    """Makes a model. Made once per use with its validated config."""

    Config: ClassVar[type[GeneratorConfig]] = GeneratorConfig
    needs_source: ClassVar[bool] = True

    def __init__(self, config: GeneratorConfig) -> None:
        self.config = config

    @abstractmethod
    def fit(self, source: Source | None, context: FitContext) -> Model:
        """Learn from the source, or return the configured model when there is nothing to learn.

        With a fixed seed and fixed steps on one device, equal sources give models that save equal
        bytes. Raises `FitError` or `SourceError` when the source cannot be learned from.
        """

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The tables that the model will make, when that is known before fitting; else None.

        Rules and conditions on columns that do not exist are then refused before any work.
        """
        del source
        return None

    @classmethod  # noqa: B027  # most generators need nothing
    def warm_up(cls) -> None:
        """Import what a model of this generator needs to sample; called when a worker starts."""

    @classmethod
    @abstractmethod
    def load(cls, files: Mapping[str, bytes]) -> Model:
        """The model that `Model.save` wrote. Raises `FitError` for files it did not write."""
