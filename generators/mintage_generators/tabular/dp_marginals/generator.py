"""`tabular.dp_marginals`: measures noisy marginals, joins them in a graphical model, draws from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from pydantic import JsonValue

from mintage.contracts import (
    DatasetSchema,
    Determinism,
    FitContext,
    FitProgress,
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
    damaged,
    foresee_table,
    pack,
    read_codec,
    unpack,
    write_codec,
)
from mintage_generators.tabular.codec.private import PrivateTable, fit_private_table, with_counts
from mintage_generators.tabular.dp_marginals.config import DpMarginalsConfig
from mintage_generators.tabular.dp_marginals.estimation import Fitted
from mintage_generators.tabular.dp_marginals.junction_tree import JunctionTree
from mintage_generators.tabular.dp_marginals.selection import MAX_CELLS, Selection
from mintage_generators.tabular.ledger import Ledger

MAX_COLUMNS = 200
"""Columns that are learned at most: pairs of them are scored."""

_CODEC_SHARE = 0.2
_SINGLES_SHARE = 0.15
_TREE_SHARE = 0.35


class DpMarginalsDocument(Document):
    """The model but for its arrays: the junction tree over the columns that vary."""

    codec: CodecDocument
    cliques: tuple[tuple[int, ...], ...]
    parents: tuple[int, ...]
    record: dict[str, JsonValue]


@dataclass(slots=True)
class DpMarginalsModel(Model):
    """A codec and the potentials of a junction tree; columns of one token are in no clique."""

    determinism = Determinism.CONTENT

    codec: TableCodec
    tree: JunctionTree | None
    potentials: list[np.ndarray]
    record: dict[str, object]
    _beliefs: list[np.ndarray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._beliefs = self.tree.calibrate(self.potentials) if self.tree else []

    @property
    def schema(self) -> DatasetSchema:
        """The one table."""
        return self.codec.dataset

    @property
    def fit_record(self) -> dict[str, object]:
        """What was measured, and under `privacy` what is claimed."""
        return self.record

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` for values that are never made."""
        self.codec.conditions(fixed, excluded)

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch of all rows; conditions on any columns hold exactly, by passing messages on the tree."""
        conditions = self.codec.conditions(request.fixed, request.excluded)
        rng = request.rng()
        tokens = self._draw(request.rows, conditions, rng)
        draws = [rng.random(request.rows) for _ in self.codec.columns]
        yield TableBatch(self.codec.schema.name, self.codec.decode(tokens, draws, conditions, request))

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file."""
        document, arrays = write_codec(self.codec)
        tree = self.tree
        told = {
            "codec": document,
            "cliques": tree.cliques if tree else (),
            "parents": tree.parents if tree else (),
            "record": self.record,
        }
        tables = {f"clique.{number}": table for number, table in enumerate(self.potentials)}
        return pack(DpMarginalsDocument.model_validate(told), arrays | tables)

    def _draw(self, rows: int, conditions: Conditions, rng: np.random.Generator) -> list[np.ndarray]:
        varying = _varying(self.codec)
        tokens = [np.zeros(rows, np.int32) for _ in self.codec.columns]
        if self.tree is not None:
            place = {column: number for number, column in enumerate(varying)}
            allowed = {place[c]: mask for c, mask in conditions.allowed.items() if c in place}
            beliefs = self._beliefs
            if allowed:
                beliefs = self.tree.calibrate(self.tree.restrict(self.potentials, allowed))
            drawn = self.tree.draw(beliefs, rng.random((len(beliefs), rows)))
            for number, column in enumerate(varying):
                tokens[column] = drawn[number]
        return tokens


class DpMarginalsGenerator(Generator):
    """Learns pairs of columns under differential privacy; works at small epsilon."""

    Config = DpMarginalsConfig
    config: DpMarginalsConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The source's own table, with plain types."""
        return foresee_table(source) if source is not None else None

    def fit(self, source: Source | None, context: FitContext) -> DpMarginalsModel:
        """Two passes over the source; everything that looks at rows is booked in one ledger."""
        if source is None:
            raise SourceError("tabular.dp_marginals learns from a source, and there is none", "name a source")
        columns = len(source.schema.root_table.columns)
        if columns > MAX_COLUMNS:
            raise SourceError(
                f"the source has {columns} columns; tabular.dp_marginals takes at most {MAX_COLUMNS}",
                "leave columns out: the budget would be spread too thin anyway",
            )
        ledger = Ledger(self.config.privacy, context.rng())
        rho = ledger.rho
        table = fit_private_table(
            source, ledger, rho=_CODEC_SHARE * rho, bins=self.config.bins,
            finest=0.5 * rho / columns, fit_rows=self.config.fit_rows,
        )  # fmt: skip
        return self._learn(table, ledger, rho, context)

    def _learn(
        self, table: PrivateTable, ledger: Ledger, rho: float, context: FitContext
    ) -> DpMarginalsModel:
        codec, varying = table.codec, _varying(table.codec)
        if not varying:
            return DpMarginalsModel(codec, None, [], {**table.record, "privacy": ledger.to_json()})
        selection = Selection(
            ledger=ledger,
            tokens=table.tokens[:, varying],
            names=tuple(codec.columns[i].name for i in varying),
            sizes=tuple(codec.columns[i].tokens for i in varying),
            rows=table.rows,
            public=np.random.default_rng(0),
        )
        context.report(FitProgress(1, 3, "columns"))
        fitted = selection.singles(_SINGLES_SHARE * rho)
        context.report(FitProgress(2, 3, "a tree of pairs"))
        fitted = selection.tree(_TREE_SHARE * rho, fitted)
        rounds = len(varying) if self.config.rounds is None else self.config.rounds
        # Whatever the codec did not need is spent here.
        fitted = selection.worst(0.999 * (rho - ledger.spent_rho), fitted, rounds)
        context.report(FitProgress(3, 3, "the pairs told worst"))
        pairs = [m.columns for m in selection.measured if len(m.columns) == 2]
        names = [[selection.names[column] for column in pair] for pair in pairs]
        record = {**table.record, "pairs_measured": names, "privacy": ledger.to_json()}
        return DpMarginalsModel(
            _counted(codec, varying, fitted, table.rows), fitted.tree, fitted.potentials, record
        )

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> DpMarginalsModel:
        """The model from its two files."""
        document, arrays = unpack(files, DpMarginalsDocument)
        codec = read_codec(document.codec, arrays)
        sizes = tuple(codec.columns[i].tokens for i in _varying(codec))
        record: dict[str, object] = dict(document.record)
        if not sizes and not document.cliques:
            return DpMarginalsModel(codec, None, [], record)
        tree = JunctionTree(sizes=sizes, cliques=document.cliques, parents=document.parents)
        if not tree.valid() or tree.cells > MAX_CELLS * 2:
            raise damaged("its tables are not joined in a tree")
        tables = [arrays.get(f"clique.{i}", np.float64, tree.shape(i)) for i in range(len(tree.cliques))]
        if not all(np.isfinite(table).all() and np.abs(table).max() < 1e6 for table in tables):
            raise damaged("its tables hold values that are no logarithms of shares")
        return DpMarginalsModel(codec, tree, tables, record)


def _varying(codec: TableCodec) -> list[int]:
    return [i for i, column in enumerate(codec.columns) if column.tokens > 1]


def _counted(codec: TableCodec, varying: list[int], fitted: Fitted, rows: float) -> TableCodec:
    """The codec with the rows by token that the model expects."""
    columns = list(codec.columns)
    for number, column in enumerate(varying):
        home = fitted.tree.home((number,))
        axes = tuple(a for a, c in enumerate(fitted.tree.cliques[home]) if c != number)
        columns[column] = with_counts(columns[column], rows * np.exp(fitted.beliefs[home]).sum(axis=axes))
    return replace(codec, columns=tuple(columns))
