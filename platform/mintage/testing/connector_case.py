"""A connector under test: its config, a table to carry, and how the table gets where it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from mintage.contracts import Connector, ConnectorConfig, TableReader
from mintage.testing.samples import every_type

Place = Callable[[pa.Table, Path], object]
"""Puts a table where the connector can read it, in an empty folder if it needs one; returns the location."""


@dataclass(frozen=True, kw_only=True)
class ConnectorCase:
    """What the connector checks look at.

    Attributes:
        connector: The class.
        config: A valid config of it.
        table: A table of at least two rows that the connector can read.
        part: What the parts that it writes can hold; None when that is the same table.
        expected: The table as it comes back; None when exactly as it went, as it should.
        place: How the table gets where the connector reads; None when `write` makes a file of it.
        missing: A location at which there is nothing; None for a path that does not exist.
    """

    connector: type[Connector]
    config: ConnectorConfig
    table: pa.Table = field(default_factory=every_type)
    part: pa.Table | None = None
    expected: pa.Table | None = None
    place: Place | None = None
    missing: object = None

    @property
    def writes(self) -> bool:
        """Whether the connector writes parts."""
        return self.connector.write is not Connector.write

    def make(self) -> Connector:
        """The connector, made anew."""
        return self.connector(self.config)

    def encoded(self, table: pa.Table) -> bytes:
        """The table as one part, a batch for each of two halves."""
        stream = BytesIO()
        writer = self.make().write(stream, table.schema)
        for batch in table.combine_chunks().to_batches(max_chunksize=-(-table.num_rows // 2) or 1):
            writer.write(batch)
        writer.close()
        return stream.getvalue()

    @contextmanager
    def placed(self, table: pa.Table) -> Iterator[object]:
        """Where the connector can read the table, until the context ends."""
        with TemporaryDirectory() as folder:
            if self.place:
                yield self.place(table, Path(folder))
            else:
                path = Path(folder) / f"part{self.connector.suffixes[0]}"
                path.write_bytes(self.encoded(table))
                yield str(path)

    @contextmanager
    def reading(self, table: pa.Table) -> Iterator[TableReader]:
        """A reader of the table, placed for as long as the context lasts."""
        with self.placed(table) as location:
            yield self.make().read(location)
