"""Reading one Arrow IPC file: the file format and the stream format.

Nothing in such a file can be trusted before it is checked: crafted offsets make the process read
foreign memory or crash, and only a full validation finds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, ClassVar

import pyarrow as pa

from mintage_connectors.files.location import SourceFile
from mintage_connectors.files.reader import FileFormat
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import plain_schema

_MAGIC = b"ARROW1"
_HINT = "check that it is a complete Arrow IPC file or stream, and that it was not changed while it was read"


class IpcFormat(FileFormat):
    """Arrow IPC with flat columns and lists of them."""

    name: ClassVar[str] = "Arrow IPC"

    def inspect(self, file: SourceFile) -> pa.Schema:
        """Read the schema message."""
        with reading(file.uri, _HINT), file.open() as stream, _opened(stream) as reader:
            return plain_schema(reader.schema, file.uri)

    def scan(
        self, file: SourceFile, inspected: pa.Schema, wanted: pa.Schema, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Read the wanted columns of one batch after the other."""
        del inspected, batch_rows
        with reading(file.uri, _HINT), file.open() as stream:
            for batch in scan_ipc(stream):
                yield batch.select(wanted.names)


def scan_ipc(stream: BinaryIO) -> Iterator[pa.RecordBatch]:
    """The batches of a file or stream, each validated in full before it is handed on."""
    with _opened(stream) as reader:
        for batch in _batches(reader):
            batch.validate(full=True)
            yield batch


@contextmanager
def _opened(stream: BinaryIO) -> Iterator[pa.RecordBatchFileReader | pa.RecordBatchStreamReader]:
    is_file = stream.read(len(_MAGIC)) == _MAGIC
    stream.seek(0)
    options = pa.ipc.IpcReadOptions(use_threads=False)
    with (
        pa.ipc.open_file(stream, options=options)
        if is_file
        else pa.ipc.open_stream(stream, options=options) as reader
    ):
        yield reader


def _batches(reader: pa.RecordBatchFileReader | pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.RecordBatchStreamReader):
        yield from reader
    else:
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
