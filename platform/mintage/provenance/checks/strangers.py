"""What lies in a data set and belongs to no shard of a version: to other plans, or to nobody."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from mintage.provenance.layout import COMMITS, DATA, PLANS, commit_path
from mintage.provenance.report import VerifyReport
from mintage.provenance.segments import Segments
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore

_PLAN = re.compile(rf"{PLANS}([0-9]{{6,15}})\.json")
_SHARD = re.compile(rf"(?:{DATA}[^/]+/part-|{COMMITS})([0-9]{{6,15}})[-.].*")


@dataclass(frozen=True, slots=True)
class OtherPlans:
    """The plans of a data set whose shards a version does not hold: superseded, later, or unfinished."""

    starts: tuple[int, ...]
    """The first shards of all plans."""
    held: frozenset[int]
    """The first shards of those that the version holds."""

    def own(self, path: str) -> bool:
        """Whether an object is named for a shard of one of them."""
        match = _SHARD.fullmatch(path)
        if match is None:
            return False
        at = bisect_right(self.starts, int(match[1])) - 1
        return at >= 0 and self.starts[at] not in self.held


def other_plans(store: ObjectStore, segments: Segments) -> OtherPlans:
    """The plans that are there besides those of a version; one ends where the next begins."""
    held = frozenset(part.first for part in segments.parts)
    found = (_PLAN.fullmatch(info.path) for info in store.list(PLANS))
    return OtherPlans(tuple(sorted({0, *held, *(int(match[1]) for match in found if match)})), held)


def check_strangers(store: ObjectStore, statement: Statement, named: set[str], report: VerifyReport) -> None:
    """Objects that look like data or commits, but belong to nothing that was signed.

    `named` are the parts that the commits of the version name. What is named for a shard of another
    plan of the data set is noted, not failed: the version that holds it accounts for it.
    """
    others = other_plans(store, statement.segments)
    abandoned = statement.predicate.abandoned
    known = named.union(abandoned.names)
    unknown = [info.path for info in store.list(DATA) if info.path not in known]
    strangers = [path for path in unknown if not others.own(path)]
    # Of very many abandoned attempts only the number was signed: so many may lie there unnamed.
    unlisted = abandoned.count - len(abandoned.names)
    if len(strangers) > unlisted:
        for path in strangers:
            report.fail(
                "additional-part", path, "no commit names this part, and the statement does not list it"
            )
    elif strangers:
        report.notes.append(
            f"{len(strangers)} abandoned attempts lie under data/ that the statement only counts"
        )
    if elsewhere := len(unknown) - len(strangers):
        report.notes.append(
            f"{elsewhere} objects under data/ belong to plans that this version does not hold: superseded, "
            "later or unfinished ones. They were not checked"
        )
    _check_commits(store, statement, others, report)


def _check_commits(
    store: ObjectStore, statement: Statement, others: OtherPlans, report: VerifyReport
) -> None:
    known = {commit_path(index) for index in statement.segments.indices()}
    for info in store.list(COMMITS):
        if info.path not in known and not others.own(info.path):
            shards = statement.segments.describe()
            report.fail("additional-commit", info.path, f"the version has no such shard: it has {shards}")
