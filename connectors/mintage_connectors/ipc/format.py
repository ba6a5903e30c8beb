"""Reading one Arrow IPC file: the file format and the stream format.

Nothing in such a file can be trusted before it is checked: crafted offsets make the process read
foreign memory or crash, and only a full validation finds them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, ClassVar

import pyarrow as pa

from mintage.contracts import mark_of, with_mark
from mintage_connectors.files.location import SourceFile
from mintage_connectors.files.reader import FileFormat
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import plain_schema

_MAGIC = b"ARROW1"
_STREAM_START = 8
"""The magic is padded to eight bytes."""
_HINT = "check that it is a complete Arrow IPC file or stream, and that it was not changed while it was read"


class IpcFormat(FileFormat):
    """Arrow IPC with flat columns and lists of them."""

    name: ClassVar[str] = "Arrow IPC"

    def inspect(self, file: SourceFile) -> pa.Schema:
        """Read the schema message, with what it says of the origin of the rows."""
        with reading(file.uri, _HINT), file.open() as stream, _opened(stream) as reader:
            return with_mark(plain_schema(reader.schema, file.uri), mark_of(reader.schema))

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
        for batch in reader:
            batch.validate(full=True)
            yield batch


@contextmanager
def _opened(stream: BinaryIO) -> Iterator[pa.RecordBatchStreamReader]:
    """A reader of a stream, or of the stream that a file is made of: magic, stream, footer, magic.

    The footer, which allows to jump to a batch, is not needed; and without it nothing is read but
    by this thread, in order.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if stream.read(len(_MAGIC)) == _MAGIC:
        stream.seek(max(size - len(_MAGIC), 0))
        if size < _STREAM_START or stream.read() != _MAGIC:
            raise pa.ArrowInvalid("the end of the file is missing")
        stream.seek(_STREAM_START)
    else:
        stream.seek(0)
    with pa.ipc.open_stream(stream, options=pa.ipc.IpcReadOptions(use_threads=False)) as reader:
        yield reader
