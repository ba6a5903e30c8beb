"""The connector of CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import pyarrow as pa

from mintage.contracts import Connector, ConnectorConfig, PartWriter, TableReader
from mintage_connectors.csv.config import CsvConfig
from mintage_connectors.csv.format import CsvFormat
from mintage_connectors.csv.writer import CsvWriter, scan_csv_part
from mintage_connectors.files.reader import FilesReader


class CsvConnector(Connector):
    """Tables in CSV files, also in gzip or in a ZIP archive of one member; parts in plain CSV."""

    Config: ClassVar[type[ConnectorConfig]] = CsvConfig
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".csv.gz", ".csv.zip")

    config: CsvConfig

    def read(self, location: object) -> TableReader:
        """A reader of the file, folder or pattern at `location`."""
        return FilesReader(location, self.suffixes, self.config, CsvFormat(self.config))

    def write(self, stream: BinaryIO, schema: pa.Schema) -> PartWriter:
        """A writer of one part; raises `SpecError` for nested columns."""
        return CsvWriter(stream, schema, self.config)

    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a part that `write` wrote, of exactly this schema."""
        return scan_csv_part(stream, schema, self.config)
