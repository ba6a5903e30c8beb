"""The connector of Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import pyarrow as pa

from mintage.contracts import Connector, ConnectorConfig, PartWriter, TableReader
from mintage_connectors.files.reader import FilesReader
from mintage_connectors.parquet.config import ParquetConfig
from mintage_connectors.parquet.format import ParquetFormat
from mintage_connectors.parquet.writer import ParquetPartWriter, scan_parquet_part


class ParquetConnector(Connector):
    """Tables in Parquet files, also in hive-partitioned folders; parts in Parquet."""

    Config: ClassVar[type[ConnectorConfig]] = ParquetConfig
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    config: ParquetConfig

    def read(self, location: object) -> TableReader:
        """A reader of the file, folder or pattern at `location`."""
        return FilesReader(location, self.suffixes, self.config, ParquetFormat())

    def write(self, stream: BinaryIO, schema: pa.Schema) -> PartWriter:
        """A writer of one part: one row group for each batch."""
        return ParquetPartWriter(stream, schema, self.config)

    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a part that `write` wrote, of exactly this schema."""
        return scan_parquet_part(stream, schema)
