"""One shard of a version that a policy accepts, proven to be what was signed by reading very little."""

from __future__ import annotations

from typing import NamedTuple

from mintage.errors import ProvenanceError, SignatureError, SpecError
from mintage.provenance.checks.signed import open_version
from mintage.provenance.inclusion import Finder
from mintage.provenance.policy import Policy
from mintage.provenance.records import ShardRecord
from mintage.provenance.report import VerifyFailure, VerifyReport
from mintage.provenance.segments import Segment
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore


class Proven(NamedTuple):
    """A shard record that is in the tree of an accepted statement, and whose plan it follows from."""

    statement: Statement
    segment: Segment
    record: ShardRecord


def prove_shard(store: ObjectStore, shard: int, policy: Policy, version: int | None = None) -> Proven:
    """The record of a shard of the newest version, or of another one, if the policy accepts what was signed.

    Raises `SignatureError` or `ProvenanceError` for the first thing that is not as it must be, `SpecError`
    when the version has no such shard.
    """
    report = VerifyReport()
    signed = open_version(store, version, policy, report, sparing=True)
    if signed is None or not report.ok:
        raise _refusal(report.failures[0])
    segments = signed.statement.segments
    segment = segments.holding(shard)
    if segment is None:
        raise SpecError(
            f"there is no shard {shard}: version {signed.head.version} has {segments.describe()}",
            "give another number",
        )
    record = proven_record(store, signed.statement, shard)
    return Proven(statement=signed.statement, segment=segment, record=record)


def proven_record(store: ObjectStore, statement: Statement, shard: int) -> ShardRecord:
    """The record of a shard of a statement whose signature was checked; `ProvenanceError` for any other."""
    found = Finder(store, statement).find(statement.segments.position(shard))
    if isinstance(found, VerifyFailure):
        raise _refusal(found)
    return found.record


def _refusal(failure: VerifyFailure) -> ProvenanceError:
    kind = SignatureError if failure.code == "bad-signature" else ProvenanceError
    return kind(f"{failure.path}: {failure.message}", "`mintage verify` tells all that is wrong")
