"""A connector: tables in Apache ORC files, one file at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
from pyarrow import orc

from mintage.contracts import SCAN_ROWS, Connector, ConnectorConfig, PartWriter, TableReader
from mintage.errors import GenerationError, MintageError, SourceError, SpecError
from mintage.store import ObjectStore

_CARRIED = {
    pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string(),
    pa.binary(), pa.date32(),
}  # fmt: skip
_CHUNK_BYTES = 1 << 20


class OrcConnector(Connector):
    """Reads one ORC file at a path or URI; writes ORC parts."""

    Config = ConnectorConfig
    suffixes = (".orc",)

    def read(self, location: object) -> TableReader:
        """A reader of the file at `location`."""
        folder, _, name = str(location).rpartition("/")
        return OrcReader(ObjectStore.open(folder or "."), name)

    def write(self, stream: BinaryIO, schema: pa.Schema) -> PartWriter:
        """A writer of one part; raises `SpecError` for a type that would not come back as it was."""
        for field in schema:
            if _stored(field.type) is None:
                raise SpecError(f"ORC does not keep {field.name!r}, which is {field.type}", "choose parquet")
        return OrcWriter(stream, schema)

    def scan_part(self, stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a part, with units, time zones and nullability, which ORC does not keep."""
        file = _open(stream, "the part")
        for batch in _stripes(file, "the part", schema.names):
            columns = [column.cast(type_) for column, type_ in zip(batch.columns, schema.types, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


class OrcReader(TableReader):
    """Reads one ORC file, a stripe at a time."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store, self._name = store, name
        self._place = f"{store.uri}/{name}"
        with self._stream() as stream:
            self._schema = _open(stream, self._place).schema

    @property
    def schema(self) -> pa.Schema:
        """The columns of the file."""
        return self._schema

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one stripe after the other."""
        names = self._schema.names if columns is None else list(columns)
        if unknown := [name for name in names if name not in self._schema.names]:
            raise SourceError(
                f"{self._place} has no column {unknown[0]!r}", f"it has {self._schema.names[:20]}"
            )
        with self._stream() as stream:
            for stripe in _stripes(_open(stream, self._place), self._place, names):
                for start in range(0, stripe.num_rows, batch_rows):
                    yield stripe.slice(start, batch_rows)

    def digest(self) -> str:
        """Digest of the file."""
        digest = hashlib.sha256()
        with self._stream() as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
        return f"sha256:{digest.hexdigest()}"

    def _stream(self) -> BinaryIO:
        try:
            return self._store.open_read(self._name)
        except MintageError as exc:
            raise SourceError(f"cannot read {self._place}: {exc.message}", "check the path") from exc


class OrcWriter(PartWriter):
    """Writes one part."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        self._schema = pa.schema([field.with_type(_stored(field.type)) for field in schema])
        self._writer = orc.ORCWriter(stream)
        # Without a first table, even one without rows, the writer would leave no file at all.
        self._writer.write(self._schema.empty_table())

    def write(self, batch: pa.RecordBatch) -> None:
        """Add the batch to the file; raises `GenerationError` for moments before 1677 or after 2262."""
        try:
            table = pa.Table.from_batches([batch]).cast(self._schema)
        except pa.ArrowInvalid as exc:
            raise GenerationError(f"ORC does not keep all moments: {exc}", "choose parquet") from exc
        self._writer.write(table)

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def _stored(type_: pa.DataType) -> pa.DataType | None:
    """The type in the file, from which the original can be made again; None when there is none."""
    if pa.types.is_timestamp(type_):
        return pa.timestamp("ns", "UTC" if type_.tz else None)
    return type_ if type_ in _CARRIED or pa.types.is_decimal128(type_) else None


def _open(stream: BinaryIO, place: str) -> orc.ORCFile:
    try:
        return orc.ORCFile(stream)
    except (pa.ArrowException, OSError) as exc:
        raise SourceError(f"{place} is no ORC file: {exc}", "write it again") from exc


def _stripes(file: orc.ORCFile, place: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for index in range(file.nstripes):
        try:
            yield file.read_stripe(index, columns=list(names)).select(list(names))
        except (pa.ArrowException, OSError) as exc:
            raise SourceError(f"{place} is damaged in stripe {index}: {exc}", "write it again") from exc
