"""The plans of a data set: the first one, and those that were added behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mintage.engine import layout
from mintage.engine.bench import read_plan
from mintage.errors import ProvenanceError, SpecError
from mintage.plan import Plan
from mintage.plan.plan import MAX_PLAN_BYTES
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.layout import given_up_path
from mintage.provenance.segments import Segment
from mintage.store import ObjectStore

_LATER = re.compile(rf"{layout.PLANS}(\d{{6,15}})\.json")


def read_plans(store: ObjectStore) -> Iterator[Plan]:
    """The plans of a data set in the order of their shards; none when there is no data set.

    Raises `ProvenanceError` for a plan that is malformed, or stands under another number than its own.
    """
    found = (_LATER.fullmatch(info.path) for info in store.list(layout.PLANS))
    for first in sorted({0, *(int(match[1]) for match in found if match)}):
        plan = read_plan(store, first)
        if plan is not None:
            yield plan


def signed_plan(store: ObjectStore, segment: Segment) -> Plan:
    """The plan of a segment of a signed version, parsed after its digest was checked.

    Raises `ProvenanceError` for one that is not what was signed.
    """
    path = layout.plan_path(segment.first)
    data = store.read(path, max_bytes=MAX_PLAN_BYTES)
    if digest_of(data) != segment.plan:
        raise ProvenanceError(
            f"{path} has the digest {digest_of(data)}, not the {segment.plan} that was signed",
            "restore it from a copy",
        )
    plan = Plan.from_bytes(data)
    if plan.indices != segment.indices or plan.run_id != segment.run_id:
        raise ProvenanceError(
            f"{path} is the plan of other shards than the statement says",
            "what was signed contradicts itself",
        )
    return plan


def give_up(store: ObjectStore, plan: Plan) -> None:
    """Say, for good, that a plan that was added to a data set will not be finished.

    What it committed stays; no version will name it. The next job goes behind it. Raises `SpecError` for
    the first plan: a data set begins with it.
    """
    if not plan.first_shard:
        raise SpecError(
            f"the job {plan.run_id[:16]}… cannot be given up: {store.uri} begins with it",
            "write to another sink.uri, or remove the folder if nothing in it is needed",
        )
    said = {"format": "mintage-given-up/1", "plan": plan.digest, "run_id": plan.run_id}
    store.create(given_up_path(plan.first_shard), canonical_json(said))


def is_given_up(store: ObjectStore, plan: Plan) -> bool:
    """Whether it was said of a plan that it will not be finished."""
    return plan.first_shard > 0 and store.exists(given_up_path(plan.first_shard))


def check_not_given_up(store: ObjectStore, plan: Plan) -> None:
    """Raise `SpecError` when a plan was given up: other jobs may have gone behind it."""
    if is_given_up(store, plan):
        raise SpecError(
            f"sink.uri: the job {plan.run_id[:16]}… was given up in {store.uri}",
            "to draw such rows all the same, give it another seed",
        )
