"""A source parted by a column: one pass that counts its values, one that writes each part into a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from mintage.contracts import SCAN_ROWS, DatasetSchema, Source, TableReader, TableSchema
from mintage.errors import SourceError
from mintage_generators.tabular.codec import ExactColumn
from mintage_generators.tabular.codec.column import count_values, plain
from mintage_generators.tabular.codec.physical import check_type, value_type

MAX_VALUES = 1_000_000
"""Distinct values of the column at most."""


def count_segments(source: Source, table: TableSchema, column: str) -> tuple[pa.Array, np.ndarray]:
    """The column's distinct values (null is one of them) and how many rows have each.

    Raises `SourceError` for a column that cannot be carried or has too many values.
    """
    type_ = table.arrow().field(column).type
    check_type(column, type_)
    if pa.types.is_null(type_):
        raise SourceError(f"column {column!r} holds nothing to part by", "name another column")
    found = pa.table({"value": pa.array([], value_type(type_)), "rows": pa.array([], pa.int64())})
    for batch in source.scan(columns=[column]):
        values, counts = count_values(pa.chunked_array([plain(batch.column(0))]))
        found = pa.concat_tables([found, pa.table({"value": values, "rows": pa.array(counts)})])
        found = found.group_by("value", use_threads=False).aggregate([("rows", "sum")])
        found = found.rename_columns(["value", "rows"])
        if found.num_rows > MAX_VALUES:
            raise SourceError(
                f"column {column!r} has more than {MAX_VALUES} values", "part by a column of few values"
            )
    return found.column("value").combine_chunks(), found.column("rows").to_numpy()


@contextmanager
def parted(source: Source, table: TableSchema, own: ExactColumn) -> Iterator[list[Source]]:
    """A source for each value of `own`, without that column, and last one of all other rows, with it.

    They lie in files of a temporary folder, which is removed after the body.
    """
    place = table.names.index(own.name)
    with TemporaryDirectory(prefix="mintage-segments-") as folder:
        paths = [Path(folder) / f"{number}.arrows" for number in range(own.tokens + 1)]
        narrow = [name for name in table.names if name != own.name]
        schemas = [table.arrow().remove(place)] * own.tokens + [table.arrow()]
        with ExitStack() as stack:
            writers = [
                stack.enter_context(pa.ipc.new_stream(str(path), schema))
                for path, schema in zip(paths, schemas, strict=True)
            ]
            for batch in source.scan():
                tokens = own.encode(batch.column(own.name))
                tokens = np.where(tokens < 0, own.tokens, tokens)
                for number in np.unique(tokens).tolist():
                    part = batch.filter(pa.array(tokens == number))
                    part = part.select(narrow) if number < own.tokens else part.select(list(table.names))
                    writers[number].write_batch(part)
        yield [
            _as_source(source, table, schema, path, own.name)
            for schema, path in zip(schemas, paths, strict=True)
        ]


def _as_source(source: Source, table: TableSchema, schema: pa.Schema, path: Path, column: str) -> Source:
    names = set(schema.names)
    kept = TableSchema(name=table.name, columns=tuple(c for c in table.columns if c.name in names))
    digest = f"sha256:{hashlib.sha256(f'{source.digest} {column} {path.stem}'.encode()).hexdigest()}"
    reader = StreamReader(path=path, arrow=schema, origin=digest)
    return Source(schema=DatasetSchema.flat(kept), readers={table.name: reader}, digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReader(TableReader):
    """A table in a file of the Arrow stream format; `origin` is the digest of what it was made from."""

    path: Path
    arrow: pa.Schema
    origin: str

    @property
    def schema(self) -> pa.Schema:
        """As it was written."""
        return self.arrow

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches, cut where they are longer than asked for."""
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as stream:
            for batch in stream:
                taken = batch if columns is None else batch.select(list(columns))
                for start in range(0, batch.num_rows, batch_rows):
                    yield taken.slice(start, batch_rows)

    def digest(self) -> str:
        """Of the source's digest and the part that this is."""
        return self.origin
