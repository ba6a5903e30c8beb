"""One table's part of one shard: encoded, measured and digested while it is written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow as pa

from mintage.contracts import Connector, TableSchema, with_mark
from mintage.errors import GenerationError
from mintage.provenance.content_digest import ContentHasher
from mintage.provenance.statistics import ColumnStatistics
from mintage.store import ObjectStore

ROW_GROUP_ROWS = 65_536
"""Rows that are gathered before they are encoded: a row group of Parquet, and the bound on memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPart:
    """What a part holds, for its record."""

    path: str
    rows: int
    bytes: int
    sha256: str
    content: str
    statistics: list[dict[str, str]]


class PartBuilder:
    """Takes accepted batches of one table; use as a context manager.

    `mark` is what the part says of its own origin, in formats that can carry it; digests of rows and
    schemas leave it out.

    Leaving the context without `finish` (an error, a cancel) leaves nothing behind.
    """

    def __init__(
        self,
        store: ObjectStore,
        path: str,
        table: TableSchema,
        connector: Connector,
        *,
        mark: Mapping[str, str],
    ) -> None:
        self.path = path
        self._schema = table.arrow()
        self._table = table.name
        self._stack = ExitStack()
        self._stream = self._stack.enter_context(store.part(path))
        self._writer = connector.write(self._stream, with_mark(self._schema, mark))
        # A writer that is dropped half-way would finish its file in a stream that is closed by then.
        self._stack.callback(self._close_writer)
        self._hasher = ContentHasher(self._schema)
        self._statistics = ColumnStatistics(self._schema)
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._rows = 0
        self._closed = False

    def __enter__(self) -> PartBuilder:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.__exit__(*exc_info)  # type: ignore[arg-type]  # passed on as they came

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows of a batch. Raises `GenerationError` when it is not of the table's schema."""
        if not batch.schema.equals(self._schema):
            raise GenerationError(
                f"a batch of table {self._table!r} has the schema {_difference(batch.schema, self._schema)}",
                "the generator must yield batches of the schema that its model declares",
            )
        if batch.num_rows == 0:
            return
        self._hasher.update(batch)
        self._statistics.update(batch)
        self._rows += batch.num_rows
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= ROW_GROUP_ROWS:
            self._encode()

    def finish(self) -> WrittenPart:
        """Write what is left, and complete the object."""
        self._encode()
        self._close_writer()
        self._stream.commit()
        return WrittenPart(
            path=self.path,
            rows=self._rows,
            bytes=self._stream.bytes,
            sha256=self._stream.sha256,
            content=self._hasher.digest(),
            statistics=self._statistics.to_json(),
        )

    def _close_writer(self) -> None:
        if not self._closed:
            self._closed = True
            self._writer.close()

    def _encode(self) -> None:
        if self._waiting:
            self._writer.write(pa.concat_batches(self._waiting))
        self._waiting, self._waiting_rows = [], 0


def _difference(found: pa.Schema, wanted: pa.Schema) -> str:
    """The first column in which two schemas differ, in words."""
    for have, want in zip(found, wanted, strict=False):
        if not have.equals(want):
            return f"{have.name}: {have.type}, not {want.name}: {want.type}"
    return f"{len(found)} columns, not {len(wanted)}"
