"""One generator that keeps the contract, and others that break it in one way each.

A module of its own, because the suite loads generators in fresh processes, by name.
"""

# ruff: noqa: ARG002, ARG003, ARG005  # to ignore what one is given is what many of these faults are

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import ConfigDict, Field
from safetensors.numpy import save as save_tensors

from mintage.contracts import (
    ColumnSchema,
    DatasetSchema,
    Determinism,
    FitContext,
    ForeignKey,
    Generator,
    GeneratorConfig,
    Model,
    SampleRequest,
    Scalar,
    Semantics,
    Source,
    TableBatch,
    TableSchema,
)
from mintage.errors import ConditionError, FitError

WORDS = ("amber", "blue", "coral", "dun", "ecru")
PICKLED = b"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x02hi\x94."


def column(name: str, type_: pa.DataType, semantics: Semantics) -> ColumnSchema:
    return ColumnSchema(name=name, type=type_, semantics=semantics, nullable=False)


PARENTS = TableSchema(
    name="parents",
    columns=(
        column("id", pa.int64(), Semantics.KEY),
        column("word", pa.string(), Semantics.CATEGORY),
        column("amount", pa.float64(), Semantics.NUMERIC),
    ),
    primary_key=("id",),
)
CHILDREN = TableSchema(
    name="children",
    columns=(
        column("parent_id", pa.int64(), Semantics.KEY),
        column("amount", pa.float64(), Semantics.NUMERIC),
    ),
    foreign_keys=(ForeignKey(columns=("parent_id",), table="parents", references=("id",)),),
)
SCHEMA = DatasetSchema(tables=(PARENTS, CHILDREN), root="parents")


class SoundConfig(GeneratorConfig):
    """Options of a sound generator."""

    scale: float = Field(default=1.0, description="What amounts are multiplied by.")


class SoundModel(Model):
    """Keeps the contract. Each method that a fault may live in is one to override."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    @property
    def schema(self) -> DatasetSchema:
        return SCHEMA

    def rng(self, request: SampleRequest) -> np.random.Generator:
        return request.rng()

    def keys(self, request: SampleRequest) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.arange(request.first_key, request.first_key + request.rows, dtype=np.int64)

    def words(self, request: SampleRequest) -> list[str]:
        kept = [word for word in WORDS if word not in request.excluded.get("word", ())]
        return [word for word in kept if word == request.fixed.get("word", word)]

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        rng, keys, words = self.rng(request), self.keys(request), self.words(request)
        codes = pa.array(rng.integers(0, len(words), request.rows))
        columns = [
            pa.array(keys),
            pa.array(words).take(codes),
            pa.array(rng.random(request.rows) * self.scale),
        ]
        yield TableBatch("parents", pa.record_batch(columns, schema=PARENTS.arrow()))
        amounts = pa.array(rng.random(request.rows) * self.scale)
        yield TableBatch("children", pa.record_batch([pa.array(keys), amounts], schema=CHILDREN.arrow()))

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        request = SampleRequest(seed=0, shard=0, batch=0, rows=1, first_key=0, fixed=fixed, excluded=excluded)
        if {*fixed, *excluded} - {"word"} or not self.words(request):
            raise ConditionError(f"cannot meet {fixed} and {excluded}")

    def save(self) -> dict[str, bytes]:
        return {"model.json": json.dumps({"scale": self.scale}).encode()}


class Sound(Generator):
    """Keeps the contract."""

    Config: ClassVar[type[GeneratorConfig]] = SoundConfig
    needs_source = False
    model: ClassVar[type[SoundModel]] = SoundModel

    def fit(self, source: Source | None, context: FitContext) -> SoundModel:
        del source, context
        return self.model(1.0)

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> SoundModel:
        try:
            model = cls.model(float(json.loads(files["model.json"])["scale"]))
            saved = model.save()
        except (KeyError, TypeError, ValueError, RecursionError) as exc:
            raise FitError(f"no model: {type(exc).__name__}") from exc
        if set(files) != set(saved):
            raise FitError(f"unknown files {sorted(files)}")
        return model


class UsesTheClock(Sound):
    class model(SoundModel):
        def rng(self, request: SampleRequest) -> np.random.Generator:
            return np.random.default_rng(time.perf_counter_ns())


class SharesItsStream(Sound):
    """Two requests under way at once draw from the stream of the later one."""

    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            self.current = request
            parents, children = super().sample(request)
            yield parents
            amounts = pa.array(self.current.rng().random(request.rows))
            keys = children.batch.column(0)
            yield TableBatch("children", pa.record_batch([keys, amounts], schema=CHILDREN.arrow()))


class CountsItsRequests(Sound):
    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            self.scale += 1
            return super().sample(replace(request))


class FollowsTheOrderOfASet(Sound):
    class model(SoundModel):
        def words(self, request: SampleRequest) -> list[str]:
            # Twenty words, so that two processes hardly ever agree on the order.
            return list({f"{word}{n}" for word in WORDS for n in range(4)})


def hidden() -> type[Generator]:
    class Hidden(Sound):
        pass

    return Hidden


class RemembersAnOpenIterator(Sound):
    class model(SoundModel):
        is_open = False

        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            shift = 1.0 if self.is_open else 0.0
            self.is_open = True
            for name, batch in super().sample(request):
                amounts = pa.array(batch.column("amount").to_numpy() + shift)
                yield TableBatch(
                    name, batch.set_column(batch.schema.get_field_index("amount"), amount_field(), amounts)
                )
            self.is_open = False


def amount_field() -> pa.Field:
    return pa.field("amount", pa.float64(), nullable=False)


class SeedsTheWholeProcess(Sound):
    class model(SoundModel):
        def rng(self, request: SampleRequest) -> np.random.Generator:
            np.random.seed(request.seed % 2**32)
            return request.rng()


class IgnoresTheSeed(Sound):
    class model(SoundModel):
        def rng(self, request: SampleRequest) -> np.random.Generator:
            return replace(request, seed=0).rng()


class AddsSeedAndShard(Sound):
    class model(SoundModel):
        def rng(self, request: SampleRequest) -> np.random.Generator:
            return np.random.default_rng(request.seed + request.shard + request.batch)


class IgnoresTheBatch(Sound):
    class model(SoundModel):
        def rng(self, request: SampleRequest) -> np.random.Generator:
            return replace(request, batch=0).rng()


class RemembersItsFirstShard(Sound):
    class model(SoundModel):
        first: int | None = None

        def rng(self, request: SampleRequest) -> np.random.Generator:
            self.first = request.shard if self.first is None else self.first
            return np.random.default_rng([request.seed, request.shard, request.batch, self.first])


class MakesTooFewRows(Sound):
    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            return super().sample(replace(request, rows=min(request.rows, 256)))


class MakesAnotherType(Sound):
    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            for name, batch in super().sample(request):
                yield TableBatch(name, batch.set_column(0, batch.schema.names[0], batch.column(0)))


class MakesNulls(Sound):
    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            for name, batch in super().sample(request):
                index = batch.schema.get_field_index("amount")
                yield TableBatch(
                    name, batch.set_column(index, amount_field(), pa.nulls(batch.num_rows, pa.float64()))
                )


class AddsMetadata(Sound):
    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            for name, batch in super().sample(request):
                yield TableBatch(name, batch.replace_schema_metadata({"made": "today"}))


class MakesAnUnknownTable(Sound):
    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            yield from super().sample(request)
            yield TableBatch("cousins", pa.record_batch({"id": [1]}))


class MakesChildrenFirst(Sound):
    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            yield from reversed(list(super().sample(request)))


class PointsToNobody(Sound):
    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            parents, _ = super().sample(request)
            _, children = super().sample(replace(request, first_key=request.first_key + 1))
            yield parents
            yield children


class NumbersEveryRequestFromZero(Sound):
    class model(SoundModel):
        def keys(self, request: SampleRequest) -> np.ndarray[Any, np.dtype[np.int64]]:
            return np.arange(request.rows, dtype=np.int64)


class CutsItsKeysTo32Bits(Sound):
    class model(SoundModel):
        def keys(self, request: SampleRequest) -> np.ndarray[Any, np.dtype[np.int64]]:
            return super().keys(request) % 2**32


class SavesAPickle(Sound):
    class model(SoundModel):
        def save(self) -> dict[str, bytes]:
            return {"model.pkl": PICKLED}


class SavesAPickleCalledJson(Sound):
    class model(SoundModel):
        def save(self) -> dict[str, bytes]:
            return {"model.json": PICKLED}


class HidesAPickleInATensor(Sound):
    class model(SoundModel):
        def save(self) -> dict[str, bytes]:
            return {"model.safetensors": save_tensors({"state": np.frombuffer(PICKLED, np.uint8)})}


class HidesAnArchiveInATensor(Sound):
    class model(SoundModel):
        def save(self) -> dict[str, bytes]:
            archive = np.frombuffer(b"PK\x03\x04" + b"\0" * 30, np.uint8)
            return {"model.safetensors": save_tensors({"state": archive})}


class LooksLikeAPickle(Sound):
    """Numbers that begin like a pickle and are none."""

    class model(SoundModel):
        def save(self) -> dict[str, bytes]:
            numbers = np.frombuffer(b"\x80\x04\xff\xff", np.uint8)
            return {"model.safetensors": save_tensors({"state": numbers})}


class HidesAPickleInText(Sound):
    class model(SoundModel):
        def save(self) -> dict[str, bytes]:
            return {"model.json": json.dumps({"state": [PICKLED.hex()]}).encode()}


class SavesOutsideItsFolder(Sound):
    class model(SoundModel):
        def save(self) -> dict[str, bytes]:
            return {"../model.json": b"{}"}


class ForgetsWhenLoaded(Sound):
    def fit(self, source: Source | None, context: FitContext) -> SoundModel:
        model = super().fit(source, context)
        model.words = lambda request: list(WORDS[:2])  # type: ignore[method-assign]  # what is learned and not saved
        return model


class LosesItsFacts(Sound):
    class model(SoundModel):
        steps: int | None = None

        @property
        def fit_record(self) -> dict[str, object]:
            return {"steps": self.steps}

    def fit(self, source: Source | None, context: FitContext) -> SoundModel:
        model = self.model(1.0)
        model.steps = 10
        return model


class StatesWhatIsNotJson(Sound):
    class model(SoundModel):
        @property
        def fit_record(self) -> dict[str, object]:
            return {"loss": float("nan")}


class LoadsAnything(Sound):
    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> SoundModel:
        return cls.model(1.0)


class LetsForeignErrorsOut(Sound):
    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> SoundModel:
        return cls.model(float(json.loads(files["model.json"])["scale"]))


class Unpickles(Sound):
    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> SoundModel:
        import pickle

        try:
            pickle.loads(files["model.json"])
        except Exception as exc:
            raise FitError("no model") from exc
        return cls.model(1.0)


class FitsByChance(Sound):
    def fit(self, source: Source | None, context: FitContext) -> SoundModel:
        return self.model(float(np.random.default_rng().random()))


class AcceptsAndIgnoresConditions(Sound):
    class model(SoundModel):
        def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
            if {*fixed, *excluded} - {"word"}:
                raise ConditionError("no")

        def words(self, request: SampleRequest) -> list[str]:
            return list(WORDS)


class StumblesOverConditions(Sound):
    class model(SoundModel):
        def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
            for name in {*fixed, *excluded}:
                {"word": WORDS}[name]
            super().check(fixed, excluded)


class StumblesOverWhatItAccepted(Sound):
    class model(SoundModel):
        def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
            if {*fixed, *excluded} - {"word"}:
                raise ConditionError("no")


class DividesByZero(Sound):
    class model(SoundModel):
        def rng(self, request: SampleRequest) -> np.random.Generator:
            return np.random.default_rng(request.seed // 0)


class RefusesEveryCondition(Sound):
    class model(SoundModel):
        def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
            if fixed or excluded:
                raise ConditionError("no")


class OpenConfig(SoundConfig):
    model_config = ConfigDict(extra="ignore")


class HasAnOpenConfig(Sound):
    Config = OpenConfig


class ChangeableConfig(SoundConfig):
    model_config = ConfigDict(frozen=False)


class HasAChangeableConfig(Sound):
    Config = ChangeableConfig


class SilentConfig(SoundConfig):
    depth: int = 3


class HasASilentConfig(Sound):
    Config = SilentConfig


class NeverTheSame(Sound):
    """Sound for what it claims, which is nothing."""

    class model(SoundModel):
        determinism = Determinism.NONE

        def rng(self, request: SampleRequest) -> np.random.Generator:
            return np.random.default_rng()
