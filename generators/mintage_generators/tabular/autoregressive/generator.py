"""`tabular.autoregressive`: learns mixed tables, draws rows under exact conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
from pydantic import JsonValue

from mintage.contracts import (
    Choice,
    DatasetSchema,
    Determinism,
    FitContext,
    Generator,
    ImputeRequest,
    Model,
    SampleRequest,
    Scalar,
    Source,
    TableBatch,
)
from mintage.errors import SourceError
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.drawing import Draw, Drawn, constants
from mintage_generators.tabular.autoregressive.imputing import Imputer
from mintage_generators.tabular.autoregressive.layout import Layout, lay_out
from mintage_generators.tabular.autoregressive.parity import Parity, calibrate, named_columns, read_parity
from mintage_generators.tabular.autoregressive.private_config import PrivateTrainingConfig
from mintage_generators.tabular.codec import (
    Arrays,
    CodecDocument,
    Conditions,
    Document,
    FittedTable,
    TableCodec,
    damaged,
    fit_table,
    foresee_table,
    pack,
    read_codec,
    unpack,
    write_codec,
)
from mintage_generators.tabular.codec.encoded import training_rows
from mintage_generators.tabular.codec.governed import check_constraints, govern, keep_rows
from mintage_generators.tabular.codec.rules import Rules
from mintage_generators.tabular.codec.ruling import Ruling
from mintage_generators.tabular.codec.saved_rules import RulesDocument, read_rules, write_rules

if TYPE_CHECKING:
    from mintage_generators.tabular.autoregressive.sampling import Sampler

MAX_COLUMNS = 500
"""Columns that the network takes; the first layer grows with their number."""


class AutoregressiveDocument(Document):
    """The model but for its arrays. `products` is the type in which matrices are multiplied."""

    codec: CodecDocument
    embedding: int
    hidden: int
    products: Literal["float32", "bfloat16"]
    temperature: float
    record: dict[str, JsonValue]
    rules: RulesDocument | None = None
    parity: tuple[int, int] | None = None


@dataclass(slots=True)
class AutoregressiveModel(Model):
    """Codec, weights and what is needed to draw; the sampler is built at the first draw."""

    determinism = Determinism.CONTENT

    codec: TableCodec
    document: AutoregressiveDocument
    weights: dict[str, np.ndarray]
    rules: Rules | None = None
    parity: Parity | None = None
    _layout: Layout = field(init=False, repr=False)
    _sampler: Sampler | None = field(init=False, repr=False, default=None)
    _imputer: Imputer | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self._layout = lay_out(self.codec)

    @property
    def schema(self) -> DatasetSchema:
        """The one table."""
        return self.codec.dataset

    @property
    def fit_record(self) -> dict[str, object]:
        """Steps taken, held-out losses, rows learned from, what was protected, functions kept."""
        return dict(self.document.record)

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` for values that are never made, or that break the constraints."""
        self.check_within(fixed, excluded, {})

    def check_within(
        self,
        fixed: Mapping[str, Scalar],
        excluded: Mapping[str, tuple[Scalar, ...]],
        within: Mapping[str, Choice],
    ) -> None:
        """The same with sets and ranges of values."""
        self._ruled(self.codec.conditions(fixed, excluded, within))

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch of all rows; conditions hold exactly, the rest is drawn given them."""
        asked = self.codec.conditions(request.fixed, request.excluded, request.within)
        conditions, ruling = self._ruled(asked)
        rng = request.rng()
        uniform = rng.random((len(self._layout.slots), request.rows), np.float32)
        draws = [np.zeros(0) if column.exact else rng.random(request.rows) for column in self.codec.columns]
        drawn = self._draw(
            Draw(rows=request.rows, conditions=conditions, uniform=uniform, ruling=ruling, draws=draws)
        )
        batch = self.codec.decode(drawn.tokens, draws, conditions, request)
        yield TableBatch(self.codec.schema.name, _with_settled(batch, drawn.arrays))

    def impute(self, batch: pa.RecordBatch, request: ImputeRequest) -> pa.RecordBatch:
        """Cells drawn given the rest of their row; a value that was never seen tells nothing."""
        if self._imputer is None:
            slots = len(self._layout.slots)
            self._imputer = Imputer(codec=self.codec, rules=self.rules, slots=slots, draw=self._draw)
        return self._imputer.fill(batch, request)

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file."""
        arrays = write_codec(self.codec)[1] | write_rules(self.rules)[1]
        if self.parity is not None:
            arrays["parity.factors"] = self.parity.factors
        return pack(
            self.document, {**arrays, **{f"network.{name}": value for name, value in self.weights.items()}}
        )

    def _ruled(self, conditions: Conditions) -> tuple[Conditions, Ruling | None]:
        if self.rules is None:
            return conditions, None
        ruling = Ruling.of(self.rules, self.codec.columns, self.codec.functions, conditions)
        return ruling.conditions, ruling

    def _draw(self, draw: Draw) -> Drawn:
        if not self._layout.targets:
            return constants(draw, len(self.codec.columns))
        if self._sampler is None:
            self._sampler = self._sampler_with(self.parity)
        return self._sampler.draw(draw)

    def _sampler_with(self, parity: Parity | None) -> Sampler:
        from mintage_generators.tabular.autoregressive.sampling import Sampler

        return Sampler(
            self.codec,
            self._layout,
            self.weights,
            self.document.products,
            self.document.temperature,
            parity=parity,
        )

    def made_fair(self, columns: tuple[int, int], rng: np.random.Generator) -> AutoregressiveModel:
        """The same model with equal rates of an outcome in all groups; columns: outcome and protected."""
        sampler = self._sampler_with(None)
        outcome, protected = columns
        groups = np.arange(self.codec.columns[protected].tokens)

        def shares(group: int, rows: int) -> np.ndarray:
            conditions, ruling = self._ruled(Conditions(allowed={protected: groups == group}, written={}))
            uniform = rng.random((len(self._layout.slots), rows), np.float32)
            draws = [np.zeros(0) if column.exact else rng.random(rows) for column in self.codec.columns]
            return sampler.shares(
                Draw(
                    rows=rows,
                    conditions=conditions,
                    uniform=uniform,
                    ruling=ruling,
                    draws=draws,
                    last=outcome,
                )
            )

        parity, facts = calibrate(self.codec, columns, shares)
        record = {**self.document.record, **facts}
        document = self.document.model_copy(update={"record": record, "parity": columns})
        return AutoregressiveModel(self.codec, document, self.weights, self.rules, parity)


def _with_settled(batch: pa.RecordBatch, arrays: Mapping[int, pa.Array]) -> pa.RecordBatch:
    """The batch with the columns whose values constraints had a say in."""
    columns = [arrays.get(i, column) for i, column in enumerate(batch.columns)]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


class AutoregressiveGenerator(Generator):
    """Learns each column given any of the others."""

    Config = AutoregressiveConfig
    config: AutoregressiveConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The source's own table, with plain types; raises `SpecError` for contradicting constraints."""
        if source is not None:
            check_constraints(source, self.config.constraints)
        return foresee_table(source, self.config) if source is not None else None

    def fit(self, source: Source | None, context: FitContext) -> AutoregressiveModel:
        """One pass over the source for the codec, then training until the held-out loss stops falling."""
        if source is None:
            raise SourceError("tabular.autoregressive learns from a source, and there is none", "name one")
        columns = len(foresee_table(source, self.config).root_table.columns)
        if columns > MAX_COLUMNS:
            raise SourceError(
                f"the source has {columns} columns; tabular.autoregressive takes at most {MAX_COLUMNS}",
                "leave columns out, or use tabular.copula or tabular.marginals, which take more",
            )
        if self.config.privacy is not None:
            return self._learn_privately(source, self.config.privacy, context)
        rng = context.rng()
        kept, broken = keep_rows(source, self.config.constraints)
        fitted = fit_table(kept, self.config, rng, functions=True)
        fitted, rules = govern(fitted, self.config.constraints, self.config.min_support)
        fitted = replace(fitted, record={**fitted.record, **broken})
        return self._learn(kept, fitted, rules, context)

    def _learn(
        self, source: Source, fitted: FittedTable, rules: Rules | None, context: FitContext
    ) -> AutoregressiveModel:
        from mintage_generators.tabular.autoregressive.hats import hats_of_inputs
        from mintage_generators.tabular.autoregressive.training import train
        from mintage_generators.tabular.learning.hardware import products

        codec, layout = fitted.codec, lay_out(fitted.codec)
        fair = named_columns(codec, self.config.fairness) if self.config.fairness else None
        counts = [codec.columns[i].counts for i in layout.inputs]
        with training_rows(
            source,
            fitted,
            layout.inputs,
            most=self.config.train_rows,
            max_disk_bytes=self.config.max_disk_bytes,
            rng=context.rng(),
        ) as rows:
            weights, facts = train(
                layout, rows, counts, hats_of_inputs(codec, layout), config=self.config, context=context
            )
        document = AutoregressiveDocument.model_validate(
            {
                "codec": write_codec(codec)[0],
                "embedding": layout.width(self.config.embedding),
                "hidden": self.config.hidden,
                "products": products(),
                "temperature": self.config.temperature,
                "record": {**fitted.record, **facts},
                "rules": write_rules(rules)[0],
            }
        )
        model = AutoregressiveModel(codec, document, weights, rules)
        return model if fair is None else model.made_fair(fair, context.rng())

    def _learn_privately(
        self, source: Source, privacy: PrivateTrainingConfig, context: FitContext
    ) -> AutoregressiveModel:
        from mintage_generators.tabular.autoregressive.private_fit import fit_privately

        private = fit_privately(source, self.config, privacy, context)
        document = AutoregressiveDocument.model_validate(
            {
                "codec": write_codec(private.codec)[0],
                "embedding": private.embedding,
                "hidden": private.hidden,
                "products": "float32",
                "temperature": self.config.temperature,
                "record": private.record,
            }
        )
        return AutoregressiveModel(private.codec, document, private.weights)

    @classmethod
    def warm_up(cls) -> None:
        """Load torch, which takes seconds."""
        import_module("mintage_generators.tabular.autoregressive.sampling")

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> AutoregressiveModel:
        """The model from its two files."""
        document, arrays = unpack(files, AutoregressiveDocument)
        codec = read_codec(document.codec, arrays)
        if not (0 < document.hidden <= 4096 and 0 < document.embedding <= 256 and document.temperature > 0):
            raise damaged("its sizes are out of range")
        rules = read_rules(document.rules, codec.columns, arrays)
        parity = read_parity(document.parity, codec, arrays)
        weights = _weights(lay_out(codec), document, arrays)
        return AutoregressiveModel(codec, document, weights, rules, parity)


def _weights(layout: Layout, document: AutoregressiveDocument, arrays: Arrays) -> dict[str, np.ndarray]:
    shapes = layout.shapes(document.embedding, document.hidden)
    weights = {name: arrays.get(f"network.{name}", np.float32, shape) for name, shape in shapes.items()}
    for name, value in weights.items():
        if not np.isfinite(value).all():
            raise damaged(f"the array {name!r} holds values that are no numbers")
    return weights
