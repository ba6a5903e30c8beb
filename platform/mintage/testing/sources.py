"""Arrow tables in memory as a source, for tests of generators and operators."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from mintage.contracts import SCAN_ROWS, DatasetSchema, Source, TableReader, TableSchema
from mintage.errors import SourceError


class MemoryReader(TableReader):
    """Reads an Arrow table that is there already."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table.combine_chunks()

    @property
    def schema(self) -> pa.Schema:
        """The table's schema."""
        return self._table.schema

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield slices of the table; raises `SourceError` for a column that it does not have."""
        missing = sorted(set(columns or ()) - set(self._table.column_names))
        if missing:
            raise SourceError(
                f"the table has no column {missing[0]!r}", f"known columns: {self._table.column_names[:20]}"
            )
        table = self._table if columns is None else self._table.select(list(columns))
        yield from table.to_batches(max_chunksize=batch_rows)

    def digest(self) -> str:
        """Digest of the table as one Arrow stream."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._table.schema) as writer:
            writer.write_table(self._table)
        return f"sha256:{hashlib.sha256(sink.getvalue()).hexdigest()}"


class _RowByRow(TableReader):
    """Another reader's rows, in batches of one."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader

    @property
    def schema(self) -> pa.Schema:
        return self._reader.schema

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        del batch_rows
        return self._reader.scan(columns, 1)

    def digest(self) -> str:
        return self._reader.digest()


def cut_into_rows(source: Source) -> Source:
    """The same source, read in batches of one row: what is learned of it should be the same."""
    readers = {name: _RowByRow(reader) for name, reader in source.readers.items()}
    return Source(schema=source.schema, readers=readers, digest=source.digest)


def memory_source(tables: Mapping[str, pa.Table] | pa.Table, schema: DatasetSchema | None = None) -> Source:
    """A source of these tables; a lone table is called `data`, and the first of several is the root.

    Give a `schema` when columns mean something else than their types suggest, or when there are keys.

    >>> memory_source(pa.table({"age": [31, 47]})).schema.root
    'data'
    """
    named = dict(tables) if isinstance(tables, Mapping) else {"data": tables}
    readers = {name: MemoryReader(table) for name, table in named.items()}
    if schema is None:
        described = tuple(TableSchema.of(name, table.schema) for name, table in named.items())
        schema = DatasetSchema(tables=described, root=described[0].name)
    joined = "\n".join(f"{name} {reader.digest()}" for name, reader in sorted(readers.items()))
    digest = f"sha256:{hashlib.sha256(joined.encode()).hexdigest()}"
    return Source(schema=schema, readers=readers, digest=digest)
