"""The connector checks let a sound connector pass, and each fault fails the check that is about it."""

# ruff: noqa: ARG002  # to ignore what one is given is what many of these faults are

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar

import pyarrow as pa
import pytest
from pydantic import ConfigDict

from mintage.contracts import SCAN_ROWS, Connector, ConnectorConfig, PartWriter, TableReader
from mintage.errors import SourceError
from mintage.testing import (
    CONNECTOR_CHECKS,
    ConformanceError,
    ConnectorCase,
    ConnectorCheck,
    check_connector,
    every_type,
    plain_types,
)

CHECKS = {check.__name__: check for check in CONNECTOR_CHECKS}


class SoundWriter(PartWriter):
    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        self.stream = stream
        self.writer = pa.ipc.new_stream(stream, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self.writer.write_batch(batch)

    def close(self) -> None:
        self.writer.close()


class SoundReader(TableReader):
    def __init__(self, path: Path) -> None:
        try:
            self.data = path.read_bytes()
            self.table = pa.ipc.open_stream(self.data).read_all()
        except (OSError, pa.ArrowException) as exc:
            raise SourceError(f"cannot read {path}: {exc}") from exc

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        names = self.table.column_names if columns is None else list(columns)
        if set(names) - set(self.table.column_names):
            raise SourceError(f"no such column: {names}")
        return iter(self.table.select(names).to_batches(max_chunksize=batch_rows))

    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"


class Sound(Connector):
    suffixes: ClassVar[tuple[str, ...]] = (".arrows",)
    reader: ClassVar[type[SoundReader]] = SoundReader
    writer: ClassVar[type[SoundWriter]] = SoundWriter

    def read(self, location: object) -> TableReader:
        return self.reader(Path(str(location)))

    def write(self, stream: BinaryIO, schema: pa.Schema) -> PartWriter:
        return self.writer(stream, schema)

    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            yield from pa.ipc.open_stream(stream)
        except (OSError, pa.ArrowException) as exc:
            raise SourceError(f"damaged: {exc}") from exc


class SuffixWithoutADot(Sound):
    suffixes = ("arrows",)


class OpenConfig(ConnectorConfig):
    model_config = ConfigDict(extra="allow")


class HasAnOpenConfig(Sound):
    Config = OpenConfig


class LosesNullsOnReading(Sound):
    class reader(SoundReader):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            index = self.table.column_names.index("count")
            filled = self.table["count"].fill_null(0)
            self.table = self.table.set_column(index, self.table.schema.field("count"), filled)


class ReadsBackwards(Sound):
    class reader(SoundReader):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.table = self.table.take(list(range(self.table.num_rows))[::-1])


class IsReadOnce(Sound):
    class reader(SoundReader):
        def scan(
            self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
        ) -> Iterator[pa.RecordBatch]:
            self.table, table = self.table.slice(1), self.table
            return iter(table.to_batches(max_chunksize=batch_rows))


class SharesItsCursor(Sound):
    class reader(SoundReader):
        at = 0

        def scan(
            self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
        ) -> Iterator[pa.RecordBatch]:
            self.at = 0
            while self.at < self.table.num_rows:
                rows = self.table.slice(self.at, batch_rows).combine_chunks()
                self.at += rows.num_rows
                yield from rows.to_batches()


class IgnoresColumns(Sound):
    class reader(SoundReader):
        def scan(
            self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
        ) -> Iterator[pa.RecordBatch]:
            return super().scan(None, batch_rows)


class IgnoresBatchRows(Sound):
    class reader(SoundReader):
        def scan(
            self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
        ) -> Iterator[pa.RecordBatch]:
            return super().scan(columns)


class KeepsItsOwnOrder(Sound):
    class reader(SoundReader):
        def scan(
            self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
        ) -> Iterator[pa.RecordBatch]:
            return super().scan(columns and sorted(columns, key=self.table.column_names.index), batch_rows)


class StumblesOverColumns(Sound):
    class reader(SoundReader):
        def scan(
            self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
        ) -> Iterator[pa.RecordBatch]:
            names = self.table.column_names if columns is None else list(columns)
            return iter(self.table.select(names).to_batches(max_chunksize=batch_rows))


class DigestsByChance(Sound):
    class reader(SoundReader):
        numbers = itertools.count()

        def digest(self) -> str:
            return f"sha256:{next(self.numbers):064x}"


class DigestsTheSchema(Sound):
    class reader(SoundReader):
        def digest(self) -> str:
            return f"sha256:{hashlib.sha256(str(self.schema).encode()).hexdigest()}"


class DigestsOtherwise(Sound):
    class reader(SoundReader):
        def digest(self) -> str:
            return "md5:" + hashlib.md5(self.data).hexdigest()


class LetsForeignErrorsOut(Sound):
    class reader(SoundReader):
        def __init__(self, path: Path) -> None:
            self.data = path.read_bytes()
            self.table = pa.ipc.open_stream(self.data).read_all()


class ClosesTheStream(Sound):
    class writer(SoundWriter):
        def close(self) -> None:
            super().close()
            self.stream.close()


class WritesTheTime(Sound):
    class writer(SoundWriter):
        numbers = itertools.count()

        def close(self) -> None:
            super().close()
            self.stream.write(str(next(self.numbers)).encode())


class CannotReadBack(Sound):
    scan_part = Connector.scan_part


class LetsForeignErrorsOutOfAPart(Sound):
    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        yield from pa.ipc.open_stream(stream)


class StumblesOverAnEmptyPart(Sound):
    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        stream.read(1)[0]
        stream.seek(0)
        yield from super().scan_part(stream, schema)


class LosesNullability(Sound):
    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for batch in super().scan_part(stream, schema):
            yield batch.cast(pa.schema([field.with_nullable(True) for field in schema]))


class DropsTheLastBatch(Sound):
    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        yield from list(super().scan_part(stream, schema))[:1]


FAULTS = [
    ("declares_its_config", SuffixWithoutADot, r"without a leading dot: \['arrows'\]"),
    ("declares_its_config", HasAnOpenConfig, "accepts unknown keys"),
    ("brings_back_the_table", LosesNullsOnReading, "table.count, row 2: None, then 0"),
    ("brings_back_the_table", ReadsBackwards, "table.count, row 0: 1, then 7"),
    ("scans_repeatably", IsReadOnce, "scanned twice: rows of table 'table': 5, then 3"),
    ("scans_repeatably", SharesItsCursor, "a scan in the background lost rows"),
    ("scans_what_is_asked", IgnoresColumns, "were asked for"),
    ("scans_what_is_asked", IgnoresBatchRows, "a batch of 3 rows, 1 were allowed"),
    ("scans_what_is_asked", KeepsItsOwnOrder, "were asked for"),
    ("scans_what_is_asked", StumblesOverColumns, "KeyError instead of MintageError"),
    ("digests_the_content", DigestsByChance, "two readers of one table"),
    ("digests_the_content", DigestsTheSchema, "does not change with a row less"),
    ("digests_the_content", DigestsOtherwise, "is not sha256:"),
    ("refuses_what_is_not_there", LetsForeignErrorsOut, "FileNotFoundError instead of SourceError"),
    ("writes_into_an_open_stream", ClosesTheStream, "closing the writer closed the stream"),
    ("writes_into_an_open_stream", WritesTheTime, "the same batches became"),
    ("brings_back_its_parts", CannotReadBack, "reading a part raised SpecError: .* cannot read parts back"),
    ("brings_back_its_parts", LetsForeignErrorsOutOfAPart, "a part of garbage: ArrowInvalid instead of"),
    ("brings_back_its_parts", StumblesOverAnEmptyPart, "cut to 0 bytes: IndexError instead of SourceError"),
    ("brings_back_its_parts", LosesNullability, "a batch has"),
    ("brings_back_its_parts", DropsTheLastBatch, "rows of table 'part': 5, then 3"),
]


def case_of(connector: type[Connector]) -> ConnectorCase:
    return ConnectorCase(connector=connector, config=connector.Config(), table=plain_types())


@pytest.mark.parametrize("table", [every_type(), plain_types()], ids=["every type", "plain types"])
@pytest.mark.parametrize("check", CONNECTOR_CHECKS)
def test_a_sound_connector_passes(check: ConnectorCheck, table: pa.Table) -> None:
    check(ConnectorCase(connector=Sound, config=ConnectorConfig(), table=table))


@pytest.mark.parametrize(
    ("check", "connector", "evidence"), FAULTS, ids=[fault[1].__name__ for fault in FAULTS]
)
def test_a_fault_is_found_with_evidence(check: str, connector: type[Connector], evidence: str) -> None:
    with pytest.raises(ConformanceError, match=evidence):
        CHECKS[check](case_of(connector))


def test_no_check_is_without_a_fault_that_it_finds() -> None:
    assert {check for check, _, _ in FAULTS} == set(CHECKS)


def test_the_one_line_runs_all_checks() -> None:
    check_connector(Sound, ConnectorConfig())
    with pytest.raises(ConformanceError, match="digests_the_content"):
        check_connector(DigestsTheSchema, ConnectorConfig(), plain_types())
