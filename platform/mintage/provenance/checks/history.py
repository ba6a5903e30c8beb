"""The chain of versions: each binds the one before, and proves what it was appended to."""

from __future__ import annotations

from typing import NamedTuple

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance.append import Append
from mintage.provenance.heads import read_head, read_statement, versions
from mintage.provenance.layout import head_path, statements_path
from mintage.provenance.report import VerifyReport
from mintage.provenance.segments import Segments
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore


class _Claim(NamedTuple):
    """That a version begins with an older one, which is still to be met."""

    version: int
    append: Append
    segments: Segments

    def is_about(self, older: Statement) -> bool:
        return (self.append.size, self.append.root) == (older.predicate.tree.size, older.root)


def check_history(store: ObjectStore, statement: Statement, report: VerifyReport) -> None:
    """Follow the chain of earlier versions; each statement binds the one before by its digest.

    Where a version says that it was appended to an older tree, its proof must hold, and a version of
    the chain must have that tree and its segments.
    """
    claims = _claims_of(statement, report)
    newer = statement
    while newer.predicate.previous is not None:
        older = _step(store, newer, report)
        if older is None:
            return
        for claim in [claim for claim in claims if claim.is_about(older)]:
            claims.remove(claim)
            if not claim.segments.begin_with(older.segments):
                _fail(report, claim, "its segments do not begin with those of the version that it names")
        claims += _claims_of(older, report)
        newer = older
    for claim in claims:
        _fail(report, claim, "no earlier version has the tree that it says it was appended to")


def _claims_of(statement: Statement, report: VerifyReport) -> list[_Claim]:
    append = statement.predicate.append
    if append is None:
        return []
    claim = _Claim(statement.predicate.version, append, statement.segments)
    if not append.holds(statement.predicate.tree.size, statement.root):
        _fail(report, claim, "the consistency proof does not hold: it does not begin with the older tree")
        return []
    return [claim]


def _step(store: ObjectStore, newer: Statement, report: VerifyReport) -> Statement | None:
    """The statement that a version names as the one before; None when it is not there."""
    # What was never finished may have left numbers out: the version before is the one that has a head.
    number = newer.predicate.version
    version = max((one for one in versions(store) if one < number), default=number - 1)
    path = head_path(version)
    try:
        head = read_head(store, version)
        if head.statement != newer.predicate.previous:
            if version == number - 1:
                report.fail("changed-head", path, "an older head is not the one that the next version names")
            else:
                missing = f"the version before {number}, which that one names, is missing"
                report.fail("missing-head", head_path(number - 1), missing)
            return None
        return read_statement(store, head, None)
    except ObjectMissingError:
        report.fail("missing-head", path, f"version {version}, which a later version names, is missing")
    except ProvenanceError as exc:
        report.fail("bad-head", path, exc.message)
    return None


def _fail(report: VerifyReport, claim: _Claim, message: str) -> None:
    report.fail("wrong-append", statements_path(claim.version), f"version {claim.version}: {message}")
