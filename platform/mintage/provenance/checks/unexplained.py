"""What lies anywhere in the folder of a data set, and is explained by nothing: for those who want to know."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from itertools import count

from mintage.provenance.heads import versions
from mintage.provenance.layout import (
    COMMITS,
    DATA,
    PLAN,
    RECORDS_PER_FILE,
    REJECTS,
    SKETCHES,
    head_path,
    records_path,
    version_path,
)
from mintage.provenance.merkle import TILE_WIDTH, tile_path
from mintage.provenance.report import VerifyReport
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore

_HOMES = (
    "_mintage/attestations/",
    "_mintage/checkpoints/",
    "_mintage/evaluations/",
    "_mintage/leases/",
    "_mintage/model/",
    "_mintage/plans/",
    "_mintage/prepared/",
)
"""Folders whose objects explain themselves: each is named for its digest, or by a plan."""


def check_unexplained(
    store: ObjectStore, statement: Statement, named: AbstractSet[str], report: VerifyReport
) -> None:
    """Whatever lies anywhere in the folder, but data and commits, which were looked at already."""
    known = versions(store)
    folders = tuple(version_path(number) for number in known)
    own = {head_path(number) for number in known} | _tree_paths(statement)
    for info in store.list():
        path = info.path
        if path.startswith((DATA, COMMITS, *_HOMES)) or path in own or path in named or path == PLAN:
            continue
        if path.startswith((REJECTS, SKETCHES)):
            reason = "no commit of this version names it"
        elif path.startswith(version_path(statement.predicate.version)):
            reason = "it is neither a record file nor a tile of this version"
            if path.count("/") == folders[-1].count("/"):
                continue  # beside the records: attachments, which were looked at already
        elif path.startswith(folders):
            continue  # an older version, which answers for itself
        else:
            reason = "nothing explains it"
        report.fail("stranger", path, f"this does not belong to the data set: {reason}")


def _tree_paths(statement: Statement) -> set[str]:
    """The record files and tiles of a version."""
    version, size = statement.predicate.version, statement.predicate.tree.size
    paths = {records_path(version, number) for number in range(-(-size // RECORDS_PER_FILE))}
    for level in count():
        hashes = size >> (8 * level)
        if not hashes:
            return paths
        for number in range(-(-hashes // TILE_WIDTH)):
            width = min(TILE_WIDTH, hashes - number * TILE_WIDTH)
            paths.add(version_path(version) + tile_path(level, number, width))
    raise AssertionError
