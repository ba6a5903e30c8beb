"""Writing what a version consists of below its statement: records, tiles, checksums."""

from __future__ import annotations

import shutil
from tempfile import SpooledTemporaryFile
from typing import Self

from mintage.provenance.digests import digest_from_raw
from mintage.provenance.layout import RECORDS_PER_FILE, checksums_path, records_path, version_path
from mintage.provenance.merkle import MerkleTree, Tile, leaf_hash
from mintage.provenance.records import CommitRecord
from mintage.provenance.statements import Folded
from mintage.provenance.totals import Totals
from mintage.store import ObjectStore

_COPIED_BYTES = 2**20
_MEMORY_BYTES = 8 * 2**20  # of checksums; more wait on the disk


class VersionWriter:
    """Takes commits in shard order; holds one file of records and the trees' right edges in memory.

    Everything is created exclusively, and is the same whenever it is written from the same commits, so
    a second try after a crash finds its own objects and goes on. `ObjectExistsError`: there are others.
    To be used in a `with` block: checksums of very many parts wait in a file.
    """

    def __init__(self, store: ObjectStore, version: int) -> None:
        self._store = store
        self._version = version
        self._tree = MerkleTree(self._write_tile)
        self._content = MerkleTree()
        self._totals = Totals()
        self._lines: list[bytes] = []
        self._checksums = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115  # closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._checksums.close()

    def add(self, commit: CommitRecord) -> None:
        """Take in the commit of the next shard."""
        self._tree.append(leaf_hash(commit.leaf))
        self._content.append(leaf_hash(commit.record.content_leaf()))
        self._totals.add(commit.record)
        self._lines.append(commit.leaf + b"\n")
        self._checksums.write(checksum_lines(commit).encode("utf-8"))
        if len(self._lines) == RECORDS_PER_FILE:
            self._write_records()

    def finish(self, abandoned: list[str]) -> Folded:
        """Write what is left, and return what it all came to."""
        if self._lines:
            self._write_records()
        self._tree.finish()
        self._write_checksums()
        return Folded(
            size=self._tree.size,
            root=digest_from_raw(self._tree.root()),
            content_root=digest_from_raw(self._content.root()),
            totals=self._totals,
            abandoned=abandoned,
        )

    def _write_checksums(self) -> None:
        self._checksums.seek(0)
        with self._store.part(checksums_path(self._version)) as part:
            shutil.copyfileobj(self._checksums, part, _COPIED_BYTES)
            part.commit()

    def _write_records(self) -> None:
        number = (self._tree.size - 1) // RECORDS_PER_FILE
        self._store.create(records_path(self._version, number), b"".join(self._lines))
        self._lines.clear()

    def _write_tile(self, tile: Tile) -> None:
        self._store.create(version_path(self._version) + tile.path, tile.hashes)


def checksum_lines(commit: CommitRecord) -> str:
    """The lines of manifest-sha256.txt for one shard, tables in the order of their names."""
    tables = commit.record.tables
    return "".join(f"{tables[name].sha256}  {commit.parts[name]}\n" for name in sorted(tables))
