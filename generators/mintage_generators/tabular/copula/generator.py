"""`tabular.copula`: columns with their own distributions, and correlations between hidden normal scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from mintage.contracts import (
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
    Arrays,
    CodecDocument,
    Document,
    FittedTable,
    RankedColumn,
    Ranks,
    TableCodec,
    damaged,
    fit_table,
    foresee_table,
    pack,
    read_codec,
    unpack,
    write_codec,
)
from mintage_generators.tabular.copula.config import CopulaConfig
from mintage_generators.tabular.copula.correlation import estimate_correlation
from mintage_generators.tabular.copula.drawing import draw_scores
from mintage_generators.tabular.copula.orders import find_orders
from mintage_generators.tabular.copula.scores import Scores


class CopulaDocument(Document):
    """The model but for its arrays."""

    codec: CodecDocument
    record: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class CopulaModel(Model):
    """The codec, an order of the tokens of each column, and the correlations of the columns' scores."""

    determinism = Determinism.CONTENT

    codec: TableCodec
    scores: Scores
    correlation: np.ndarray
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
        """Raise `ConditionError` for values that are never made; any columns may be conditioned."""
        self.codec.conditions(fixed, excluded)

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch of all rows."""
        conditions = self.codec.conditions(request.fixed, request.excluded)
        rng = request.rng()
        allowed = self.scores.allowed(conditions)
        scores = draw_scores(self.correlation, allowed, request.rows, rng)
        drawn = self.scores.tokens_and_draws(scores)
        yield TableBatch(self.codec.schema.name, self.codec.decode_varying(drawn, conditions, request))

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file."""
        document, arrays = write_codec(self.codec)
        arrays["correlation"] = self.correlation
        arrays |= {f"order.{column.index}": column.order for column in self.scores.columns}
        return pack(CopulaDocument.model_validate({"codec": document, "record": self.record}), arrays)


class CopulaGenerator(Generator):
    """Learns each column's distribution and how the columns' ranks are correlated.

    The Gaussian copula of Xue-Kun Song (2000), with the correlations that make the seen categories
    and numbers most likely.
    """

    Config = CopulaConfig
    config: CopulaConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The source's own table, with plain types."""
        return foresee_table(source, self.config) if source is not None else None

    def fit(self, source: Source | None, context: FitContext) -> CopulaModel:
        """One pass over the source, then sweeps over a part of it."""
        if source is None:
            raise SourceError("tabular.copula learns from a source, and there is none", "name a source")
        rng = context.rng()
        fitted = fit_table(source, self.config, rng, functions=False)
        fitted = _part(fitted, self.config.fit_cells, rng)
        scores = _scores(fitted, rng)
        low, high = scores.intervals(fitted.rows, fitted.tokens)
        correlation = estimate_correlation(low, high, self.config.sweeps, rng, context)
        return CopulaModel(fitted.codec, scores, correlation, fitted.record)

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> CopulaModel:
        """The model from its two files."""
        document, arrays = unpack(files, CopulaDocument)
        codec = read_codec(document.codec, arrays)
        columns = tuple(
            RankedColumn.of(i, column, _read_order(arrays, i, column.tokens))
            for i, column in enumerate(codec.columns)
            if column.tokens > 1
        )
        correlation = _read_correlation(arrays, len(columns))
        return CopulaModel(codec, Scores(columns=columns), correlation, dict(document.record))


def _part(fitted: FittedTable, cells: int, rng: np.random.Generator) -> FittedTable:
    """Rows enough for the correlations, in the order of the source."""
    rows, columns = fitted.tokens.shape
    kept = max(1000, cells // columns)
    record = {**fitted.record, "rows_correlated": min(rows, kept)}
    if kept >= rows:
        return FittedTable(codec=fitted.codec, rows=fitted.rows, tokens=fitted.tokens, record=record)
    chosen = np.sort(rng.choice(rows, kept, replace=False))
    return FittedTable(
        codec=fitted.codec, rows=fitted.rows.take(chosen), tokens=fitted.tokens[chosen], record=record
    )


def _scores(fitted: FittedTable, rng: np.random.Generator) -> Scores:
    """The columns of more than one token, categories in an order that goes with the other columns."""
    columns = fitted.codec.columns
    ranks = Ranks.of(fitted.codec)
    known = np.nan_to_num(ranks.encode(fitted.rows, fitted.tokens, rng) - 0.5) * np.sqrt(12.0)
    unordered = {i: columns[i] for i in ranks.categorical if columns[i].tokens > 1}
    orders = find_orders(unordered, fitted.tokens, known, rng) if unordered else {}
    ranked = {column.index: column for column in ranks.ordered}
    ranked |= {i: RankedColumn.of(i, columns[i], order) for i, order in orders.items()}
    return Scores(columns=tuple(ranked[i] for i in sorted(ranked) if columns[i].tokens > 1))


def _read_order(arrays: Arrays, column: int, tokens: int) -> np.ndarray:
    order = arrays.get(f"order.{column}", np.int32, (tokens,))
    if not np.array_equal(np.sort(order), np.arange(tokens)):
        raise damaged(f"the order of column {column} does not hold each token once")
    return order


def _read_correlation(arrays: Arrays, columns: int) -> np.ndarray:
    correlation = arrays.get("correlation", np.float64, (columns, columns))
    whole = np.isfinite(correlation).all() and np.array_equal(correlation, correlation.T)
    if not whole or not (np.diagonal(correlation) == 1.0).all():
        raise damaged("its correlations are not a symmetric matrix with a diagonal of 1")
    if columns and np.linalg.eigvalsh(correlation)[0] <= 0.0:
        raise damaged("its correlations are not those of any distribution")
    return correlation
