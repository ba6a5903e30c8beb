"""A whole table as tokens: the columns, and the functions between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mintage.contracts import ColumnSchema, DatasetSchema, Scalar, Source, TableSchema
from mintage.errors import SourceError
from mintage_generators.tabular.codec.affinity import level_order
from mintage_generators.tabular.codec.column import UNKNOWN, Column, ExactColumn
from mintage_generators.tabular.codec.conditions import Conditions, read_conditions
from mintage_generators.tabular.codec.config import CodecConfig
from mintage_generators.tabular.codec.fit import FittedColumn, fit_column
from mintage_generators.tabular.codec.functions import Function, find_functions
from mintage_generators.tabular.codec.physical import check_type, is_text, value_type
from mintage_generators.tabular.codec.reservoir import Rows, take_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCodec:
    """Turns rows of one table into tokens, int32 of shape (rows, columns), and tokens into rows."""

    schema: TableSchema
    columns: tuple[Column, ...]
    functions: tuple[Function, ...] = ()

    @property
    def dataset(self) -> DatasetSchema:
        """The data set of this one table."""
        return DatasetSchema.flat(self.schema)

    def decode(
        self, tokens: list[np.ndarray], draws: list[np.ndarray], conditions: Conditions
    ) -> pa.RecordBatch:
        """Rows from a column of tokens and one of uniform draws for each column; fixed values as given."""
        arrays = []
        for i, column in enumerate(self.columns):
            if i in conditions.written:
                arrays.append(pa.repeat(conditions.written[i], len(tokens[i])))
            else:
                arrays.append(column.decode(tokens[i], draws[i]))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema.arrow())

    def conditions(
        self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]
    ) -> Conditions:
        """The conditions as masks over tokens; raises `ConditionError` where they cannot be met."""
        return read_conditions(self.columns, self.functions, fixed, excluded)


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
    table = _only_table(source)
    rows = take_rows(source.scan(), table.arrow(), config.fit_rows, rng)
    if rows.table.num_rows < config.min_support:
        raise SourceError(
            f"the source has {rows.table.num_rows} rows; at least {config.min_support} are needed, "
            "because values that fewer rows share are protected",
            "give a longer source",
        )
    fitted = [fit_column(column.name, rows.table.column(i), config) for i, column in enumerate(table.columns)]
    tokens = np.stack([column.tokens for column in fitted], axis=1)
    columns = [c.column for c in fitted]
    found: tuple[Function, ...] = ()
    if functions:
        found = find_functions(columns, np.stack([c.listed for c in fitted], axis=1))
        columns, found = _ordered(columns, tokens, found)
    codec = TableCodec(schema=_emitted(table), columns=tuple(columns), functions=found)
    return FittedTable(codec=codec, rows=rows.table, tokens=tokens, record=_record(rows, fitted, codec))


def foresee_table(source: Source) -> DatasetSchema:
    """What a codec of this source will emit. Raises `SourceError` for what it could not carry."""
    return DatasetSchema.flat(_emitted(_only_table(source)))


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
    for column in table.columns:
        check_type(column.name, column.type)
    return table


def _emitted(table: TableSchema) -> TableSchema:
    """Plain types instead of dictionaries; no keys, since nothing here makes a column unique."""
    columns = tuple(
        ColumnSchema(name=c.name, type=value_type(c.type), semantics=c.semantics, nullable=c.nullable)
        for c in table.columns
    )
    return TableSchema(name=table.name, columns=columns)


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
    return {
        "rows_seen": rows.seen,
        "rows_learned_from": rows.table.num_rows,
        "protected": {"rare_cells_left_out": hidden, "extreme_cells_moved_inwards": moved},
        "functions": [[names[f.source], names[f.result]] for f in codec.functions],
    }
