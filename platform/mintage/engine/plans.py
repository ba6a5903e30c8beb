"""The plans of a data set: the first one, and those that were added behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mintage.engine import layout
from mintage.engine.bench import read_plan
from mintage.plan import Plan
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
