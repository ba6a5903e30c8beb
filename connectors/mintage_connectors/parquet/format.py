"""Reading one Parquet file, a row group's pages at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from mintage.contracts import mark_of, with_mark
from mintage_connectors.files.location import SourceFile
from mintage_connectors.files.reader import FileFormat
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import plain_schema

_LOCAL_BUFFER = 1 << 18
_REMOTE_BUFFER = 4 << 20
_REMOTE_BUFFERS = 64 << 20
"""Bytes that are read ahead of a column; of all columns together, where each read is a request."""

_HINT = "check that it is a complete Parquet file, and that it was not changed while it was read"


class ParquetFormat(FileFormat):
    """Parquet with flat columns and lists of them."""

    name: ClassVar[str] = "Parquet"

    def inspect(self, file: SourceFile) -> pa.Schema:
        """Read the footer, with what it says of the origin of the rows."""
        with reading(file.uri, _HINT), file.open() as stream, pq.ParquetFile(stream) as parquet:
            found = parquet.schema_arrow
            return with_mark(plain_schema(found, file.uri), mark_of(found))

    def scan(
        self, file: SourceFile, inspected: pa.Schema, wanted: pa.Schema, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Read the wanted columns, batch by batch."""
        del inspected
        # Without buffers, Arrow holds a row group whole; with its `pre_buffer`, all row groups.
        buffer = _buffer_bytes(file, len(wanted))
        with (
            reading(file.uri, _HINT),
            file.open() as stream,
            pq.ParquetFile(stream, buffer_size=buffer, pre_buffer=False) as parquet,
        ):
            for batch in parquet.iter_batches(batch_rows, columns=wanted.names, use_threads=False):
                batch.validate(full=True)
                yield batch


def _buffer_bytes(file: SourceFile, columns: int) -> int:
    if file.store.scheme == "file":
        return _LOCAL_BUFFER
    return max(_LOCAL_BUFFER, min(_REMOTE_BUFFER, _REMOTE_BUFFERS // columns))
