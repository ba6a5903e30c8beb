"""Versions that no key would sign: what was to be signed is kept, and signed later.

    _mintage/versions/<n>/unsigned.jsonl

One payload a line, as it would stand in the envelopes. Nothing protects these lines: whoever can write
to the store can change them until they are signed. So what follows from the shards is computed anew
before somebody signs, and the rest is what the signer vouches for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mintage.errors import ObjectExistsError, ProvenanceError
from mintage.provenance._capped import read_capped
from mintage.provenance._version import VersionWriter
from mintage.provenance.attachments import find_difference
from mintage.provenance.checks.plans import find_plan_problems
from mintage.provenance.checks.strangers import other_plans
from mintage.provenance.digests import digest_of
from mintage.provenance.gate_statement import TEST_RESULT_TYPE, GateStatement
from mintage.provenance.heads import read_head, statement_lines, versions
from mintage.provenance.layout import (
    DATA,
    attachment_path,
    head_path,
    statements_path,
    unsigned_path,
)
from mintage.provenance.segments import read_segments
from mintage.provenance.signing import MAX_ENVELOPE_BYTES, Signer, verify
from mintage.provenance.slsa import PROVENANCE_TYPE, Provenance
from mintage.provenance.statements import MAX_OTHERS, Folded, Head, Statement
from mintage.store import ObjectStore

_VERSIONS = "_mintage/versions/"
_NAME = re.compile(rf"{_VERSIONS}([1-9][0-9]{{0,14}})/unsigned\.jsonl")


def envelope_lines(signer: Signer, payloads: Sequence[bytes]) -> bytes:
    """The envelopes of a version as they are stored.

    Raises `SigningError` when a key does not sign, and `ProvenanceError` when they are larger than a
    verifier would read.
    """
    lines = b"".join(signer.sign(payload) + b"\n" for payload in payloads)
    if len(lines) > MAX_ENVELOPE_BYTES:
        raise ProvenanceError(
            f"the signed statements have {len(lines)} bytes where {MAX_ENVELOPE_BYTES} are allowed",
            "use a smaller spec: fewer columns, conditions or operators",
        )
    return lines


def write_unsigned(store: ObjectStore, version: int, payloads: Sequence[bytes]) -> None:
    """Keep what was to be signed of a version."""
    store.create(unsigned_path(version), b"".join(payload + b"\n" for payload in payloads))


def read_unsigned(store: ObjectStore, version: int) -> list[bytes] | None:
    """What was to be signed of a version, unverified; None when nothing was kept."""
    path = unsigned_path(version)
    if not store.exists(path):
        return None
    lines = read_capped(store, path, MAX_ENVELOPE_BYTES).splitlines()
    if not 0 < len(lines) <= MAX_OTHERS + 1:
        raise ProvenanceError(f"{path} holds {len(lines)} statements where 1 to {MAX_OTHERS + 1} are allowed")
    return lines


def find_unsigned(store: ObjectStore) -> int | None:
    """The number of the newest version that waits to be signed: newer than every head; None without one."""
    matches = (_NAME.fullmatch(info.path) for info in store.list(_VERSIONS))
    waiting = max((int(match[1]) for match in matches if match), default=0)
    return waiting if waiting > max(versions(store), default=0) else None


def sign_unsigned(store: ObjectStore, version: int, signer: Signer, *, workers: int = 16) -> Head:
    """Sign a version that waits to be signed, and return its head, which is written last.

    The shards are folded again, and what follows from them must be what the kept statements say; sizes
    of parts are compared, their bytes are not read. Raises `ProvenanceError` when they differ, and
    `SigningError` when a key does not sign; then nothing has changed.
    """
    payloads = read_unsigned(store, version)
    if payloads is None:
        raise ProvenanceError(f"version {version} of {store.uri} does not wait to be signed")
    statement = Statement.from_payload(payloads[0])
    _check_place(store, version, statement)
    _check_others(statement, payloads[1:])
    _check_shards(store, version, statement, workers)
    for name, signed in statement.predicate.report.items():
        if difference := find_difference(store, attachment_path(version, name), signed):
            raise _differs(version, f"{name}: {difference.message}")
    try:
        store.create(statements_path(version), envelope_lines(signer, payloads))
    except ObjectExistsError as exc:
        if not _signed_already(store, version, signer, payloads):
            raise ProvenanceError(
                f"version {version} of {store.uri} is being signed by somebody else", "look again in a minute"
            ) from exc
    head = Head(
        version=version,
        statement=digest_of(payloads[0]),
        size=statement.predicate.tree.size,
        root=statement.root,
    )
    store.create(head_path(version), head.to_bytes())
    return head


def _signed_already(store: ObjectStore, version: int, signer: Signer, payloads: Sequence[bytes]) -> bool:
    """Whether an earlier call was stopped before it wrote the head; some keys never sign twice alike."""
    keys = signer.public_keys
    try:
        lines = statement_lines(store, version)
        return [verify(line, keys, threshold=len(keys)) for line in lines] == list(payloads)
    except ProvenanceError:
        return False


def _check_place(store: ObjectStore, version: int, statement: Statement) -> None:
    """The statement must be about this version, and follow the newest one."""
    older = [number for number in versions(store) if number < version]
    previous = read_head(store, older[-1]).statement if older else None
    if (statement.predicate.version, statement.predicate.previous) != (version, previous):
        raise _differs(version, "the statement is about another version, or does not follow the newest one")


def _check_others(statement: Statement, others: Sequence[bytes]) -> None:
    """The other statements must be those that are named, and be about the same rows, plan and report."""
    predicate = statement.predicate
    if [digest_of(other) for other in others] != [digest for _, digest in predicate.beside.statements]:
        raise _differs(predicate.version, "it does not hold the statements that it names")
    for (kind, _), payload in zip(predicate.beside.statements, others, strict=True):
        if kind == PROVENANCE_TYPE:
            made = Provenance.from_payload(payload)
            same = (made.plan_digest, made.run_id) == (predicate.plan_digest, predicate.run_id)
            about = (made.name, made.root)
        elif kind == TEST_RESULT_TYPE:
            gates = GateStatement.from_payload(payload)
            if gates.result.failed:
                raise _differs(predicate.version, f"gates failed: {', '.join(gates.result.failed)[:500]}")
            same = gates.report == predicate.report
            about = (gates.name, gates.root)
        else:
            raise _differs(predicate.version, f"it names a statement of the unknown type {kind[:200]}")
        if not same or about != (statement.name, statement.root):
            raise _differs(predicate.version, f"the statement of the type {kind} is about something else")


def _check_shards(store: ObjectStore, version: int, statement: Statement, workers: int) -> None:
    """What follows from the shards must be what the statement says, and the plans those it names."""
    segments = statement.segments
    for problem in find_plan_problems(store, segments):
        raise _differs(version, f"{problem.path}: {problem.message}")
    sizes = {info.path: info.bytes for info in store.list(DATA)}
    # What is there already is written again to the same bytes, or refused.
    with VersionWriter(store, version) as writer:
        for commit in read_segments(store, segments.parts, workers):
            for table, path in commit.parts.items():
                if sizes.pop(path, None) != commit.record.tables[table].bytes:
                    raise _differs(version, f"{path} is missing, or has another size than its commit says")
            writer.add(commit)
        others = other_plans(store, segments)
        folded = writer.finish(sorted(path for path in sizes if not others.own(path)))
    _check_fold(version, statement, folded)


def _check_fold(version: int, statement: Statement, folded: Folded) -> None:
    predicate = statement.predicate
    tables = {
        name: {"rows": str(table.rows), "bytes": str(table.bytes)} for name, table in predicate.tables.items()
    }
    said = (statement.root, predicate.tree.size, predicate.content.root, tables, predicate.verdicts)
    found = (
        folded.root,
        folded.size,
        folded.content_root,
        folded.totals.tables_json(),
        folded.totals.verdicts_json(),
    )
    if said != found:
        raise _differs(version, "its shards are not those that the statement is about")


def _differs(version: int, what: str) -> ProvenanceError:
    return ProvenanceError(
        f"{unsigned_path(version)} is not signed: {what}",
        "it was changed since it was written: run the job again, which makes the statements anew",
    )
