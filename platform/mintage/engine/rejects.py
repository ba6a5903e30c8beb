"""Rejected rows, kept beside the data set when the spec asks for it: one Parquet part per table."""

from __future__ import annotations

from contextlib import ExitStack

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mintage.engine import layout
from mintage.engine.parts import WrittenPart
from mintage.store import ObjectStore
from mintage.store.part_stream import PartStream


class RejectsBuilder:
    """Takes the rejected rows of one shard; opens a part when a table has its first one."""

    def __init__(self, store: ObjectStore, shard: int, attempt: str) -> None:
        self._store = store
        self._shard = shard
        self._attempt = attempt
        self._stack = ExitStack()
        self._open: dict[str, tuple[PartStream, pq.ParquetWriter]] = {}
        self._rows: dict[str, int] = {}

    def __enter__(self) -> RejectsBuilder:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.__exit__(*exc_info)  # type: ignore[arg-type]  # passed on as they came

    def add(self, table: str, rows: pl.DataFrame) -> None:
        """Keep rejected rows, with their `_reason`."""
        if rows.height == 0:
            return
        arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if table not in self._open:
            stream = self._store.part(layout.rejects_path(table, self._shard, self._attempt))
            self._stack.enter_context(stream)
            writer = pq.ParquetWriter(pa.PythonFile(stream, mode="w"), arrow.schema)
            # Closing twice is harmless; not closing would write the footer into a closed stream.
            self._stack.callback(writer.close)
            self._open[table] = (stream, writer)
        self._open[table][1].write_table(arrow)
        self._rows[table] = self._rows.get(table, 0) + rows.height

    def finish(self) -> dict[str, WrittenPart]:
        """Complete the parts; tables without rejects have none."""
        done: dict[str, WrittenPart] = {}
        for table, (stream, writer) in self._open.items():
            writer.close()
            stream.commit()
            done[table] = WrittenPart(
                path=layout.rejects_path(table, self._shard, self._attempt),
                rows=self._rows[table],
                bytes=stream.bytes,
                sha256=stream.sha256,
                content="",
                statistics=[],
            )
        return done
