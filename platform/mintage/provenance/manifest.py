"""The manifest: having commits folded into a signed version, and reading a version back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper

from mintage.errors import ProvenanceError
from mintage.provenance._attestation import MAX_PLAN_BYTES, Attestation
from mintage.provenance.attachments import MAX_ATTACHMENT_BYTES, describe, read_signed
from mintage.provenance.bases import Base
from mintage.provenance.canonical import parse_json
from mintage.provenance.digests import digest_of
from mintage.provenance.exports import NO_EXPORTS, Exports
from mintage.provenance.facts import Facts
from mintage.provenance.gate_statement import TEST_RESULT_TYPE, GateStatement, TestResult
from mintage.provenance.heads import latest_head, read_statement, statement_lines
from mintage.provenance.layout import (
    RECORDS_PER_FILE,
    attachment_path,
    check_part_path,
    checksums_path,
    records_path,
    statements_path,
)
from mintage.provenance.records import MAX_RECORD_BYTES, ShardRecord
from mintage.provenance.signing import PublicKey, Signer, unverified_payload
from mintage.provenance.slsa import PROVENANCE_TYPE, Provenance
from mintage.provenance.statements import Head, Statement
from mintage.store import ObjectStore

__all__ = ["MAX_PLAN_BYTES", "Manifest", "PartInfo", "attest", "latest_head", "read_manifest", "record_lines"]

REPORT = "report.json"
"""The attachment that holds the evaluation."""

_MAX_LINE = 2048


def attest(
    store: ObjectStore,
    *,
    plan: Mapping[str, object],
    plan_digest: str,
    shards: int,
    first_shard: int = 0,
    base: Base | None = None,
    facts: Mapping[str, object],
    signer: Signer,
    attachments: Mapping[str, bytes] | None = None,
    exports: Exports = NO_EXPORTS,
    test_result: TestResult | None = None,
    workers: int = 16,
) -> Head:
    """Fold the commits of all `shards` of a plan into a signed version, and return its head.

    `facts` has the keys of `facts.Facts`. `attachments` are files such as `report.html` that are kept
    in the version and named by its statement, and so are those that `exports` makes of the fold;
    `test_result` is signed as a statement of its own.
    `first_shard` is the number of the plan's first shard, and `base` the version that it is appended to:
    the new one begins with its shards. The head is written last, so a reader sees a whole version or
    none. May be called again after a crash at any point, and by several drivers at once: what the same
    key has signed for these shards last is returned, if it has the same attachments and test result, or
    if none are given. `workers` commits are read at a time.

    Raises `ProvenanceError` when a shard is missing, when a commit or part is not what it must be, for
    attachments of wrong names or sizes, and for a test result that failed: such data is not attested.
    """
    if test_result is not None and test_result.status == "FAILED":
        raise ProvenanceError(
            f"a data set that failed its gates is not attested: {', '.join(test_result.failed)[:500]}",
            "keep the evaluation with `keep_failed_evaluation` instead",
        )
    if shards < 1:
        raise ProvenanceError("a data set without shards cannot be attested", "ask for at least one row")
    attestation = Attestation(
        store=store,
        plan=plan,
        plan_digest=plan_digest,
        shards=shards,
        first_shard=first_shard,
        base=base,
        facts=Facts.of(facts),
        signer=signer,
        attachments=attachments or {},
        exports=exports,
        report=describe(attachments or {}),
        test_result=test_result,
        workers=workers,
    )
    return attestation.find() or attestation.make()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartInfo:
    """One part of a table, as the manifest names it."""

    path: str
    """Relative to the data set."""
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A version as readers use it: which parts belong to a table."""

    head: Head
    statement: Statement
    store: ObjectStore

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables."""
        return self.statement.schema.names

    def records(self) -> Iterator[ShardRecord]:
        """The shard records in shard order, a line at a time."""
        return (
            ShardRecord.from_bytes(line)
            for line in record_lines(self.store, self.head.version, self.head.size)
        )

    def parts(self, table: str) -> list[PartInfo]:
        """The parts of a table, in shard order; raises `ProvenanceError` when there is no such table."""
        if table not in self.tables:
            raise ProvenanceError(f"there is no table {table!r}", f"known tables: {', '.join(self.tables)}")
        return list(_parts(self, table))

    @property
    def attachments(self) -> tuple[str, ...]:
        """The names of the files that the statement names, such as `report.html`."""
        return tuple(sorted(self.statement.predicate.report))

    def read_attachment(self, name: str) -> bytes:
        """The bytes of an attachment, which are those that were signed, or `ProvenanceError`."""
        signed = self.statement.predicate.report.get(name)
        if signed is None:
            raise ProvenanceError(
                f"there is no attachment {name[:200]!r}", f"known: {', '.join(self.attachments) or 'none'}"
            )
        return read_signed(self.store, attachment_path(self.head.version, name), signed)

    def report(self) -> Mapping[str, object] | None:
        """The evaluation in `report.json` as plain JSON values; None when the version has none.

        Raises `ProvenanceError` when it is not what was signed.
        """
        if REPORT not in self.attachments:
            return None
        value = parse_json(self.read_attachment(REPORT), max_bytes=MAX_ATTACHMENT_BYTES)
        if not isinstance(value, dict):
            raise ProvenanceError(f"{REPORT} of version {self.head.version} is not a JSON object")
        return value

    def test_result(self) -> TestResult | None:
        """What the gates said; None when the version has no such statement.

        It is as trustworthy as the statement, which names it by digest.
        """
        payload = self._other(TEST_RESULT_TYPE)
        return None if payload is None else GateStatement.from_payload(payload).result

    def provenance(self) -> Provenance | None:
        """How the version was made: spec, plan, builder; None when it has no such statement.

        It is as trustworthy as the statement, which names it by digest.
        """
        payload = self._other(PROVENANCE_TYPE)
        return None if payload is None else Provenance.from_payload(payload)

    def _other(self, predicate_type: str) -> bytes | None:
        """The payload of the first other statement of a type that the statement names."""
        digests = [d for kind, d in self.statement.predicate.beside.statements if kind == predicate_type]
        if not digests:
            return None
        for line in statement_lines(self.store, self.head.version):
            if digest_of(payload := unverified_payload(line)) == digests[0]:
                return payload
        raise ProvenanceError(f"{statements_path(self.head.version)} does not hold {digests[0]}")


def read_manifest(store: ObjectStore, head: Head, keys: Sequence[PublicKey] | None = None) -> Manifest:
    """The manifest that a head names. With `keys`, its signature is checked first.

    The parts are as good as the store: to check every byte, use `verify.verify_dataset`.
    """
    return Manifest(head=head, statement=read_statement(store, head, keys), store=store)


def record_lines(store: ObjectStore, version: int, size: int) -> Iterator[bytes]:
    """The canonical bytes of the shard records of a version, in shard order, in bounded memory."""
    for number in range(-(-size // RECORDS_PER_FILE)):
        with store.open_read(records_path(version, number)) as file:
            while line := file.readline(MAX_RECORD_BYTES + 2):
                yield line.removesuffix(b"\n")


def _parts(manifest: Manifest, table: str) -> Iterator[PartInfo]:
    path = checksums_path(manifest.head.version)
    with TextIOWrapper(manifest.store.open_read(path), encoding="utf-8", newline="\n") as file:
        for record in manifest.records():
            for name in sorted(record.tables):
                digest, _, part = file.readline(_MAX_LINE).rstrip("\n").partition("  ")
                entry = record.tables[name]
                if digest != entry.sha256:
                    raise ProvenanceError(f"{path} does not agree with the record of shard {record.index}")
                check_part_path(part, name, record.index)
                if name == table:
                    yield PartInfo(path=part, rows=entry.rows, bytes=entry.bytes, sha256=entry.sha256)
