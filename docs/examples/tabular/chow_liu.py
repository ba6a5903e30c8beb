"""`example.chow_liu`: a table as a tree, in which each column is drawn given one other.

C. Chow and C. Liu, "Approximating discrete probability distributions with dependence trees", IEEE
Transactions on Information Theory, 1968: of all trees, the one whose edges share most information fits best.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import Field, JsonValue
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from mintage.contracts import DatasetSchema, FitContext, Generator, Model, SampleRequest, Source, TableBatch
from mintage.errors import SourceError
from mintage_generators.tabular.codec import (
    UNKNOWN,
    CodecConfig,
    CodecDocument,
    Conditions,
    Document,
    TableCodec,
    damaged,
    fit_table,
    foresee_table,
    pack,
    read_codec,
    unpack,
    write_codec,
)

_MAX_TABLE = 1_000_000


class ChowLiuConfig(CodecConfig):
    """The codec's own options, and one of this model."""

    smoothing: float = Field(
        default=0.1,
        gt=0,
        le=100,
        description="Rows added to every pair of values in the shares of the two columns.",
    )


class ChowLiuDocument(Document):
    """The model but for its arrays. `parents` has the column that each is drawn given, or -1."""

    codec: CodecDocument
    parents: tuple[int, ...]
    record: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ChowLiuModel(Model):
    """For each column its parent and cumulative shares, float64 of shape (parent's tokens or 1, tokens)."""

    codec: TableCodec
    parents: tuple[int, ...]
    shares: tuple[np.ndarray, ...]
    record: dict[str, object]

    @property
    def schema(self) -> DatasetSchema:
        """The one table."""
        return self.codec.dataset

    @property
    def fit_record(self) -> dict[str, object]:
        """What the codec tells, and the tree."""
        return self.record

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch of all rows, parents before their children."""
        rng = request.rng()
        tokens: dict[int, np.ndarray] = {}
        while len(tokens) < len(self.parents):
            for column, parent in enumerate(self.parents):
                if column not in tokens and (parent < 0 or parent in tokens):
                    given = tokens[parent] if parent >= 0 else np.zeros(request.rows, np.int32)
                    tokens[column] = _pick(self.shares[column], given, rng.random(request.rows))
        drawn = [tokens[column] for column in range(len(self.parents))]
        draws = [rng.random(request.rows) for _ in drawn]
        batch = self.codec.decode(drawn, draws, Conditions(allowed={}, written={}), request)
        yield TableBatch(self.codec.schema.name, batch)

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file."""
        codec, arrays = write_codec(self.codec)
        arrays |= {f"shares.{column}": shares for column, shares in enumerate(self.shares)}
        document = {"codec": codec, "parents": self.parents, "record": self.record}
        return pack(ChowLiuDocument.model_validate(document), arrays)


class ChowLiuGenerator(Generator):
    """Learns which columns hang together most, and the shares of their pairs of values."""

    Config = ChowLiuConfig
    config: ChowLiuConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The source's own table, less what is excluded."""
        return foresee_table(source, self.config) if source is not None else None

    def fit(self, source: Source | None, context: FitContext) -> ChowLiuModel:
        """One pass over the source, then a count of every pair of columns."""
        if source is None:
            raise SourceError("example.chow_liu learns from a source, and there is none", "name a source")
        fitted = fit_table(source, self.config, context.rng(), functions=False)
        sizes = [column.tokens for column in fitted.codec.columns]
        parents = _tree(fitted.tokens, sizes)
        shares = tuple(
            _shares(fitted.tokens, sizes, (parent, column), self.config.smoothing)
            for column, parent in enumerate(parents)
        )
        names = [column.name for column in fitted.codec.columns]
        tree = {names[i]: names[parent] for i, parent in enumerate(parents) if parent >= 0}
        return ChowLiuModel(fitted.codec, parents, shares, {**fitted.record, "tree": tree})

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> ChowLiuModel:
        """The model from its two files; every size is checked, since anybody may have written them."""
        document, arrays = unpack(files, ChowLiuDocument)
        codec = read_codec(document.codec, arrays)
        sizes = [column.tokens for column in codec.columns]
        _check_tree(document.parents, len(sizes))
        shares = []
        for column, parent in enumerate(document.parents):
            given = sizes[parent] if parent >= 0 else 1
            own = arrays.get(f"shares.{column}", np.float64, (given, sizes[column]))
            if not ((np.diff(own, axis=1) >= 0).all() and (own >= 0).all() and (own[:, -1] == 1.0).all()):
                raise damaged(f"the shares of column {column} do not add up")
            shares.append(own)
        return ChowLiuModel(codec, document.parents, tuple(shares), dict(document.record))


def _pick(shares: np.ndarray, given: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Tokens by inverse transform, int32: all rows at once, each within the line of its parent's token."""
    line = shares.shape[1]
    # Line t is moved up by t, so that all lines together ascend and one search serves all rows.
    ascending = (shares + np.arange(len(shares))[:, None]).ravel()
    place = np.searchsorted(ascending, uniform + given, side="right") - given.astype(np.int64) * line
    return np.clip(place, 0, line - 1).astype(np.int32)


def _shares(tokens: np.ndarray, sizes: list[int], edge: tuple[int, int], smoothing: float) -> np.ndarray:
    """Cumulative shares of the column's tokens by its parent's, none of them 0 but for rounding."""
    parent, column = edge
    given = tokens[:, parent] if parent >= 0 else np.zeros(len(tokens), np.int32)
    counts = _counts(given, tokens[:, column], (sizes[parent] if parent >= 0 else 1, sizes[column]))
    overall = counts.sum(axis=0) + 1e-9
    steps = np.cumsum(counts + smoothing * sizes[column] * overall / overall.sum(), axis=1)
    steps /= steps[:, -1:]
    steps[:, -1] = 1.0
    return np.asarray(steps)


def _tree(tokens: np.ndarray, sizes: list[int]) -> tuple[int, ...]:
    """The parent of each column in the tree of most information, or -1."""
    weights = np.zeros((len(sizes), len(sizes)))
    for i in range(len(sizes)):
        for j in range(i):
            if sizes[i] * sizes[j] <= _MAX_TABLE:
                weights[i, j] = _information(_counts(tokens[:, i], tokens[:, j], (sizes[i], sizes[j])))
    tree = minimum_spanning_tree(-weights)
    parents = np.full(len(sizes), -1)
    for column in range(len(sizes)):
        if parents[column] < 0:
            order, before = breadth_first_order(tree, column, directed=False)
            new = [i for i in order[1:] if parents[i] < 0 and i > column]
            parents[new] = before[new]
    return tuple(int(parent) for parent in parents)


def _counts(first: np.ndarray, second: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How many rows have each pair of tokens, float64; cells whose value is protected count nowhere."""
    known = (first != UNKNOWN) & (second != UNKNOWN)
    flat = first[known].astype(np.int64) * shape[1] + second[known]
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _information(counts: np.ndarray) -> float:
    """Mutual information in nats, less what chance alone gives (Miller, 1955); at least 0."""
    total = max(1.0, counts.sum())
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    seen = counts > 0
    plain = (counts[seen] * np.log(counts[seen] / expected[seen])).sum() / total
    freedom = (np.count_nonzero(counts.any(axis=1)) - 1) * (np.count_nonzero(counts.any(axis=0)) - 1)
    return max(0.0, float(plain - freedom / (2 * total)))


def _check_tree(parents: tuple[int, ...], columns: int) -> None:
    """Raise `FitError` unless every column hangs from a root."""
    if len(parents) != columns or not all(-1 <= parent < columns for parent in parents):
        raise damaged("its tree is not one of its columns")
    for column in range(columns):
        seen = {column}
        while (column := parents[column]) >= 0:
            if column in seen:
                raise damaged("its tree has a ring")
            seen.add(column)
