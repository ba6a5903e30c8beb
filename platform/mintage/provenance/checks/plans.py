"""Whether the plans of a version are there, and those that were signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance._capped import read_capped
from mintage.provenance.digests import digest_of
from mintage.provenance.layout import plan_path
from mintage.provenance.segments import Segments
from mintage.store import ObjectStore

MAX_PLAN_BYTES = 64 * 2**20


class PlanProblem(NamedTuple):
    """What is wrong with a plan: one of the failure codes of a verifier, the path, what to say."""

    code: str
    path: str
    message: str


def find_plan_problems(store: ObjectStore, segments: Segments) -> Iterator[PlanProblem]:
    """Plans that are missing, or have another digest than their segment says."""
    for segment in segments.parts:
        path = plan_path(segment.first)
        try:
            found = digest_of(read_capped(store, path, MAX_PLAN_BYTES))
        except ObjectMissingError:
            yield PlanProblem("missing-plan", path, "the plan is missing")
        except ProvenanceError as exc:
            yield PlanProblem("changed-plan", path, exc.message)
        else:
            if found != segment.plan:
                yield PlanProblem(
                    "changed-plan", path, f"this is another plan than {segment.plan}: its digest is {found}"
                )
