"""A codec as JSON and arrays, and back with every size checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from mintage.contracts import ColumnSchema, DatasetSchema
from mintage.errors import MintageError
from mintage_generators.tabular.codec.column import UNKNOWN, Column, ExactColumn
from mintage_generators.tabular.codec.fakes import FakeColumn
from mintage_generators.tabular.codec.files import Arrays, Document, damaged
from mintage_generators.tabular.codec.functions import Function
from mintage_generators.tabular.codec.grid import Grid
from mintage_generators.tabular.codec.made import MadeColumn
from mintage_generators.tabular.codec.number import KNOTS, SPECIAL, NumberColumn
from mintage_generators.tabular.codec.other import OTHER, OtherColumn
from mintage_generators.tabular.codec.people import People
from mintage_generators.tabular.codec.physical import from_numbers, is_text, numbers
from mintage_generators.tabular.codec.saved_made import (
    MadeDocument,
    PeopleDocument,
    SubjectDocument,
    read_made,
    read_people,
    read_subjects,
    write_made,
    write_people,
    write_subjects,
)
from mintage_generators.tabular.codec.table import TableCodec


class GridDocument(Document):
    """A `Grid`; the two 64-bit numbers are text, since JSON readers round them."""

    origin: str
    step: str
    decimals: int
    signed: bool


class ColumnDocument(Document):
    """What a column keeps beside its arrays: its kind, and levels of text."""

    kind: Literal["exact", "other", "number", "made"]
    levels: tuple[str | None, ...] | None = None
    grid: GridDocument | None = None
    special: tuple[str, ...] = ()
    made: MadeDocument | None = None


class CodecDocument(Document):
    """A codec but for its arrays."""

    schema_: dict[str, object]
    columns: tuple[ColumnDocument, ...]
    functions: tuple[tuple[int, int], ...]
    subjects: tuple[SubjectDocument, ...] = ()
    people: PeopleDocument | None = None


def write_codec(codec: TableCodec) -> tuple[CodecDocument, dict[str, np.ndarray]]:
    """The parts of `codec` that `read_codec` puts together again."""
    arrays: dict[str, np.ndarray] = {}
    documents = []
    for i, column in enumerate(codec.columns):
        arrays[f"column.{i}.counts"] = column.counts.astype(np.int64)
        documents.append(_write_column(column, f"column.{i}.", arrays))
    for i, function in enumerate(codec.functions):
        arrays[f"function.{i}.table"] = function.table
    document = CodecDocument(
        schema_=codec.dataset.to_json(),
        columns=tuple(documents),
        functions=tuple((f.source, f.result) for f in codec.functions),
        subjects=write_subjects(codec.subjects, arrays),
        people=write_people(_people_of(codec), arrays),
    )
    return document, arrays


def read_codec(document: CodecDocument, arrays: Arrays) -> TableCodec:
    """The codec that `write_codec` took apart; raises `FitError` when the parts do not fit."""
    try:
        schema = DatasetSchema.from_json(document.schema_).root_table
    except (MintageError, KeyError, TypeError, ValueError, AssertionError) as exc:
        raise damaged("its schema cannot be read") from exc
    if len(schema.columns) != len(document.columns):
        raise damaged(f"it has {len(document.columns)} columns for a schema of {len(schema.columns)}")
    subjects, people = read_subjects(document.subjects, arrays), read_people(document.people, arrays)
    made = _Made(subjects=len(subjects), people=people)
    columns = tuple(
        _read_column(schema.columns[i], column, f"column.{i}.", arrays, made)
        for i, column in enumerate(document.columns)
    )
    functions = tuple(_read_function(i, pair, columns, arrays) for i, pair in enumerate(document.functions))
    return TableCodec(schema=schema, columns=columns, functions=functions, subjects=subjects)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What columns of made values refer to."""

    subjects: int
    people: People | None


def _people_of(codec: TableCodec) -> People | None:
    people = [column.people for column in codec.columns if isinstance(column, FakeColumn) and column.people]
    return people[0] if people else None


def _write_column(column: Column, prefix: str, arrays: dict[str, np.ndarray]) -> ColumnDocument:
    if isinstance(column, NumberColumn):
        for name in ("atoms", "atom_tokens", "edges", "bin_tokens", "base", "knots"):
            arrays[prefix + name] = getattr(column, name)
        return ColumnDocument(kind="number", grid=_write_grid(column.grid), special=column.special)
    if isinstance(column, MadeColumn):
        return ColumnDocument(kind="made", made=write_made(column))
    assert isinstance(column, ExactColumn)
    if is_text(column.type) or pa.types.is_null(column.type):
        levels = tuple(column.values.to_pylist())
        return ColumnDocument(kind="other" if isinstance(column, OtherColumn) else "exact", levels=levels)
    arrays[prefix + "values"] = numbers(column.values)
    arrays[prefix + "nulls"] = column.values.is_null().to_numpy(zero_copy_only=False).astype(np.uint8)
    return ColumnDocument(kind="exact")


def _read_column(
    schema: ColumnSchema, document: ColumnDocument, prefix: str, arrays: Arrays, made: _Made
) -> Column:
    counts = arrays.get(prefix + "counts", np.int64, (None,))
    if not len(counts) or counts.min() < 0 or counts.sum() <= 0:
        raise damaged(f"column {schema.name!r} has no counts")
    if document.kind == "number":
        return _read_numbers(schema, document, counts, prefix, arrays)
    if document.kind == "made":
        if document.made is None:
            raise damaged(f"column {schema.name!r} does not say how it is made")
        return read_made(schema, document.made, counts, made.people, made.subjects)
    try:
        values = _read_values(schema.type, document, len(counts), prefix, arrays)
    except (pa.ArrowException, TypeError, ValueError) as exc:
        raise damaged(f"the values of column {schema.name!r} are not of type {schema.type}") from exc
    if len(values) != len(counts):
        raise damaged(f"column {schema.name!r} has {len(values)} values for {len(counts)} tokens")
    if document.kind == "other":
        if not is_text(schema.type) or OTHER not in values.to_pylist():
            raise damaged(f"column {schema.name!r} has no category for all others")
        return OtherColumn(name=schema.name, type=schema.type, counts=counts, values=values)
    return ExactColumn(name=schema.name, type=schema.type, counts=counts, values=values)


def _read_values(
    type_: pa.DataType, document: ColumnDocument, size: int, prefix: str, arrays: Arrays
) -> pa.Array:
    if document.levels is not None:
        return pa.array(document.levels, type_)
    dtype = _dtype(type_)
    nulls = arrays.get(prefix + "nulls", np.uint8, (size,)).astype(np.bool_)
    return from_numbers(arrays.get(prefix + "values", dtype, (size,)), nulls, type_)


def _read_numbers(
    schema: ColumnSchema, document: ColumnDocument, counts: np.ndarray, prefix: str, arrays: Arrays
) -> NumberColumn:
    dtype = np.float64 if document.grid is None else np.uint64
    size = len(counts)
    atoms = arrays.get(prefix + "atoms", dtype, (None,))
    edges = arrays.get(prefix + "edges", dtype, (None,))
    atom_tokens = arrays.get(prefix + "atom_tokens", np.int32, (len(atoms),))
    bin_tokens = arrays.get(prefix + "bin_tokens", np.int32, (len(edges),))
    first = len(document.special)
    every = np.sort(np.concatenate([np.arange(first, dtype=np.int32), atom_tokens, bin_tokens]))
    if (
        not len(atoms)
        or not np.array_equal(every, np.arange(size))
        or not set(document.special) <= set(SPECIAL)
    ):
        raise damaged(f"the tokens of column {schema.name!r} are not numbered one by one")
    return NumberColumn(
        name=schema.name,
        type=schema.type,
        counts=counts,
        grid=_read_grid(document.grid),
        special=document.special,
        atoms=atoms,
        atom_tokens=atom_tokens,
        edges=edges,
        bin_tokens=bin_tokens,
        base=arrays.get(prefix + "base", dtype, (size,)),
        knots=arrays.get(prefix + "knots", np.float64, (size, KNOTS)),
    )


def _read_function(i: int, pair: tuple[int, int], columns: tuple[Column, ...], arrays: Arrays) -> Function:
    source, result = pair
    if not (0 <= source < len(columns) and 0 <= result < len(columns) and source != result):
        raise damaged(f"function {i} is between columns that are not there")
    table = arrays.get(f"function.{i}.table", np.int32, (columns[source].tokens,))
    if table.min() < UNKNOWN or table.max() >= columns[result].tokens:
        raise damaged(f"function {i} gives tokens that column {columns[result].name!r} does not have")
    return Function(source=source, result=result, table=table)


def _write_grid(grid: Grid | None) -> GridDocument | None:
    if grid is None:
        return None
    return GridDocument(
        origin=str(grid.origin), step=str(grid.step), decimals=grid.decimals, signed=grid.signed
    )


def _read_grid(document: GridDocument | None) -> Grid | None:
    if document is None:
        return None
    try:
        origin, step = int(document.origin), int(document.step)
    except ValueError as exc:
        raise damaged("a lattice is not made of whole numbers") from exc
    if not (0 < step < 2**64 and -(2**64) < origin < 2**65):
        raise damaged("a lattice is outside 64 bits")
    return Grid(origin=origin, step=step, decimals=document.decimals, signed=document.signed)


def _dtype(type_: pa.DataType) -> type[np.generic]:
    if pa.types.is_floating(type_):
        return np.float64
    return np.uint64 if pa.types.is_uint64(type_) else np.int64
