"""Writing and reading back parts in Arrow IPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from mintage.contracts import PartWriter, mark_of, with_mark
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import check_part_columns, conform
from mintage_connectors.ipc.config import IpcConfig
from mintage_connectors.ipc.format import scan_ipc


class IpcWriter(PartWriter):
    """Writes the file format of Arrow IPC, one record batch for each batch."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema, config: IpcConfig) -> None:
        plain = [
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in schema
        ]
        # The file format holds one dictionary for each column: batches that bring their own are decoded.
        self._schema = with_mark(pa.schema(plain), mark_of(schema))
        codec = None if config.compression == "none" else config.compression
        self._writer = pa.ipc.new_file(
            stream, self._schema, options=pa.ipc.IpcWriteOptions(compression=codec)
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a record batch."""
        self._writer.write_batch(conform(batch, self._schema, "the batch"))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def scan_ipc_part(stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a part. Raises `SourceError` when it is damaged."""
    with reading("the part", "it is damaged, or was not written by this connector"):
        for batch in scan_ipc(stream):
            check_part_columns(batch.schema.names, schema.names)
            yield conform(batch, schema, "the part")
