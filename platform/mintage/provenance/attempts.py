"""Attempts that lost: what was written for a shard, and is not what its commit names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial

from mintage.errors import ObjectMissingError
from mintage.provenance._ordered import ordered_map
from mintage.provenance.commits import read_commit
from mintage.store import ObjectInfo, ObjectStore

_ATTEMPT = re.compile(r"(?:data|_mintage/rejects|_mintage/sketches)/[^/]+/part-([0-9]{6,15})-[^/]+")


def shard_of(path: str) -> int | None:
    """The shard that a part, its rejects or its sketch is named for; None for any other object.

    >>> shard_of("data/flights/part-000017-a1.parquet"), shard_of("data/flights/notes.txt")
    (17, None)
    """
    match = _ATTEMPT.fullmatch(path)
    return int(match[1]) if match else None


def named_by_commit(store: ObjectStore, shard: int) -> frozenset[str]:
    """What the commit of a shard names; nothing when the shard is not committed.

    Raises `ProvenanceError` for a commit that cannot be read: then nothing is known of its shard.
    """
    try:
        commit = read_commit(store, shard)
    except ObjectMissingError:
        return frozenset()
    rejects = (reject.path for reject in commit.rejects.values())
    sketches = (sketch.path for sketch in commit.sketches.values())
    return frozenset([*commit.parts.values(), *rejects, *sketches])


def find_lost_attempts(
    store: ObjectStore, objects: Iterable[ObjectInfo], workers: int
) -> Iterator[ObjectInfo]:
    """The objects that are named for a shard, and that its commit does not name; shard by shard."""
    by_shard: dict[int, list[ObjectInfo]] = defaultdict(list)
    for info in objects:
        if (shard := shard_of(info.path)) is not None:
            by_shard[shard].append(info)
    named = ordered_map(partial(named_by_commit, store), by_shard, workers=workers)
    for found, names in zip(by_shard.values(), named, strict=True):
        yield from (info for info in found if info.path not in names)
