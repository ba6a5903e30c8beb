"""The strongest equality of a shard that was minted again and the one that was committed.

    bytes        the files have the sha256 of the record
    content      the rows have its content digest
    close        the committed rows differ in the last places of numbers only
    statistical  as many rows, of columns that could have one distribution
    none

The first two need the record alone. For the others the committed part is read, and only after its
bytes were found to be those of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from mintage.contracts import Connector, Determinism, TableSchema
from mintage.engine.closeness import TableCloseness, Tolerance
from mintage.engine.likeness import LEVEL, column_p_value, row_tolerance, sample_rows
from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance.committed import signed_part
from mintage.provenance.records import ShardRecord, TableRecord
from mintage.store import ObjectStore

_ATTEMPT_FIELDS = {"bytes", "sha256"}
"""What another encoding of the same rows changes."""


class TableEquality(BaseModel):
    """How one table of a shard came out again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    equality: Determinism
    rows: int
    """Rows that were minted again."""
    rows_signed: int
    content: str
    """Content digest of the rows that were minted again."""
    differs: tuple[str, ...] = ()
    """Fields of the record that differ, such as `sha256` or `verdicts`."""
    note: str = ""
    """Why a weaker equality could not be looked for."""
    columns: tuple[dict[str, object], ...] = ()
    """What is different column by column, when the rows were compared."""


class ShardEquality(BaseModel):
    """How a shard came out again; its equality is the weakest of its tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard: int
    tables: tuple[TableEquality, ...]

    @property
    def equality(self) -> Determinism:
        """The strongest that holds for all tables."""
        return min((table.equality for table in self.tables), key=lambda equality: equality.strength)

    def keeps(self, claimed: Determinism) -> bool:
        """Whether a claim holds: the rows are as equal as was claimed, and so is what was counted of them."""
        return self.equality.covers(claimed) and not (claimed.covers(Determinism.CONTENT) and self.miscounted)

    @property
    def miscounted(self) -> bool:
        """Whether something else than the encoding differs in the record of a table."""
        return any(set(table.differs) - _ATTEMPT_FIELDS for table in self.tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Where the parts that were committed lie; a path that is None is not known."""

    store: ObjectStore
    paths: Mapping[str, str]
    missing: str = ""
    """Why the paths are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminted:
    """A shard that was minted again: its record, and where its parts lie in a store of their own."""

    record: ShardRecord
    output: ObjectStore
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardComparer:
    """Compares shards of one plan with what was signed of them."""

    tables: tuple[TableSchema, ...]
    sink: Connector
    tolerance: Tolerance

    def compare(self, signed: ShardRecord, committed: Committed, again: Reminted) -> ShardEquality:
        """How equal `again` is to the record that was signed, and to the parts that it describes."""
        tables = (self._compare(table, signed, committed, again) for table in self.tables)
        return ShardEquality(shard=signed.index, tables=tuple(tables))

    def _compare(
        self, table: TableSchema, signed: ShardRecord, committed: Committed, again: Reminted
    ) -> TableEquality:
        old, new = signed.tables[table.name], again.record.tables[table.name]
        found = TableEquality(
            table=table.name,
            equality=_by_record(old, new),
            rows=new.rows,
            rows_signed=old.rows,
            content=new.content,
            differs=_differing(old, new),
        )
        if found.equality.covers(Determinism.CONTENT) or old.schema_id != new.schema_id:
            return found
        path = committed.paths.get(table.name)
        if path is None:
            return found.model_copy(update={"note": f"rows were not compared: {committed.missing}"})
        open_minted = partial(again.output.open_read, again.parts[table.name])
        try:
            with signed_part(committed.store, path, old) as part:
                return self._by_rows(found, table, part, open_minted)
        except (ObjectMissingError, ProvenanceError) as exc:
            return found.model_copy(update={"note": f"rows were not compared: {exc.message}"})

    def _by_rows(
        self,
        found: TableEquality,
        table: TableSchema,
        committed: BinaryIO,
        open_minted: Callable[[], BinaryIO],
    ) -> TableEquality:
        """Look for `close`, then for `statistical`."""
        cells = TableCloseness(table, self.tolerance)
        with open_minted() as minted:
            cells.compare(self._rows(table, committed), self._rows(table, minted))
        details = [column.to_json() for column in cells.columns]
        if cells.close:
            return found.model_copy(update={"equality": Determinism.CLOSE, "columns": tuple(details)})
        committed.seek(0)
        with open_minted() as minted:
            p_values = self._p_values(table, found, committed, minted)
        details = [detail | {"p_value": p} for detail, p in zip(details, p_values, strict=True)]
        tests = sum(len(one.columns) for one in self.tables)
        as_many = abs(found.rows - found.rows_signed) <= row_tolerance(found.rows_signed)
        alike = as_many and min(p_values) * tests >= LEVEL
        equality = Determinism.STATISTICAL if alike else Determinism.NONE
        return found.model_copy(update={"equality": equality, "columns": tuple(details)})

    def _p_values(
        self, table: TableSchema, found: TableEquality, committed: BinaryIO, minted: BinaryIO
    ) -> list[float]:
        schema = table.arrow()
        old = sample_rows(self._rows(table, committed), found.rows_signed, schema)
        new = sample_rows(self._rows(table, minted), found.rows, schema)
        return [column_p_value(old[name], new[name]) for name in schema.names]

    def _rows(self, table: TableSchema, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        return self.sink.scan_part(stream, table.arrow())


def _by_record(old: TableRecord, new: TableRecord) -> Determinism:
    """The equality that the digests show."""
    if old.schema_id != new.schema_id:
        return Determinism.NONE
    if old.sha256 == new.sha256:
        return Determinism.BYTES
    same_rows = (old.content_algorithm, old.content) == (new.content_algorithm, new.content)
    return Determinism.CONTENT if same_rows else Determinism.NONE


def _differing(old: TableRecord, new: TableRecord) -> tuple[str, ...]:
    before, after = old.to_json(), new.to_json()
    return tuple(name for name in before if before[name] != after[name])
