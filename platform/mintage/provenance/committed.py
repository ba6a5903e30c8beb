"""The committed part of a shard: where its commit says that it lies, and whether it is what was signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance.commits import check_identity, check_paths, read_commit
from mintage.provenance.layout import commit_path
from mintage.provenance.records import CommitRecord, ShardRecord, TableRecord
from mintage.store import ObjectStore

_CHUNK_BYTES = 2**20
_MEMORY_BYTES = 32 * 2**20
"""Bytes of a part that are kept in memory; more go to a temporary file."""


def signed_commit(store: ObjectStore, record: ShardRecord, plan_digest: str, run_id: str) -> CommitRecord:
    """The commit of a shard, which holds the record that was signed and names only paths of its own.

    Raises `ObjectMissingError` when there is none, `ProvenanceError` when it is anything else.
    """
    commit = read_commit(store, record.index)
    check_identity(commit, record.index, plan_digest, run_id)
    check_paths(commit)
    if commit.record != record:
        raise ProvenanceError(
            f"{commit_path(record.index)} does not hold the shard record that was signed",
            "restore it from a copy",
        )
    return commit


@contextmanager
def signed_part(store: ObjectStore, path: str, record: TableRecord) -> Iterator[BinaryIO]:
    """The bytes of a part, read once and found to be those that were signed; at their beginning.

    Whoever decodes them reads the very bytes that were hashed. Raises `ObjectMissingError` when the
    part is missing, `ProvenanceError` when it is another.
    """
    with SpooledTemporaryFile(max_size=_MEMORY_BYTES) as spooled:
        copy = cast("BinaryIO", spooled)
        size, sha256 = _copy(store, path, record.bytes + 1, copy)
        if size != record.bytes:
            raise ProvenanceError(
                f"{path} has {_at_least(size, record)} bytes where {record.bytes} were signed"
            )
        if sha256 != record.sha256:
            raise ProvenanceError(f"{path} has the sha256 {sha256}, not {record.sha256}")
        copy.seek(0)
        yield copy


def find_damage(store: ObjectStore, path: str, record: TableRecord) -> str:
    """`intact`, `missing` or `damaged`: what became of a part."""
    try:
        with signed_part(store, path, record):
            return "intact"
    except ObjectMissingError:
        return "missing"
    except ProvenanceError:
        return "damaged"


def _copy(store: ObjectStore, path: str, most: int, copy: BinaryIO) -> tuple[int, str]:
    """Copy at most `most` bytes of an object; how many there were, and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    with store.open_read(path) as stream:
        while size < most and (chunk := stream.read(min(_CHUNK_BYTES, most - size))):
            digest.update(chunk)
            size += len(chunk)
            copy.write(chunk)
    return size, digest.hexdigest()


def _at_least(size: int, record: TableRecord) -> str:
    return f"more than {record.bytes}" if size > record.bytes else str(size)
