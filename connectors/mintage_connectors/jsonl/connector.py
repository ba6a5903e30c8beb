"""The connector of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import pyarrow as pa

from mintage.contracts import Connector, ConnectorConfig, PartWriter, TableReader
from mintage_connectors.files.reader import FilesReader
from mintage_connectors.jsonl.config import JsonlConfig
from mintage_connectors.jsonl.format import JsonlFormat
from mintage_connectors.jsonl.writer import JsonlWriter, scan_jsonl_part


class JsonlConnector(Connector):
    """Tables in files of JSON lines, also in gzip; parts in plain JSON lines."""

    Config: ClassVar[type[ConnectorConfig]] = JsonlConfig
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")

    config: JsonlConfig

    def read(self, location: object) -> TableReader:
        """A reader of the file, folder or pattern at `location`."""
        return FilesReader(location, self.suffixes, self.config, JsonlFormat(self.config))

    def write(self, stream: BinaryIO, schema: pa.Schema) -> PartWriter:
        """A writer of one part; raises `SpecError` for nested columns."""
        return JsonlWriter(stream, schema)

    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a part that `write` wrote, of exactly this schema."""
        return scan_jsonl_part(stream, schema)
