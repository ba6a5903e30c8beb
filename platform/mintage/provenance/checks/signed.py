"""From a head to a statement that may be believed: signatures, policy, other statements, history."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from mintage.errors import ObjectMissingError, ProvenanceError, SignatureError
from mintage.provenance.attestations import read_attestations
from mintage.provenance.checks.beside import check_statements
from mintage.provenance.checks.judging import judge
from mintage.provenance.evidence import Evidence, read_evidence, read_first
from mintage.provenance.heads import latest_head, pick_statement, read_head
from mintage.provenance.layout import HEADS, attestations_path, head_path, statements_path, unsigned_path
from mintage.provenance.policy import Policy
from mintage.provenance.report import VerifyReport
from mintage.provenance.statements import Head, Statement
from mintage.provenance.unsigned import find_unsigned
from mintage.store import ObjectStore


class Signed(NamedTuple):
    """A version whose statement was signed by whom the policy trusts."""

    head: Head
    statement: Statement


def open_version(
    store: ObjectStore, version: int | None, policy: Policy, report: VerifyReport, *, sparing: bool = False
) -> Signed | None:
    """The version with that number, or the newest, if the policy accepts what was signed about it.

    `sparing`: what the policy does not ask for is not read.
    """
    head = _head(store, version, report)
    evidence = _evidence(store, head, policy, report, sparing=sparing) if head else None
    statement = believe(evidence, policy, report) if evidence else None
    if head is None or statement is None:
        return None
    if (head.version, head.size, head.root) != (
        statement.predicate.version,
        statement.predicate.tree.size,
        statement.root,
    ):
        report.fail(
            "changed-head", head_path(head.version), "the head does not agree with the statement it names"
        )
    return Signed(head, statement)


def believe(evidence: Evidence, policy: Policy, report: VerifyReport) -> Statement | None:
    """The statement about a data set, if the policy accepts what was signed; else the report says why not."""
    try:
        statement = pick_statement(evidence.lines, evidence.statement, policy.keys, evidence.path)
    except SignatureError as exc:
        report.fail("bad-signature", evidence.path, exc.message)
        return None
    except ProvenanceError as exc:
        report.fail("bad-statement", evidence.path, exc.message)
        return None
    if evidence.complete:
        # Whoever of them signed: the statement about the data set names each by its digest.
        check_statements(evidence, statement, policy.keys, report)
    if judge(evidence, statement, policy, report):
        return statement
    report.accepted = False
    report.notes.append("nothing else was checked: the policy does not accept what was signed")
    return None


def _head(store: ObjectStore, version: int | None, report: VerifyReport) -> Head | None:
    try:
        report.head = latest_head(store) if version is None else read_head(store, version)
    except ObjectMissingError:
        report.fail("missing-head", head_path(version or 0), f"there is no version {version}")
        return None
    except ProvenanceError as exc:
        report.fail("bad-head", HEADS, exc.message)
        return None
    if report.head is None:
        _fail_without_head(store, report)
    elif version is None and store.exists(unsigned_path(following := report.head.version + 1)):
        report.notes.append(f"version {following} is there too, but unsigned")
    return report.head


def _fail_without_head(store: ObjectStore, report: VerifyReport) -> None:
    if (waiting := find_unsigned(store)) is None:
        report.fail(
            "missing-head", HEADS, "there is no head: the data set was never attested, or is not here"
        )
    else:
        report.fail(
            "unsigned",
            unsigned_path(waiting),
            f"version {waiting} waits to be signed: no key would sign when it was made",
        )


def _evidence(
    store: ObjectStore, head: Head, policy: Policy, report: VerifyReport, *, sparing: bool
) -> Evidence | None:
    path = statements_path(head.version)
    try:
        if sparing and not policy.needs_provenance and not policy.needs_attestations:
            first = read_first(store, head)
            if first is not None:
                return first
        evidence = read_evidence(store, head)
    except ObjectMissingError:
        report.fail("missing-statement", path, "the signed statement is missing")
        return None
    except ProvenanceError as exc:
        report.fail("bad-statement", path, exc.message)
        return None
    return _with_later(store, head, evidence, report) if policy.needs_attestations else evidence


def _with_later(store: ObjectStore, head: Head, evidence: Evidence, report: VerifyReport) -> Evidence | None:
    """The evidence with what was signed after the head; a rejection may be in what cannot be read."""
    try:
        return replace(evidence, attestations=tuple(read_attestations(store, head.version)))
    except ProvenanceError as exc:
        report.fail("bad-attestation", attestations_path(head.version), exc.message)
        return None
