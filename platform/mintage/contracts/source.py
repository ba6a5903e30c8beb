"""What a generator learns from: named tables that are read as streams of Arrow batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mintage.contracts.schema import DatasetSchema

SCAN_ROWS = 65_536
"""Rows of a batch that a scan yields, unless the caller asks for another number."""


ATTESTATION_SUFFIX = ".attestation.jsonl"
"""End of the name of a file that says where the table beside it comes from; no reader takes it for rows."""


class TableReader(ABC):
    """One table that can be read any number of times, always in the same order."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch."""

    @abstractmethod
    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows, at most `batch_rows` at a time, never the whole table at once.

        Raises `SourceError` when the data cannot be read, naming the file and the place.
        """

    @abstractmethod
    def digest(self) -> str:
        """`sha256:<hex>` of what the table holds; another content gives another digest."""

    def marks(self) -> Sequence[Mapping[str, str]]:
        """What the files, or the table in memory, say of their own origin, where they say something.

        Each is what `mark_of` finds in the schema of one file. It is a hint that survives a copy, not a
        proof: anybody can write or remove it.
        """
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The tables that a job learns from: their schema, a reader for each, one digest of all."""

    schema: DatasetSchema
    readers: Mapping[str, TableReader]
    digest: str

    def scan(
        self, table: str | None = None, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Read a table (the root table when none is named) as batches of at most `batch_rows` rows."""
        name = self.schema.table(table).name if table else self.schema.root
        return self.readers[name].scan(columns, batch_rows)
