"""Proof files: all that is needed to check one shard's parts against a signature, without the data set.

A proof file holds the signed envelopes of a version, the record of one shard, and the hashes that lead
from that record to the signed root. It proves nothing by itself: whoever has it checks it with a
policy or a public key, and a part with it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field

from mintage.errors import MintageError, ObjectMissingError, ProvenanceError, SignatureError
from mintage.provenance.attestations import MAX_ATTESTATIONS, Attested, read_attestations
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.checks.parts import hash_object
from mintage.provenance.checks.signed import believe
from mintage.provenance.commits import check_paths, read_commit
from mintage.provenance.digests import Sha256Hex, raw_digest
from mintage.provenance.evidence import Evidence, payload_digest, read_evidence, signed_head
from mintage.provenance.heads import latest_head, pick_statement, read_head
from mintage.provenance.inclusion import Finder
from mintage.provenance.layout import HEADS, check_part_path
from mintage.provenance.merkle import leaf_hash, verify_inclusion
from mintage.provenance.policy import Policy
from mintage.provenance.records import Count, Record, ShardRecord
from mintage.provenance.report import Checked, VerifyFailure, VerifyReport
from mintage.provenance.signing import MAX_ENVELOPE_BYTES
from mintage.provenance.statements import MAX_OTHERS, Head, Statement
from mintage.store import ObjectStore

FORMAT = "mintage-proof/1"
MAX_PROOF_BYTES = 2 * MAX_ENVELOPE_BYTES
MAX_HASHES = 64
"""Hashes in an inclusion proof: a tree has fewer than 2**64 leaves."""

_PROOF = "proof"


class ProofFile(Record):
    """A proof file, parsed and not yet believed."""

    format: Literal["mintage-proof/1"] = "mintage-proof/1"
    statements: Annotated[
        tuple[dict[str, object], ...], Field(min_length=1, max_length=MAX_OTHERS + 1, strict=False)
    ]
    """DSSE envelopes that were signed with the version; the first is about the data set."""
    attestations: Annotated[
        tuple[dict[str, object], ...], Field(max_length=MAX_ATTESTATIONS, strict=False)
    ] = ()
    """Envelopes that were signed later: further signatures, reviews."""
    place: Count
    """The leaf's place in the tree."""
    proof: Annotated[tuple[Sha256Hex, ...], Field(max_length=MAX_HASHES, strict=False)]
    """Hashes of RFC 9162 from the leaf upwards."""
    record: dict[str, object]
    """The shard record: the leaf."""
    parts: dict[str, str]
    """Where each table's part lies in the data set."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The proof file in bytes that come from outside; raises `ProvenanceError` when it is none."""
        return cls.from_json(parse_json(data, max_bytes=MAX_PROOF_BYTES))

    def evidence(self) -> Evidence:
        """The envelopes; the first one's payload is taken to be the statement about the data set."""
        lines = [canonical_json(envelope) for envelope in self.statements]
        later = [Attested(_PROOF, canonical_json(envelope)) for envelope in self.attestations]
        return Evidence(statement=payload_digest(lines[0]), lines=lines, path=_PROOF, attestations=later)


def make_proof(store: ObjectStore, shard: int, *, version: int | None = None) -> bytes:
    """The proof file of a shard of the newest version, or of another one.

    The proof is checked against the root, but no signature: that is for whoever gets it. Raises
    `ProvenanceError` when the version has no such shard, or is not whole.
    """
    head = latest_head(store) if version is None else _head_of(store, version)
    if head is None:
        raise ProvenanceError(f"{store.uri} has no head under {HEADS}", "only signed versions can be proved")
    evidence = read_evidence(store, head)
    statement = pick_statement(evidence.lines, head.statement, None, evidence.path)
    found = Finder(store, statement).find(statement.segments.position(shard))
    if isinstance(found, VerifyFailure):
        raise ProvenanceError(
            f"shard {shard} cannot be proved: {found.path}: {found.message}", "verify the data set"
        )
    commit = read_commit(store, shard)
    check_paths(commit)
    later = read_attestations(store, head.version)
    first = [line for line in evidence.lines if payload_digest(line) == head.statement]
    others = [line for line in evidence.lines if payload_digest(line) != head.statement]
    proof = ProofFile(
        statements=tuple(_envelope(line) for line in (*first, *others)),
        attestations=tuple(_envelope(attested.envelope) for attested in later),
        place=found.place,
        proof=tuple(hash_.hex() for hash_ in found.proof),
        record=found.record.to_json(),
        parts=commit.parts,
    )
    return proof.to_bytes()


def verify_proof(proof: bytes, store: ObjectStore, path: str, policy: Policy) -> VerifyReport:
    """Check the object at `path` as a part of the shard that a proof file is about.

    Raises `StoreError` when the object cannot be read; everything else that is wrong is in the report.
    """
    report = VerifyReport()
    try:
        parsed = ProofFile.parse(proof)
        evidence = parsed.evidence()
    except ProvenanceError as exc:
        report.fail("bad-proof", _PROOF, exc.message)
        return report
    statement = believe(evidence, policy, report)
    if statement is None:
        return report
    report.head = signed_head(evidence, statement)
    record = _record(parsed, statement, report)
    if record is not None:
        report.checked.add(Checked(shards=1))
        _check_part(record, store, path, report)
    return report


def _record(parsed: ProofFile, statement: Statement, report: VerifyReport) -> ShardRecord | None:
    """The record, if the hashes lead from it to the signed root."""
    try:
        record = ShardRecord.from_json(parsed.record)
        number = statement.segments.shard_at(parsed.place)
        for table, part in parsed.parts.items():
            check_part_path(part, table, number)
    except MintageError as exc:
        report.fail("bad-proof", _PROOF, exc.message)
        return None
    steps = [bytes.fromhex(step) for step in parsed.proof]
    root, size = raw_digest(statement.root), statement.predicate.tree.size
    if not verify_inclusion(leaf_hash(record.to_bytes()), parsed.place, size, steps, root):
        report.fail(
            "wrong-proof",
            _PROOF,
            f"the hashes do not lead from the record of shard {number} to the signed root",
        )
        return None
    if record.index != number or set(parsed.parts) != set(record.tables):
        report.fail("wrong-proof", _PROOF, f"the record or the parts are not those of shard {number}")
        return None
    return record


def _check_part(record: ShardRecord, store: ObjectStore, path: str, report: VerifyReport) -> None:
    try:
        size = store.size(path)
    except ObjectMissingError:
        report.fail("missing-part", path, "there is no such file")
        return
    fitting = {name: table.sha256 for name, table in record.tables.items() if table.bytes == size}
    if not fitting:
        sizes = ", ".join(f"{table.bytes} of {name}" for name, table in record.tables.items())[:500]
        report.fail("wrong-size", path, f"it has {size} bytes where shard {record.index} has {sizes}")
        return
    sha256 = hash_object(store, path, size)
    report.checked.add(Checked(parts=1, bytes=size))
    if sha256 not in fitting.values():
        report.fail(
            "changed-part", path, f"it has the sha256 {sha256}, and is no part of shard {record.index}"
        )
        return
    table = next(name for name, signed in fitting.items() if signed == sha256)
    report.notes.append(f"this is the part of table {table!r} in shard {record.index} of {size} bytes")


def _head_of(store: ObjectStore, version: int) -> Head:
    try:
        return read_head(store, version)
    except ObjectMissingError as exc:
        raise ProvenanceError(
            f"{store.uri} has no version {version}", "see its heads, or leave it out"
        ) from exc


def _envelope(line: bytes) -> dict[str, object]:
    value = parse_json(line, max_bytes=MAX_ENVELOPE_BYTES)
    if not isinstance(value, dict):
        raise SignatureError("this is not a DSSE envelope")
    return value
