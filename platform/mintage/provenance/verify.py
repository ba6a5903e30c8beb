"""Verifying a data set offline: from a public key down to every row.

    head > signature > statement > other statements, attachments
                                 > plan, records (root, tiles) > commits > parts > rows; then strangers

Nothing is parsed before what vouches for it was checked, and nothing is read by a path before that
path has passed. What differs becomes a failure with a code; a store that cannot be read is an error,
because then nothing is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mintage.errors import ObjectMissingError, ProvenanceError, SignatureError
from mintage.provenance._beside import check_attachments, check_statements
from mintage.provenance._history import check_history
from mintage.provenance._parts import OpenPart
from mintage.provenance._plans import find_plan_problems
from mintage.provenance._shards import ShardsCheck, signed_lines
from mintage.provenance._strangers import check_strangers
from mintage.provenance.digests import digest_from_raw
from mintage.provenance.heads import latest_head, read_statement
from mintage.provenance.layout import (
    HEADS,
    RECORDS_PER_FILE,
    checksums_path,
    head_path,
    records_path,
    statements_path,
    version_path,
)
from mintage.provenance.merkle import HASH_BYTES, TILE_WIDTH, MerkleTree, Tile, leaf_hash
from mintage.provenance.report import VerifyFailure, VerifyReport
from mintage.provenance.signing import PublicKey
from mintage.provenance.statements import Head, Statement
from mintage.store import ObjectStore

__all__ = ["OpenPart", "VerifyFailure", "VerifyReport", "verify_dataset"]


def verify_dataset(
    store: ObjectStore, keys: Sequence[PublicKey], *, workers: int = 4, open_part: OpenPart | None = None
) -> VerifyReport:
    """Check the newest version of a data set against the signature of one of `keys`.

    `open_part` decodes a part, so that its rows are checked too; without it only bytes are, and the
    report says so. `workers` parts are read at the same time. Raises `StoreError` when the store
    cannot be read.
    """
    report = VerifyReport()
    if open_part is None:
        report.notes.append("only bytes were checked: no reader for the rows was given")
    head = _head(store, report)
    statement = _statement(store, head, keys, report) if head else None
    if head is None or statement is None:
        return report
    _check_head(head, statement, report)
    check_history(store, statement, report)
    check_statements(store, head, statement, keys, report)
    check_attachments(store, statement, report)
    _check_plans(store, statement, report)
    if _check_tree(store, head, statement, report):
        shards = ShardsCheck(store, statement, report)
        shards.run(open_part, workers)
        _check_checksums(store, head, shards.checksums.hexdigest(), report)
        check_strangers(store, statement, shards.named, report)
    return report


def _head(store: ObjectStore, report: VerifyReport) -> Head | None:
    try:
        report.head = latest_head(store)
    except ProvenanceError as exc:
        report.fail("bad-head", HEADS, exc.message)
        return None
    if report.head is None:
        report.fail(
            "missing-head", HEADS, "there is no head: the data set was never attested, or is not here"
        )
    return report.head


def _statement(
    store: ObjectStore, head: Head, keys: Sequence[PublicKey], report: VerifyReport
) -> Statement | None:
    path = statements_path(head.version)
    try:
        return read_statement(store, head, keys)
    except ObjectMissingError:
        report.fail("missing-statement", path, "the signed statement is missing")
    except SignatureError as exc:
        report.fail("bad-signature", path, exc.message)
    except ProvenanceError as exc:
        report.fail("bad-statement", path, exc.message)
    return None


def _check_head(head: Head, statement: Statement, report: VerifyReport) -> None:
    signed = statement.predicate
    said = (head.version, head.size, head.root)
    if said != (signed.version, signed.tree.size, statement.root):
        report.fail(
            "changed-head", head_path(head.version), "the head does not agree with the statement it names"
        )


def _check_plans(store: ObjectStore, statement: Statement, report: VerifyReport) -> None:
    for problem in find_plan_problems(store, statement.segments):
        report.fail(*problem)


def _check_tree(store: ObjectStore, head: Head, statement: Statement, report: VerifyReport) -> bool:
    """Recompute the root from the records' bytes, unparsed; False when records are missing."""
    folder = version_path(head.version)
    tree = MerkleTree(lambda tile: _check_tile(store, folder, tile, report))
    size = statement.predicate.tree.size
    try:
        for line in signed_lines(store, statement):
            tree.append(leaf_hash(line))
    except ObjectMissingError:
        path = records_path(head.version, tree.size // RECORDS_PER_FILE)
        report.fail("missing-records", path, "a file of shard records is missing")
        return False
    tree.finish()
    if (tree.size, digest_from_raw(tree.root())) != (size, statement.root):
        report.fail(
            "changed-records", f"{folder}records/", "the shard records are not those that were signed"
        )
    return True


def _check_tile(store: ObjectStore, folder: str, tile: Tile, report: VerifyReport) -> None:
    path = folder + tile.path
    try:
        if (
            store.size(path) == len(tile.hashes)
            and store.read(path, max_bytes=TILE_WIDTH * HASH_BYTES) == tile.hashes
        ):
            return
        report.fail("changed-tile", path, "a tile of the tree does not hold the hashes of the records")
    except ObjectMissingError:
        report.fail("missing-tile", path, "a tile of the tree is missing")


def _check_checksums(store: ObjectStore, head: Head, expected: str, report: VerifyReport) -> None:
    path = checksums_path(head.version)
    digest = hashlib.sha256()
    try:
        with store.open_read(path) as stream:
            while chunk := stream.read(2**20):
                digest.update(chunk)
    except ObjectMissingError:
        report.fail("missing-checksums", path, "the list of checksums is missing")
        return
    if digest.hexdigest() != expected:
        report.fail("changed-checksums", path, "the list of checksums is not that of the committed parts")
