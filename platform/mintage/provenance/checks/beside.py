"""Checking what lies in a version beside its records: the other statements, and attachments."""

from __future__ import annotations

from collections.abc import Sequence

from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance.attachments import find_difference
from mintage.provenance.evidence import Evidence, payload_digest
from mintage.provenance.gate_statement import TEST_RESULT_TYPE, GateStatement
from mintage.provenance.layout import (
    attachment_path,
    checksums_path,
    statements_path,
    unsigned_path,
    version_path,
)
from mintage.provenance.report import VerifyReport
from mintage.provenance.signing import PublicKey, verify
from mintage.provenance.slsa import PROVENANCE_TYPE, Provenance
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore


def check_statements(
    evidence: Evidence, statement: Statement, keys: Sequence[PublicKey], report: VerifyReport
) -> None:
    """The other statements of a version: those that its own names, signed, and no more."""
    path = evidence.path
    missing = {named.digest: named.predicate_type for named in statement.predicate.beside.statements}
    for number, line in enumerate(evidence.lines, 1):
        digest = payload_digest(line)
        if digest == evidence.statement:
            continue
        kind = missing.pop(digest, None)
        if kind is None:
            report.fail(
                "additional-statement",
                path,
                f"line {number} holds a statement that the version does not name",
            )
            continue
        try:
            payload = verify(line, keys)
        except SignatureError as exc:
            report.fail("bad-signature", path, f"line {number}: {exc.message}")
            continue
        if kind == TEST_RESULT_TYPE:
            _check_test_result(payload, statement, path, report)
        elif kind == PROVENANCE_TYPE:
            _check_provenance(payload, statement, path, report)
        else:
            report.notes.append(f"a statement of the type {kind} was checked by its signature only")
    for digest, kind in missing.items():
        report.fail("missing-statement", path, f"the statement {digest} of the type {kind} is missing")
    if report.provenance is None and not report.failed:
        report.notes.append("no statement says how the data set was made: it names no SLSA provenance")


def check_attachments(store: ObjectStore, statement: Statement, report: VerifyReport) -> None:
    """The attachments of a version: those that its statement names, unaltered, and no more."""
    version, attached = statement.predicate.version, statement.predicate.report
    for name, signed in attached.items():
        path = attachment_path(version, name)
        if difference := find_difference(store, path, signed):
            report.fail(difference.code, path, f"the attachment is not what was signed: {difference.message}")
        else:
            report.checked.attachments += 1
    folder = version_path(version)
    known = {attachment_path(version, name) for name in attached}
    known |= {statements_path(version), checksums_path(version), unsigned_path(version)}
    for info in store.list(folder):
        if info.path not in known and not info.path.startswith((f"{folder}records/", f"{folder}tile/")):
            report.fail("additional-attachment", info.path, "the statement does not name this file")


def _check_test_result(payload: bytes, statement: Statement, path: str, report: VerifyReport) -> None:
    try:
        gates = GateStatement.from_payload(payload)
    except ProvenanceError as exc:
        report.fail("bad-statement", path, exc.message)
        return
    if (gates.root, gates.name) != (statement.root, statement.name):
        report.fail(
            "wrong-subject", path, f"the test result is about {gates.name} with the root {gates.root}"
        )
    elif gates.report != statement.predicate.report:
        report.fail("bad-statement", path, "the test result names another report than the version")
    else:
        report.gates = gates.result


def _check_provenance(payload: bytes, statement: Statement, path: str, report: VerifyReport) -> None:
    """How it was made: the same subject, run and plan as the statement about the data set."""
    try:
        made = Provenance.from_payload(payload)
    except ProvenanceError as exc:
        report.fail("bad-statement", path, exc.message)
        return
    if (made.root, made.name) != (statement.root, statement.name):
        report.fail("wrong-subject", path, f"the provenance is about {made.name} with the root {made.root}")
    elif made.plan_digest != statement.predicate.plan_digest:
        report.fail(
            "bad-statement",
            path,
            f"the provenance holds the plan {made.plan_digest}, not {statement.predicate.plan_digest}",
        )
    elif made.run_id != statement.predicate.run_id:
        report.fail("bad-statement", path, f"the provenance is of the run {made.run_id[:100]}")
    elif report.provenance is not None:
        report.fail("bad-statement", path, "the version has two statements of how it was made")
    else:
        report.provenance = made
