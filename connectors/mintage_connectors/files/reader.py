"""A table that lies in one or many files, whatever their format is."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pyarrow as pa

from mintage.contracts import SCAN_ROWS, TableReader, mark_of
from mintage.errors import SourceError, SpecError
from mintage_connectors.files.config import FilesConfig
from mintage_connectors.files.location import SourceFile, locate
from mintage_connectors.files.partitions import partition_columns, partition_schema
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import check_names, conform, widen

_CHUNK = 1 << 20
_INSPECTIONS = 8
"""Files that are inspected at once: what takes time there is waiting for an object store."""


class FileFormat(ABC):
    """How one file is read; a format that text has to be guessed in also says how guesses are joined."""

    name: ClassVar[str]
    unknown: ClassVar[pa.DataType] = pa.null()
    """The type of a column in which no file has a value."""

    @abstractmethod
    def inspect(self, file: SourceFile) -> pa.Schema:
        """The columns of a file; raises `SourceError`. Metadata of a field is for `scan` and `join`."""

    @abstractmethod
    def scan(
        self, file: SourceFile, inspected: pa.Schema, wanted: pa.Schema, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Read the columns that `wanted` names; their types may still be those of `inspected`."""

    def join(self, one: pa.Field, other: pa.Field) -> pa.Field | None:
        """The column that holds the values of both; None when they do not go together."""
        type_ = widen(one.type, other.type)
        return None if type_ is None else pa.field(one.name, type_, one.nullable or other.nullable)

    def drift_hint(self, column: str) -> str:
        """What to do about a column of different types in different files."""
        return f"write all files with one type for {column!r}"


class FilesReader(TableReader):
    """One table in the files at `location`, which are found at once and inspected when first needed."""

    def __init__(
        self, location: object, suffixes: Sequence[str], config: FilesConfig, format_: FileFormat
    ) -> None:
        self.files = locate(location, suffixes, config)
        self._format = format_
        self._partitions = partition_schema(self.files, config.partition_types)
        self._inspected: tuple[pa.Schema, ...] = ()
        self._own = pa.schema([])
        if empty := next((file for file in self.files if not file.bytes), None):
            raise SourceError(
                f"{empty.uri} is empty (0 bytes)", f"remove it, or write it again as {format_.name}"
            )

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch: columns of the first file, then the partition columns."""
        return pa.schema([*self._file_schema(), *self._partitions])

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all files in the order of their paths, at most `batch_rows` at a time."""
        if batch_rows < 1:
            raise SpecError(f"batches of {batch_rows} rows were asked for", "ask for 1 or more")
        wanted = _select(self.schema, columns)
        for file, inspected in zip(self.files, self._inspected, strict=True):
            for batch in self._scan_file(file, inspected, wanted, batch_rows):
                for start in range(0, batch.num_rows, batch_rows):
                    yield batch.slice(start, batch_rows)

    def marks(self) -> tuple[dict[str, str], ...]:
        """What each file says of its own origin, where it says something."""
        self._file_schema()
        return tuple(mark for inspected in self._inspected if (mark := mark_of(inspected)))

    def digest(self) -> str:
        """`sha256:<hex>` over name, size and SHA-256 of each file, sorted by name relative to the root.

        The name of an only file counts for nothing: a copy under another name is the same table.
        """
        total = hashlib.sha256()
        alone = len(self.files) == 1 and not self.files[0].partitions
        for file in self.files:
            name = "" if alone else file.path
            total.update(f"{name}\0{file.bytes}\0{_hash_file(file)}\n".encode())
        return f"sha256:{total.hexdigest()}"

    def _scan_file(
        self, file: SourceFile, inspected: pa.Schema, wanted: pa.Schema, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        names = set(inspected.names)
        own = pa.schema([field for field in wanted if field.name in names])
        # Partition columns alone say nothing of how many rows there are: one column is read for that.
        needed = own if len(own) else pa.schema([self._file_schema().field(0)])
        for batch in self._format.scan(file, inspected, needed, batch_rows):
            rows = conform(batch, needed, file.uri)
            if len(self._partitions):
                values = partition_columns(file, self._partitions, rows.num_rows)
                values.update(zip(rows.schema.names, rows.columns, strict=True))
                rows = pa.RecordBatch.from_arrays([values[name] for name in wanted.names], schema=wanted)
            yield rows

    def _file_schema(self) -> pa.Schema:
        """The columns that are in the files; all files are inspected when it is first asked for."""
        if not self._inspected:
            with ThreadPoolExecutor(max_workers=min(_INSPECTIONS, len(self.files))) as pool:
                inspected = tuple(pool.map(self._format.inspect, self.files))
            check_names([*inspected[0].names, *self._partitions.names], self.files[0].uri)
            self._own, self._inspected = self._unify(inspected), inspected
        return self._own

    def _unify(self, inspected: Sequence[pa.Schema]) -> pa.Schema:
        fields = {field.name: field for field in inspected[0]}
        for file, schema in zip(self.files[1:], inspected[1:], strict=True):
            self._check_same_columns(file, schema, list(fields))
            for field in schema:
                before = fields[field.name]
                if (joined := self._format.join(before, field)) is None:
                    raise SourceError(
                        f"the column {field.name!r} is {field.type} in {file.uri}, "
                        f"{before.type} in the files before it",
                        self._format.drift_hint(field.name),
                    )
                fields[field.name] = joined
        return pa.schema([self._settle(field) for field in fields.values()])

    def _check_same_columns(self, file: SourceFile, schema: pa.Schema, names: list[str]) -> None:
        missing, added = sorted(set(names) - set(schema.names)), sorted(set(schema.names) - set(names))
        if missing or added:
            parts = [f"lacks {missing[:5]}" if missing else "", f"adds {added[:5]}" if added else ""]
            raise SourceError(
                f"{file.uri} has other columns than {self.files[0].uri}: {' and '.join(filter(None, parts))}",
                "use files of one table, or name those that belong together by a pattern",
            )

    def _settle(self, field: pa.Field) -> pa.Field:
        type_ = self._format.unknown if pa.types.is_null(field.type) else field.type
        return pa.field(field.name, type_, field.nullable)


def _select(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    if columns is None:
        return schema
    if unknown := [name for name in columns if name not in schema.names]:
        raise SourceError(
            f"there is no column {unknown[0]!r}", f"known columns: {', '.join(schema.names[:20])}"
        )
    return pa.schema([schema.field(name) for name in columns])


def _hash_file(file: SourceFile) -> str:
    digest = hashlib.sha256()
    with reading(file.uri, "check that the file can be read"), file.open() as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
