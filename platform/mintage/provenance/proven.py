"""One shard record of a version, proven to be what was signed by reading a few tiles."""

from __future__ import annotations

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance._capped import read_capped
from mintage.provenance.digests import raw_digest
from mintage.provenance.layout import RECORDS_PER_FILE, records_path, version_path
from mintage.provenance.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    TileReader,
    inclusion_proof,
    leaf_hash,
    verify_inclusion,
)
from mintage.provenance.records import MAX_RECORD_BYTES, ShardRecord
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore


def proven_record(store: ObjectStore, statement: Statement, index: int) -> ShardRecord:
    """The record of shard `index`, parsed after it was shown to be in the tree whose root was signed.

    Raises `ProvenanceError` when the version has no such shard, when its records or tiles are
    missing, and when they are not those that were signed.
    """
    version, size = statement.predicate.version, statement.predicate.tree.size
    folder, place = version_path(version), statement.segments.position(index)
    try:
        line = _line(store, records_path(version, place // RECORDS_PER_FILE), place % RECORDS_PER_FILE)
        tiles = TileReader(lambda path: read_capped(store, folder + path, TILE_WIDTH * HASH_BYTES), size)
        proof = inclusion_proof(tiles, place)
    except ObjectMissingError as exc:
        raise ProvenanceError(
            f"the record of shard {index} cannot be proven: {exc.message}", "restore it from a copy"
        ) from exc
    if not verify_inclusion(leaf_hash(line), place, size, proof, raw_digest(statement.root)):
        raise ProvenanceError(
            f"the record of shard {index} is not in the tree that was signed: it or a tile was altered",
            f"restore {folder}records/ and {folder}tile/ from a copy",
        )
    record = ShardRecord.from_bytes(line)
    if record.index != index:
        raise ProvenanceError(f"the record of shard {record.index} stands in the place of {index}")
    return record


def _line(store: ObjectStore, path: str, number: int) -> bytes:
    """A line of a file of records, without its end."""
    with store.open_read(path) as stream:
        for place in range(RECORDS_PER_FILE):
            line = stream.readline(MAX_RECORD_BYTES + 1)
            if not line or len(line) > MAX_RECORD_BYTES:
                break
            if place == number:
                return line.removesuffix(b"\n")
    raise ProvenanceError(f"{path} has no record number {number}", "restore it from a copy")
