"""`tabular.marginals`: every column drawn by itself, from the shares of its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from mintage.contracts import (
    Choice,
    DatasetSchema,
    Determinism,
    FitContext,
    Generator,
    Model,
    SampleRequest,
    Scalar,
    Source,
    TableBatch,
)
from mintage.errors import SourceError
from mintage_generators.tabular.codec import (
    CodecDocument,
    Conditions,
    Document,
    TableCodec,
    fit_table,
    foresee_table,
    pack,
    read_codec,
    unpack,
    write_codec,
)
from mintage_generators.tabular.marginals.config import MarginalsConfig


class MarginalsDocument(Document):
    """The model but for its arrays."""

    codec: CodecDocument
    record: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class MarginalsModel(Model):
    """The codec alone: its columns know how often each token was seen."""

    determinism = Determinism.CONTENT

    codec: TableCodec
    record: dict[str, object]

    @property
    def schema(self) -> DatasetSchema:
        """The one table."""
        return self.codec.dataset

    @property
    def fit_record(self) -> dict[str, object]:
        """Rows learned from, and what was protected."""
        return self.record

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` for values that are never made."""
        self.codec.conditions(fixed, excluded)

    def check_within(
        self,
        fixed: Mapping[str, Scalar],
        excluded: Mapping[str, tuple[Scalar, ...]],
        within: Mapping[str, Choice],
    ) -> None:
        """The same with sets and ranges of values."""
        self.codec.conditions(fixed, excluded, within)

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch of all rows."""
        conditions = self.codec.conditions(request.fixed, request.excluded, request.within)
        rng = request.rng()
        tokens, draws = [], []
        for i in range(len(self.codec.columns)):
            tokens.append(self._draw(i, conditions, rng.random(request.rows)))
            draws.append(rng.random(request.rows))
        yield TableBatch(self.codec.schema.name, self.codec.decode(tokens, draws, conditions, request))

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file."""
        document, arrays = write_codec(self.codec)
        return pack(MarginalsDocument.model_validate({"codec": document, "record": self.record}), arrays)

    def _draw(self, column: int, conditions: Conditions, uniform: np.ndarray) -> np.ndarray:
        counts = self.codec.columns[column].counts
        if column in conditions.allowed:
            # Half a row for tokens allowed but not counted, so that some token can always be drawn.
            counts = np.where(conditions.allowed[column], np.maximum(counts, 0.5), 0.0)
            if column in conditions.domains:
                counts = counts * conditions.domains[column].shares()
        steps = np.cumsum(counts, dtype=np.float64)
        return np.asarray(np.searchsorted(steps, uniform * steps[-1], side="right"), np.int32)


class MarginalsGenerator(Generator):
    """Learns each column's distribution and nothing of how columns hang together."""

    Config = MarginalsConfig
    config: MarginalsConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The source's own table, with plain types."""
        return foresee_table(source, self.config) if source is not None else None

    def fit(self, source: Source | None, context: FitContext) -> MarginalsModel:
        """One pass over the source."""
        if source is None:
            raise SourceError("tabular.marginals learns from a source, and there is none", "name a source")
        fitted = fit_table(source, self.config, context.rng(), functions=False)
        return MarginalsModel(fitted.codec, fitted.record)

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> MarginalsModel:
        """The model from its two files."""
        document, arrays = unpack(files, MarginalsDocument)
        return MarginalsModel(read_codec(document.codec, arrays), dict(document.record))
