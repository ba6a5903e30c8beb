"""Opening what a job learns from: readers by connector, one schema, one digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import NamedTuple

from mintage.contracts import (
    ColumnSchema,
    Connector,
    DatasetSchema,
    ForeignKey,
    Source,
    TableReader,
    TableSchema,
)
from mintage.errors import SpecError
from mintage.jobs.accumulation import AccumulatedReader
from mintage.jobs.datasets import find_dataset, open_dataset
from mintage.plugins import PluginRef, connector, connector_for, load_connector
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import sha256_hex
from mintage.spec import IN_MEMORY, FurtherSpec, SourceSpec, TableSpec, spec_errors
from mintage.store import check_uri


class Piece(NamedTuple):
    """One thing that is read: a table, or further rows of one."""

    table: str
    spec: SourceSpec | TableSpec | FurtherSpec
    reader: TableReader
    digest: str
    """The reader's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSource:
    """A source, and the pieces that it was put together from."""

    source: Source
    pieces: tuple[Piece, ...]


def open_source(spec: SourceSpec, name: str, frames: object = None) -> Source:
    """The source that a spec describes; `name` is what a single table is called.

    `frames` is a table (pandas, polars, Arrow) that was handed over in Python, or a mapping of
    table names to such tables. Raises `SpecError` or `SourceError` before any row is learned from.
    """
    return open_pieces(spec, name, frames).source


def open_pieces(spec: SourceSpec, name: str, frames: object = None) -> OpenedSource:
    """The source as `open_source` gives it, with each thing that was opened for it."""
    tables: Mapping[str, SourceSpec | TableSpec] = spec.tables or {name: spec}
    pieces = [_open_table(table, part, frames, bool(spec.tables)) for table, part in tables.items()]
    pieces += [_open_further(name, part, index) for index, part in enumerate(spec.accumulate)]
    readers, digests = _readers(pieces)
    schemas = {table: _table_schema(table, part, readers[table], tables) for table, part in tables.items()}
    parents = {n: {key.table for key in schema.foreign_keys} - {n} for n, schema in schemas.items()}
    order = list(TopologicalSorter(parents).static_order())
    schema = DatasetSchema(tables=tuple(schemas[n] for n in order), root=spec.root_table or name)
    identity = {"format": "mintage-source/1", "schema": schema.to_json(), "tables": digests}
    source = Source(schema=schema, readers=readers, digest=f"sha256:{sha256_hex(canonical_json(identity))}")
    return OpenedSource(source=source, pieces=tuple(pieces))


def _readers(pieces: Sequence[Piece]) -> tuple[dict[str, TableReader], dict[str, str]]:
    """The reader of each table, which may be put together from several pieces; and its digest."""
    readers: dict[str, TableReader] = {}
    digests: dict[str, str] = {}
    for table in dict.fromkeys(piece.table for piece in pieces):
        of_table = [piece for piece in pieces if piece.table == table]
        readers[table], digests[table] = of_table[0].reader, of_table[0].digest
        if len(of_table) > 1:
            reader = AccumulatedReader(
                readers=tuple(piece.reader for piece in of_table),
                digests=tuple(piece.digest for piece in of_table),
            )
            readers[table], digests[table] = reader, reader.digest()
    return readers, digests


def check_apart(spec: SourceSpec, sink: str) -> None:
    """Raise `SpecError` when the sink (a normalised URI) lies in a source, or a source in the sink."""
    parts = spec.tables.values() if spec.tables else (spec, *spec.accumulate)
    for uri in (part.uri for part in parts if part.uri is not None):
        place = check_uri(uri.split("*", 1)[0].rstrip("/") or "/")
        if _within(sink, place) or _within(place, sink):
            raise SpecError(
                f"sink.uri: {sink} and the source {place} lie in one another",
                "write to a folder of its own: what is made must not be taken for what is real",
            )


def _within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def make_connector(ref: PluginRef, options: Mapping[str, object], path: str) -> Connector:
    """A connector with its options; what is wrong with them is said with the path in the spec."""
    cls = load_connector(ref)
    with spec_errors(cls.Config, path):
        config = cls.Config.model_validate(dict(options))
    return cls(config)


def _open_table(name: str, spec: SourceSpec | TableSpec, frames: object, several: bool) -> Piece:
    path = f"source.tables.{name}" if several else "source"
    if spec.kind == IN_MEMORY:
        connected = make_connector(connector(IN_MEMORY), spec.options, f"{path}.options")
        reader = connected.read(_frame(name, frames))
    else:
        reader = _open_located(name, spec, path)
    return Piece(name, spec, reader, reader.digest())


def _open_further(name: str, spec: FurtherSpec, index: int) -> Piece:
    reader = _open_located(name, spec, f"source.accumulate[{index}]")
    return Piece(name, spec, reader, reader.digest())


def _open_located(name: str, spec: SourceSpec | TableSpec | FurtherSpec, path: str) -> TableReader:
    """A reader of what a spec locates: a data set of ours by its manifest, anything else by a connector."""
    if spec.uri is None:
        raise SpecError(f"{path}.uri: is missing", "name a file or folder")
    if (inside := find_dataset(spec.uri, spec.storage)) is not None:
        return open_dataset(inside, name, spec.storage)
    options = {**spec.options, **({"storage": spec.storage} if spec.storage else {})}
    return open_reader(spec.uri, kind=spec.kind, options=options, path=path)


def open_reader(
    uri: str, *, kind: str | None = None, options: Mapping[str, object] | None = None, path: str = "source"
) -> TableReader:
    """A reader of the table at `uri`; `path` is where the spec names it, for what goes wrong."""
    ref = connector(kind) if kind else connector_for(uri)
    return make_connector(ref, options or {}, f"{path}.options").read(uri)


def _frame(name: str, frames: object) -> object:
    if frames is None:
        raise SpecError(
            f"the table {name!r} is to be handed over in Python, but none was",
            "call mintage.run(spec, source=table), or name a file with source.uri",
        )
    if not isinstance(frames, Mapping):
        return frames
    if name not in frames:
        raise SpecError(
            f"the tables handed over have none called {name!r}",
            f"they are {', '.join(str(key) for key in frames)}",
        )
    return frames[name]


def _table_schema(
    name: str, spec: SourceSpec | TableSpec, reader: TableReader, tables: Mapping[str, SourceSpec | TableSpec]
) -> TableSchema:
    found = TableSchema.of(name, reader.schema)
    for column in spec.columns:
        found.column(column)
    columns = tuple(_with_semantics(column, spec) for column in found.columns)
    keys = spec.foreign_keys if isinstance(spec, TableSpec) else ()
    return TableSchema(
        name=name,
        columns=columns,
        primary_key=spec.primary_key,
        foreign_keys=tuple(
            ForeignKey(
                columns=key.columns,
                table=key.table,
                references=key.references or tables[key.table].primary_key,
            )
            for key in keys
        ),
    )


def _with_semantics(column: ColumnSchema, spec: SourceSpec | TableSpec) -> ColumnSchema:
    semantics = spec.columns.get(column.name)
    return replace(column, semantics=semantics) if semantics else column
