"""Writing and reading back parts in Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from mintage.contracts import PartWriter, only_mark
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import check_part_columns, conform
from mintage_connectors.parquet.config import ParquetConfig

_FASTEST = 1


class ParquetPartWriter(PartWriter):
    """Writes each batch as one row group; equal batches of equally marked schemas give equal bytes."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema, config: ParquetConfig) -> None:
        self._schema = only_mark(schema)
        # Whole numbers and times are packed as differences, which is faster than a dictionary, and as small.
        delta = [field.name for field in schema if _is_delta(field.type)]
        self._writer = pq.ParquetWriter(
            stream,
            self._schema,
            compression=config.compression,
            compression_level=(config.level or _FASTEST) if config.compression == "zstd" else None,
            use_dictionary=[name for name in schema.names if name not in delta] or False,
            column_encoding=dict.fromkeys(delta, "DELTA_BINARY_PACKED") or None,
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a row group; an empty batch writes nothing."""
        if batch.num_rows:
            self._writer.write_batch(conform(batch, self._schema, "the batch"), row_group_size=batch.num_rows)

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def scan_parquet_part(stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a part, one batch or more for each row group. Raises `SourceError` when it is damaged."""
    hint = "it is damaged, or was not written by this connector"
    with reading("the part", hint), pq.ParquetFile(stream, pre_buffer=False) as parquet:
        check_part_columns(parquet.schema_arrow.names, schema.names)
        for batch in parquet.iter_batches(use_threads=False):
            batch.validate(full=True)
            yield conform(batch, schema, "the part")


def _is_delta(type_: pa.DataType) -> bool:
    return bool(pt.is_integer(type_) or pt.is_temporal(type_))
