"""Verifying all of a version: plan, tree, every shard and part, sums, checksums, strangers."""

from __future__ import annotations

import hashlib

from mintage.errors import ObjectMissingError
from mintage.provenance.checks.beside import check_attachments
from mintage.provenance.checks.history import check_history
from mintage.provenance.checks.parts import OpenPart
from mintage.provenance.checks.plans import find_plan_problems
from mintage.provenance.checks.shards import ShardsCheck, signed_lines
from mintage.provenance.checks.signed import Signed
from mintage.provenance.checks.strangers import check_strangers
from mintage.provenance.checks.unexplained import check_unexplained
from mintage.provenance.digests import digest_from_raw
from mintage.provenance.journal import Journal
from mintage.provenance.layout import RECORDS_PER_FILE, checksums_path, records_path, version_path
from mintage.provenance.merkle import HASH_BYTES, TILE_WIDTH, MerkleTree, Tile, leaf_hash
from mintage.provenance.report import VerifyReport
from mintage.provenance.statements import Head, Statement
from mintage.store import ObjectStore


def check_whole(
    store: ObjectStore,
    signed: Signed,
    report: VerifyReport,
    *,
    open_part: OpenPart | None,
    workers: int,
    strict: bool,
    journal: Journal | None,
) -> None:
    """Check everything that the statement of a version binds; what fails goes into the report."""
    head, statement = signed
    check_history(store, statement, report)
    check_attachments(store, statement, report)
    for problem in find_plan_problems(store, statement.segments):
        report.fail(*problem)
    if _check_tree(store, head, statement, report):
        shards = ShardsCheck(store, statement, report)
        shards.run(open_part, workers, journal)
        _check_checksums(store, head, shards.checksums.hexdigest(), report)
        check_strangers(store, statement, shards.named, report)
        if strict:
            check_unexplained(store, statement, shards.named, report)


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
