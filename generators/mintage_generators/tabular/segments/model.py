"""Models of segments, drawn from by the segments' shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pydantic import JsonValue

from mintage.contracts import (
    DatasetSchema,
    Determinism,
    Model,
    SampleRequest,
    Scalar,
    TableBatch,
    TableSchema,
)
from mintage.contracts.seeds import Stage
from mintage.errors import ConditionError
from mintage_generators.tabular.codec import CodecDocument, Document, ExactColumn
from mintage_generators.tabular.codec.files import ARRAYS, DOCUMENT, pack
from mintage_generators.tabular.codec.saved import write_codec
from mintage_generators.tabular.codec.scalars import read_scalar
from mintage_generators.tabular.codec.table import TableCodec
from mintage_generators.tabular.segments.checkpoints import numbered


class SegmentsDocument(Document):
    """The model but for its arrays and for the models of its segments."""

    dataset: dict[str, object]
    codec: CodecDocument
    kind: str
    shared_rows: int
    record: dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentsModel(Model):
    """A model for each value of `own`, and one for all other rows when `document.shared_rows` is not 0."""

    own: ExactColumn
    models: tuple[Model, ...]
    document: SegmentsDocument
    tables: DatasetSchema

    @property
    def determinism(self) -> Determinism:  # type: ignore[override]  # a class has one, many models their weakest
        """The weakest claim of the models."""
        return min((model.determinism for model in self.models), key=lambda claim: claim.strength)

    @property
    def batch_rows(self) -> int:  # type: ignore[override]  # as above
        """The smallest of the models' own."""
        return min(model.batch_rows for model in self.models)

    @property
    def schema(self) -> DatasetSchema:
        """The one table."""
        return self.tables

    @property
    def fit_record(self) -> dict[str, object]:
        """How many segments there are, the rows of each, and the records of the longest ones' fits."""
        return dict(self.document.record)

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` when no segment can meet the conditions."""
        self._weights(fixed, excluded)

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch: each row's segment drawn by its share among those that can meet the conditions."""
        weights = self._weights(request.fixed, request.excluded)
        steps = np.cumsum(weights)
        drawn = np.searchsorted(steps, request.rng().random(request.rows) * steps[-1], side="right")
        which = np.minimum(drawn, int(np.flatnonzero(weights)[-1]))
        counts = np.bincount(which, minlength=len(self.models))
        schema = self.tables.root_table.arrow()
        parts, key = [schema.empty_table()], request.first_key
        for number in np.flatnonzero(counts).tolist():
            rows = int(counts[number])
            parts.append(self._draw(number, replace(request, rows=rows, first_key=key), schema))
            key += rows
        places = np.empty(request.rows, np.int64)
        places[np.argsort(which, kind="stable")] = np.arange(request.rows)
        mixed = pa.concat_tables(parts).take(pa.array(places)).combine_chunks()
        batches = mixed.to_batches() or [pa.RecordBatch.from_pylist([], schema=schema)]
        yield TableBatch(self.tables.root, batches[0])

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file, and the numbered files of each model."""
        codec = TableCodec(schema=_only(self.tables, self.own.name), columns=(self.own,))
        files = pack(self.document, write_codec(codec)[1])
        for number, model in enumerate(self.models):
            files |= numbered(number, model.save())
        assert {DOCUMENT, ARRAYS} <= set(files)
        return files

    def _draw(self, number: int, request: SampleRequest, schema: pa.Schema) -> pa.Table:
        """Rows of one model, in the columns of the whole."""
        fixed, excluded = self._conditions(number, request.fixed, request.excluded)
        own = replace(request, seed=_seed(request.seed, number), fixed=fixed, excluded=excluded)
        table = pa.Table.from_batches([batch for _, batch in self.models[number].sample(own)])
        if number < self.own.tokens:
            value = pa.repeat(self.own.values[number], table.num_rows)
            table = table.append_column(schema.field(self.own.name), value)
        return table.select(schema.names).cast(schema)

    def _conditions(
        self, number: int, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]
    ) -> tuple[dict[str, Scalar], dict[str, tuple[Scalar, ...]]]:
        """What a model is asked for: a segment's own knows nothing of the column that tells it apart."""
        if number == self.own.tokens:
            return dict(fixed), dict(excluded)
        others = self.own.name
        return (
            {name: value for name, value in fixed.items() if name != others},
            {name: values for name, values in excluded.items() if name != others},
        )

    def _weights(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> np.ndarray:
        """Rows learned from of each segment that can meet the conditions, 0 for the others."""
        weights = np.append(self.own.counts, self.document.shared_rows).astype(np.float64)
        weights[: self.own.tokens] *= self._allowed(fixed, excluded)
        weights = weights[: len(self.models)]
        refused: ConditionError | None = None
        for number in np.flatnonzero(weights).tolist():
            try:
                self.models[number].check(*self._conditions(number, fixed, excluded))
            except ConditionError as exc:
                weights[number], refused = 0.0, refused or exc
        if not weights.any():
            raise refused or ConditionError(
                f"no segment meets the condition on {self.own.name!r}",
                f"its segments are {self.own.describe()}",
            )
        return weights

    def _allowed(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> np.ndarray:
        """Which segments of their own the conditions on their column leave, bool, shape (segments,)."""
        name, allowed = self.own.name, np.ones(self.own.tokens, np.bool_)
        if name in fixed:
            allowed &= self.own.tokens_making(read_scalar(name, self.own.type, fixed[name]))
        for value in excluded.get(name, ()):
            allowed &= ~self.own.tokens_making(read_scalar(name, self.own.type, value))
        return allowed


def _only(tables: DatasetSchema, name: str) -> TableSchema:
    table = tables.root_table
    return replace(table, columns=(table.column(name),))


def _seed(seed: int, number: int) -> int:
    sequence = np.random.SeedSequence(seed, spawn_key=(int(Stage.SAMPLE), number))
    return int(sequence.generate_state(1, np.uint64)[0])
