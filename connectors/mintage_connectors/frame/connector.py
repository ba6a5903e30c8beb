"""The connector of tables that are in memory already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from mintage.contracts import SCAN_ROWS, Connector, ConnectorConfig, TableReader, mark_of
from mintage.errors import SourceError, SpecError
from mintage_connectors.frame.config import FrameConfig
from mintage_connectors.frame.content import content_digest
from mintage_connectors.frame.tables import as_table

_ARROW = (pa.Table, pa.RecordBatch)


class FrameConnector(Connector):
    """A pandas or polars frame or an Arrow table, straight from Python; it writes nothing."""

    Config: ClassVar[type[ConnectorConfig]] = FrameConfig

    def read(self, location: object) -> TableReader:
        """A reader of the table handed over as `location`."""
        # Frames of pandas and polars carry no schema metadata, and so no mark.
        arrow: Any = location if isinstance(location, _ARROW) else None
        mark = mark_of(arrow.schema) if arrow is not None else None
        return FrameReader(as_table(location), (mark,) if mark else ())


class FrameReader(TableReader):
    """Reads an Arrow table with plain types; `marks` is what it said of its own origin."""

    def __init__(self, table: pa.Table, marks: Sequence[Mapping[str, str]] = ()) -> None:
        self._table = table
        self._marks = marks

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch."""
        return self._table.schema

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows without copying them."""
        if batch_rows < 1:
            raise SpecError(f"batches of {batch_rows} rows were asked for", "ask for 1 or more")
        if unknown := [name for name in columns or () if name not in self.schema.names]:
            raise SourceError(
                f"there is no column {unknown[0]!r}", f"known columns: {', '.join(self.schema.names[:20])}"
            )
        table = self._table if columns is None else self._table.select(list(columns))
        yield from table.to_batches(max_chunksize=batch_rows)

    def marks(self) -> Sequence[Mapping[str, str]]:
        """What an Arrow table says of its own origin; frames of pandas and polars carry nothing of it."""
        return self._marks

    def digest(self) -> str:
        """`sha256:<hex>` over names, types and values."""
        return content_digest(self._table)
