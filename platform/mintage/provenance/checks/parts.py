"""Checking one shard of a version: its commit record, and every part that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, NamedTuple, Self, cast

import pyarrow as pa

from mintage.contracts import DatasetSchema, TableSchema, type_name
from mintage.errors import MintageError, ObjectMissingError, ProvenanceError, SpecError, StoreError
from mintage.provenance._version import checksum_lines
from mintage.provenance.commits import check_identity, check_paths, read_commit
from mintage.provenance.content_digest import ContentHasher
from mintage.provenance.layout import commit_path
from mintage.provenance.records import CommitRecord, ShardRecord, TableRecord, schema_id
from mintage.provenance.report import Checked, VerifyFailure
from mintage.provenance.segments import Segments
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore

OpenPart = Callable[[TableSchema, BinaryIO], Iterator[pa.RecordBatch]]
"""Reads the rows of a part: the table as it was signed and a seekable stream in, batches in order out."""

_CHUNK_BYTES = 2**20
_MEMORY_BYTES = 32 * 2**20
"""Bytes of a part that are kept in memory between hashing and decoding; more go to a temporary file."""


@dataclass(slots=True)
class ShardCheck:
    """What came of checking one shard."""

    paths: list[str] = field(default_factory=list)
    """Its parts, as the commit names them."""
    checksums: str = ""
    """Its lines of manifest-sha256.txt."""
    checked: Checked = field(default_factory=lambda: Checked(shards=1))
    failures: list[VerifyFailure] = field(default_factory=list)
    record: ShardRecord | None = None

    def fail(self, code: str, path: str, message: str) -> None:
        """Note a failure."""
        self.failures.append(VerifyFailure(code, path, message))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardChecker:
    """Checks the shards of one version; safe to use from several threads."""

    store: ObjectStore
    segments: Segments
    schema: DatasetSchema
    open_part: OpenPart | None

    @classmethod
    def of(cls, store: ObjectStore, statement: Statement, open_part: OpenPart | None) -> Self:
        """A checker for the shards of the version that a statement is about."""
        return cls(
            store=store,
            segments=statement.segments,
            schema=statement.schema,
            open_part=open_part,
        )

    def check(self, record: ShardRecord, *, known: bool = False) -> ShardCheck:
        """Check the commit and the parts of the shard that a signed record describes.

        Of parts that are `known` to be sound, only the sizes are looked at.
        """
        result = ShardCheck(record=record)
        commit = self._commit(record, result)
        if commit is None:
            return result
        result.paths.extend(commit.parts.values())
        result.paths.extend(reject.path for reject in commit.rejects.values())
        result.paths.extend(sketch.path for sketch in commit.sketches.values())
        if set(commit.parts) == set(record.tables):
            result.checksums = checksum_lines(commit)
        for name, table in record.tables.items():
            if name in commit.parts:
                part = _Part(name, commit.parts[name], table)
                self._check_schema(part, result)
                self._check_part(part, result, known=known)
        return result

    def _commit(self, record: ShardRecord, result: ShardCheck) -> CommitRecord | None:
        path = commit_path(record.index)
        try:
            commit = read_commit(self.store, record.index)
        except ObjectMissingError:
            result.fail("missing-commit", path, f"the commit record of shard {record.index} is missing")
            return None
        except ProvenanceError as exc:
            result.fail("bad-commit", path, exc.message)
            return None
        try:
            segment = self.segments.holding(record.index)
            if segment is None:
                raise ProvenanceError(f"shard {record.index} is in no segment of the version")
            check_identity(commit, record.index, segment.plan, segment.run_id)
        except ProvenanceError as exc:
            result.fail("bad-commit", path, exc.message)
            return None
        try:
            check_paths(commit)
        except ProvenanceError as exc:
            result.fail("unsafe-path", path, exc.message)
            return None
        if commit.record != record:
            result.fail("changed-commit", path, "the commit does not hold the shard record that was signed")
        return commit

    def _check_schema(self, part: _Part, result: ShardCheck) -> None:
        known = part.table in self.schema.names
        if not known or schema_id(self.schema.table(part.table)) != part.record.schema_id:
            result.fail("wrong-schema", part.path, "the record names another schema than the statement")

    def _check_part(self, part: _Part, result: ShardCheck, *, known: bool) -> None:
        path, record = part.path, part.record
        if self.store.leads_outside(path):
            result.fail(
                "unsafe-path", path, "a symbolic link leads out of the data set: replace it by the file"
            )
            return
        try:
            size = self.store.size(path)
            if size != record.bytes:
                result.fail("wrong-size", path, f"the part has {size} bytes where {record.bytes} were signed")
                return
            if known:
                return
            with self._spool() as copy:
                sha256 = hash_object(self.store, path, size, copy)
                result.checked.parts += 1
                result.checked.bytes += size
                if sha256 != record.sha256:
                    result.fail(
                        "changed-part", path, f"the part has the sha256 {sha256}, not {record.sha256}"
                    )
                elif copy is not None and self.open_part is not None and part.table in self.schema.names:
                    self._check_rows(
                        part, partial(self.open_part, self.schema.table(part.table), copy), result
                    )
        except ObjectMissingError:
            result.fail("missing-part", path, "the part is missing")

    def _spool(self) -> AbstractContextManager[BinaryIO | None]:
        # The rows are decoded from the very bytes that were hashed, so that a store which changes
        # between two reads cannot show one thing to the hash and another to the reader.
        if self.open_part is None:
            return nullcontext()
        return cast("AbstractContextManager[BinaryIO]", SpooledTemporaryFile(max_size=_MEMORY_BYTES))

    def _check_rows(
        self, part: _Part, read: Callable[[], Iterator[pa.RecordBatch]], result: ShardCheck
    ) -> None:
        path, record, schema = part.path, part.record, self.schema.table(part.table)
        hasher = ContentHasher(schema.arrow())
        try:
            for batch in read():
                if different := _difference(schema, batch.schema):
                    result.fail("wrong-schema", path, different)
                    return
                hasher.update(batch)
        except StoreError:
            raise
        except (MintageError, pa.ArrowException, OSError, ValueError) as exc:
            result.fail("unreadable-part", path, f"the rows cannot be read: {exc}")
            return
        result.checked.contents += 1
        result.checked.rows += hasher.rows
        digest = hasher.digest()
        if (hasher.rows, digest) != (record.rows, record.content):
            result.fail(
                "wrong-content",
                path,
                f"the part has {hasher.rows} rows of content {digest}, "
                f"not the {record.rows} of {record.content} that were signed",
            )


class _Part(NamedTuple):
    """A part as its commit and its record describe it."""

    table: str
    path: str
    record: TableRecord


def hash_object(store: ObjectStore, path: str, size: int, copy: BinaryIO | None = None) -> str:
    """The SHA-256 of at most `size` + 1 bytes, copied aside; the copy is left at its beginning."""
    digest = hashlib.sha256()
    left = size + 1
    with store.open_read(path) as stream:
        while left > 0 and (chunk := stream.read(min(_CHUNK_BYTES, left))):
            digest.update(chunk)
            left -= len(chunk)
            if copy is not None:
                copy.write(chunk)
    if copy is not None:
        copy.seek(0)
    return digest.hexdigest()


def _difference(table: TableSchema, found: pa.Schema) -> str:
    """How a part's schema differs from the signed one; empty when it does not."""
    try:
        have = [(column.name, type_name(column.type)) for column in found]
    except SpecError as exc:
        return exc.message
    want = [(column.name, type_name(column.type)) for column in table.columns]
    for mine, signed in zip(have, want, strict=False):
        if mine != signed:
            return f"the part has the column {mine} where {signed} was signed"
    return "" if len(have) == len(want) else f"the part has {len(have)} columns where {len(want)} were signed"
