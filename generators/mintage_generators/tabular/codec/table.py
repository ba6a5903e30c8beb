"""A whole table as tokens: the columns, and the functions between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mintage.contracts import Choice, DatasetSchema, SampleRequest, Scalar, Source, TableSchema
from mintage.errors import SourceError
from mintage_generators.tabular.codec.affinity import level_order
from mintage_generators.tabular.codec.column import UNKNOWN, Column, ExactColumn
from mintage_generators.tabular.codec.conditions import Conditions, read_conditions
from mintage_generators.tabular.codec.config import CodecConfig
from mintage_generators.tabular.codec.fakes import FakeColumn
from mintage_generators.tabular.codec.fit import FittedColumn
from mintage_generators.tabular.codec.fit_columns import fit_columns
from mintage_generators.tabular.codec.functions import Function, find_functions
from mintage_generators.tabular.codec.keys import KeyColumn
from mintage_generators.tabular.codec.made import MadeColumn, RowRange
from mintage_generators.tabular.codec.physical import is_text
from mintage_generators.tabular.codec.reservoir import Rows, take_rows
from mintage_generators.tabular.codec.roles import emitted, roles_of, taken_columns
from mintage_generators.tabular.codec.subjects import Subject, owners


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCodec:
    """Turns rows of one table into tokens, int32 of shape (rows, columns), and tokens into rows."""

    schema: TableSchema
    columns: tuple[Column, ...]
    functions: tuple[Function, ...] = ()
    subjects: tuple[Subject, ...] = ()

    @property
    def dataset(self) -> DatasetSchema:
        """The data set of this one table."""
        return DatasetSchema.flat(self.schema)

    def decode(
        self,
        tokens: list[np.ndarray],
        draws: list[np.ndarray],
        conditions: Conditions,
        request: SampleRequest,
        *,
        start: int = 0,
    ) -> pa.RecordBatch:
        """Rows from a column of tokens and one of uniform draws for each column; fixed values as given.

        The rows are those of the request from its row `start` on: their numbers make keys unique, and
        tell whose identifiers a row holds.
        """
        rows = RowRange.of(request, start, len(tokens[0]))
        whose = owners(self.subjects, rows) if any(isinstance(c, MadeColumn) for c in self.columns) else {}
        arrays = []
        for i, column in enumerate(self.columns):
            if i in conditions.written:
                arrays.append(pa.repeat(conditions.written[i], len(tokens[i])))
            elif isinstance(column, MadeColumn):
                arrays.append(column.make(tokens[i], whose[column.subject]))
            elif i in conditions.domains and not column.exact:
                arrays.append(conditions.domains[i].decode(tokens[i], draws[i]))
            else:
                arrays.append(column.decode(tokens[i], draws[i]))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema.arrow())

    def decode_varying(
        self,
        drawn: Mapping[int, tuple[np.ndarray, np.ndarray]],
        conditions: Conditions,
        request: SampleRequest,
    ) -> pa.RecordBatch:
        """All rows of the request from tokens and draws, by column; columns left out have a single token."""
        constant = np.zeros(request.rows, np.int32), np.zeros(request.rows)
        columns = [drawn.get(i, constant) for i in range(len(self.columns))]
        return self.decode([own for own, _ in columns], [own for _, own in columns], conditions, request)

    def conditions(
        self,
        fixed: Mapping[str, Scalar],
        excluded: Mapping[str, tuple[Scalar, ...]],
        within: Mapping[str, Choice] | None = None,
    ) -> Conditions:
        """The conditions as masks over tokens; raises `ConditionError` where they cannot be met."""
        return read_conditions(self.columns, self.functions, fixed, excluded, within)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTable:
    """A codec, the rows that it was learned from, their tokens, and the facts of the learning."""

    codec: TableCodec
    rows: pa.Table
    tokens: np.ndarray
    record: dict[str, object]


def fit_table(
    source: Source, config: CodecConfig, rng: np.random.Generator, *, functions: bool
) -> FittedTable:
    """Learn the codec of the source's only table in one pass over its rows.

    Raises `SourceError` for several tables, for columns that cannot be carried and for fewer rows than
    `config.min_support`.
    """
    table = taken_columns(_only_table(source), config)
    excluded = len(table.columns) < len(source.schema.root_table.columns)
    scanned = source.scan(columns=table.names) if excluded else source.scan()
    rows = take_rows(scanned, table.arrow(), config.fit_rows, rng)
    if rows.table.num_rows < config.min_support:
        raise SourceError(
            f"the source has {rows.table.num_rows} rows; at least {config.min_support} are needed, "
            "because values that fewer rows share are protected",
            "give a longer source",
        )
    roles = roles_of(table, rows.table, config)
    fitted, subjects = fit_columns(roles, rows.table, config, rng)
    tokens = np.stack([column.tokens for column in fitted], axis=1)
    columns = [c.column for c in fitted]
    found: tuple[Function, ...] = ()
    if functions:
        found = find_functions(columns, np.stack([c.listed for c in fitted], axis=1))
        columns, found = _ordered(columns, tokens, found)
    codec = TableCodec(
        schema=emitted(table, config, roles), columns=tuple(columns), functions=found, subjects=subjects
    )
    return FittedTable(codec=codec, rows=rows.table, tokens=tokens, record=_record(rows, fitted, codec))


def foresee_table(source: Source, config: CodecConfig | None = None) -> DatasetSchema:
    """What a codec of this source will emit. Raises `SourceError` for what it could not carry."""
    table = _only_table(source)
    config = config or CodecConfig()
    return DatasetSchema.flat(emitted(taken_columns(table, config), config))


def _only_table(source: Source) -> TableSchema:
    if len(source.schema.tables) != 1:
        raise SourceError(
            f"the source has {len(source.schema.tables)} tables ({', '.join(source.schema.names[:10])}); "
            "this generator learns one",
            "name a single table as the source",
        )
    table = source.schema.root_table
    if not table.columns:
        raise SourceError("the source has no columns", "give a source of at least one column")
    return table


def _ordered(
    columns: list[Column], tokens: np.ndarray, functions: tuple[Function, ...]
) -> tuple[list[Column], tuple[Function, ...]]:
    """Wide text columns get their levels in order of affinity; `tokens` is renumbered in place."""
    columns = list(columns)
    for i, column in enumerate(columns):
        if isinstance(column, ExactColumn) and is_text(column.type) and column.group:
            order = level_order(i, columns, tokens)
            renumbered = np.full(column.tokens + 1, UNKNOWN, np.int32)
            renumbered[order] = np.arange(column.tokens)
            tokens[:, i] = renumbered[tokens[:, i]]
            columns[i] = column.reordered(order)
            functions = tuple(_renumbered(function, i, order, renumbered) for function in functions)
    return columns, functions


def _renumbered(function: Function, column: int, order: np.ndarray, renumbered: np.ndarray) -> Function:
    table = renumbered[function.table] if function.result == column else function.table
    return replace(function, table=table[order] if function.source == column else table)


def _record(rows: Rows, fitted: list[FittedColumn], codec: TableCodec) -> dict[str, object]:
    names = [column.column.name for column in fitted]
    hidden = {name: column.hidden for name, column in zip(names, fitted, strict=True) if column.hidden}
    moved = {name: column.moved for name, column in zip(names, fitted, strict=True) if column.moved}
    made: dict[str, dict[str, str]] = {"keys": {}, "personal": {}}
    for column in codec.columns:
        if isinstance(column, KeyColumn):
            made["keys"][column.name] = column.shown
        elif isinstance(column, FakeColumn):
            made["personal"][column.name] = column.kind.value
    return {
        "rows_seen": rows.seen,
        "rows_learned_from": rows.table.num_rows,
        "protected": {"rare_cells_left_out": hidden, "extreme_cells_moved_inwards": moved},
        "made_up": made,
        "functions": [[names[f.source], names[f.result]] for f in codec.functions],
    }
