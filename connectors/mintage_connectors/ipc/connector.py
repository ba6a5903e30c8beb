"""The connector of Arrow IPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import pyarrow as pa

from mintage.contracts import Connector, ConnectorConfig, PartWriter, TableReader
from mintage_connectors.files.reader import FilesReader
from mintage_connectors.ipc.config import IpcConfig
from mintage_connectors.ipc.format import IpcFormat
from mintage_connectors.ipc.writer import IpcWriter, scan_ipc_part


class IpcConnector(Connector):
    """Tables in Arrow IPC files and streams; parts in the file format."""

    Config: ClassVar[type[ConnectorConfig]] = IpcConfig
    suffixes: ClassVar[tuple[str, ...]] = (".arrow", ".arrows", ".feather", ".ipc")

    config: IpcConfig

    def read(self, location: object) -> TableReader:
        """A reader of the file, folder or pattern at `location`."""
        return FilesReader(location, self.suffixes, self.config, IpcFormat())

    def write(self, stream: BinaryIO, schema: pa.Schema) -> PartWriter:
        """A writer of one part: one record batch for each batch."""
        return IpcWriter(stream, schema, self.config)

    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a part that `write` wrote, of exactly this schema."""
        return scan_ipc_part(stream, schema)
