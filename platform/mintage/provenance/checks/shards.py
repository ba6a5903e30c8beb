"""Walking over the shards of a version: each is checked, and their sums are those that were signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain, islice, repeat

from mintage.errors import ProvenanceError
from mintage.provenance._ordered import ordered_map
from mintage.provenance.checks.parts import OpenPart, ShardCheck, ShardChecker
from mintage.provenance.digests import digest_from_raw
from mintage.provenance.journal import Journal
from mintage.provenance.layout import RECORDS_PER_FILE, records_path, statements_path
from mintage.provenance.manifest import record_lines
from mintage.provenance.merkle import MerkleTree, leaf_hash
from mintage.provenance.records import ShardRecord
from mintage.provenance.report import VerifyReport
from mintage.provenance.statements import Statement
from mintage.provenance.totals import Totals
from mintage.store import ObjectStore


class ShardsCheck:
    """Checks all shards in order, several at a time; afterwards `named` and `checksums` are complete."""

    def __init__(self, store: ObjectStore, statement: Statement, report: VerifyReport) -> None:
        self._store = store
        self._statement = statement
        self._report = report
        self._totals = Totals()
        self._content = MerkleTree()
        self.named: set[str] = set()
        """The parts that commits name."""
        self.checksums = hashlib.sha256()
        """The digest of the list of checksums as it must be."""

    def run(self, open_part: OpenPart | None, workers: int, journal: Journal | None = None) -> None:
        """Check every shard that no journal knows; what fails goes into the report."""
        checker = ShardChecker.of(self._store, self._statement, open_part)

        def check(item: tuple[ShardRecord, bool]) -> tuple[ShardCheck, bool]:
            return checker.check(item[0], known=item[1]), item[1]

        known = ((record, journal is not None and _holds(journal, record)) for record in self._records())
        for result, was_known in ordered_map(check, known, workers=workers):
            self.named.update(result.paths)
            self.checksums.update(result.checksums.encode("utf-8"))
            self._report.take(result.checked, result.failures)
            if journal and result.record and not was_known and not result.failures:
                journal.add(result.record.index, leaf_hash(result.record.to_bytes()))
        self._report.resumed = journal.resumed if journal else 0
        self._check_sums()

    def _records(self) -> Iterator[ShardRecord]:
        version = self._statement.predicate.version
        lines = signed_lines(self._store, self._statement)
        indices = chain(self._statement.segments.indices(), repeat(None))
        for position, (line, index) in enumerate(zip(lines, indices, strict=False)):
            try:
                record = ShardRecord.from_bytes(line)
                if record.index != index:
                    raise ProvenanceError(
                        f"the record of shard {record.index} stands in the place of {index}"
                    )
            except ProvenanceError as exc:
                path = records_path(version, position // RECORDS_PER_FILE)
                self._report.fail("bad-record", path, exc.message)
                continue
            self._totals.add(record)
            self._content.append(leaf_hash(record.content_leaf()))
            yield record

    def _check_sums(self) -> None:
        predicate = self._statement.predicate
        path = statements_path(predicate.version)
        tables = {name: {"rows": str(t.rows), "bytes": str(t.bytes)} for name, t in predicate.tables.items()}
        if tables != self._totals.tables_json() or predicate.verdicts != self._totals.verdicts_json():
            self._report.fail("wrong-totals", path, "the statement's sums are not those of the shard records")
        if digest_from_raw(self._content.root()) != predicate.content.root:
            self._report.fail("wrong-content-root", path, "the content root is not that of the shard records")


def _holds(journal: Journal, record: ShardRecord) -> bool:
    return journal.holds(record.index, leaf_hash(record.to_bytes()))


def signed_lines(store: ObjectStore, statement: Statement) -> Iterator[bytes]:
    """The record lines of a version: as many as were signed, and at most one more."""
    size = statement.predicate.tree.size
    return islice(record_lines(store, statement.predicate.version, size), size + 1)
