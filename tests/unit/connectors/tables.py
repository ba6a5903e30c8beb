"""Reading and writing through connectors, as the tests of all formats need it."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa

from mintage.contracts import Connector, TableReader
from mintage_connectors.csv.connector import CsvConnector
from mintage_connectors.ipc.connector import IpcConnector
from mintage_connectors.jsonl.connector import JsonlConnector
from mintage_connectors.parquet.connector import ParquetConnector

SINKS: dict[str, type[Connector]] = {
    "parquet": ParquetConnector,
    "csv": CsvConnector,
    "jsonl": JsonlConnector,
    "ipc": IpcConnector,
}


def make(kind: str, **options: object) -> Connector:
    """A connector with these options."""
    connector = SINKS[kind]
    return connector(connector.Config.model_validate(options))


def reader(kind: str, location: object, **options: object) -> TableReader:
    """A reader of what is at a location."""
    return make(kind, **options).read(str(location) if isinstance(location, Path) else location)


def read(kind: str, location: object, **options: object) -> pa.Table:
    """The whole table at a location."""
    found = reader(kind, location, **options)
    return pa.Table.from_batches(found.scan(), found.schema)


def write(path: Path, content: bytes | str) -> Path:
    """A file with this content, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def part(kind: str, table: pa.Table, **options: object) -> bytes:
    """The table as one part, a batch for each chunk."""
    stream = io.BytesIO()
    writer = make(kind, **options).write(stream, table.schema)
    for batch in table.to_batches():
        writer.write(batch)
    writer.close()
    return stream.getvalue()


def read_part(kind: str, data: bytes, schema: pa.Schema, **options: object) -> pa.Table:
    """The table in a part."""
    return pa.Table.from_batches(make(kind, **options).scan_part(io.BytesIO(data), schema), schema)
