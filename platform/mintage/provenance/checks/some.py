"""Verifying some shards of a version: each by its inclusion proof, its record, its commit and its parts."""

from __future__ import annotations

from mintage.errors import SpecError
from mintage.provenance._ordered import ordered_map
from mintage.provenance.checks.parts import OpenPart, ShardCheck, ShardChecker
from mintage.provenance.checks.signed import Signed
from mintage.provenance.inclusion import Finder
from mintage.provenance.report import VerifyFailure, VerifyReport
from mintage.provenance.scope import Sample, Scope
from mintage.store import ObjectStore


def check_some(
    store: ObjectStore,
    signed: Signed,
    scope: Scope,
    report: VerifyReport,
    *,
    open_part: OpenPart | None,
    workers: int,
) -> None:
    """Check the shards that the scope names or draws; what fails goes into the report.

    Raises `SpecError` when the version has no such shard.
    """
    statement = signed.statement
    places = _places(signed, scope, report)
    finder = Finder(store, statement)
    checker = ShardChecker.of(store, statement, open_part)

    def check(place: int) -> ShardCheck:
        found = finder.find(place)
        if isinstance(found, VerifyFailure):
            return ShardCheck(failures=[found])
        return checker.check(found.record)

    for result in ordered_map(check, places, workers=workers):
        report.take(result.checked, result.failures)
    report.notes.append("not checked: other shards, sums, attachments, plans, earlier versions, strangers")


def _places(signed: Signed, scope: Scope, report: VerifyReport) -> tuple[int, ...]:
    size = signed.statement.predicate.tree.size
    if scope.sample is not None:
        report.sample = Sample.draw(size, scope.sample, scope.seed)
        return report.sample.places
    shard, segments = scope.shard or 0, signed.statement.segments
    if segments.holding(shard) is None:
        raise SpecError(
            f"--shard {shard}: version {signed.head.version} has no such shard",
            f"it has {segments.describe()}",
        )
    return (segments.position(shard),)
