"""Segments: which plans the shards of a version come from, in the order of the tree.

Shards are numbered on through the life of a data set: the first plan has 0, 1, …, a plan that is
appended goes on behind the newest one. A version is a list of such stretches. So the number of a shard
is its place in the tree only where no earlier plan was left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from mintage.errors import ProvenanceError
from mintage.provenance.commits import read_commits
from mintage.provenance.digests import Digest
from mintage.provenance.records import CommitRecord, Count
from mintage.store import ObjectStore

MAX_SEGMENTS = 10_000
"""Plans that one version may hold shards of."""


class Segment(BaseModel):
    """The shards of one plan: numbers `first` to `first + shards - 1`."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    plan: Digest
    run_id: Annotated[str, Field(alias="runId", min_length=1, max_length=200)]
    first: Annotated[Count, Field(lt=2**53)]
    shards: Annotated[Count, Field(ge=1, lt=2**53)]

    @property
    def indices(self) -> range:
        """The numbers of its shards."""
        return range(self.first, self.first + self.shards)

    def to_json(self) -> dict[str, object]:
        """The segment as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments of a version, in the order of its tree."""

    parts: tuple[Segment, ...]

    @classmethod
    def of(cls, parts: Iterable[Segment]) -> Self:
        """These segments; raises `ProvenanceError` unless each begins behind the one before."""
        segments = cls(tuple(parts))
        if not 0 < len(segments.parts) <= MAX_SEGMENTS:
            raise ProvenanceError(
                f"a version of {len(segments.parts)} segments is refused: 1 to {MAX_SEGMENTS} are allowed",
                "supersede the data set: a new version then holds the new shards alone",
            )
        for one, other in pairwise(segments.parts):
            if other.first < one.indices.stop:
                raise ProvenanceError(
                    f"the segment from shard {other.first} on does not begin behind shard "
                    f"{one.indices.stop - 1}, where the one before it ends"
                )
        return segments

    @property
    def newest(self) -> Segment:
        """The segment that this version was made for."""
        return self.parts[-1]

    @property
    def size(self) -> int:
        """How many shards there are: the size of the tree."""
        return sum(part.shards for part in self.parts)

    def indices(self) -> Iterator[int]:
        """The numbers of the shards, in the order of the tree."""
        return chain.from_iterable(part.indices for part in self.parts)

    def holding(self, index: int) -> Segment | None:
        """The segment that shard `index` is in; None when it is in none."""
        at = bisect_right(self.parts, index, key=lambda part: part.first) - 1
        return self.parts[at] if at >= 0 and index in self.parts[at].indices else None

    def position(self, index: int) -> int:
        """The place of shard `index` in the tree; raises `ProvenanceError` when it is in no segment.

        >>> plan = "sha256:" + "0" * 64
        >>> newer = Segments.of([Segment(plan=plan, run_id="r", first=5, shards=2)])
        >>> newer.position(6), newer.shard_at(1)
        (1, 6)
        """
        before = 0
        for part in self.parts:
            if index in part.indices:
                return before + index - part.first
            before += part.shards
        raise ProvenanceError(f"the version has no shard {index}", f"it has {self.describe()}")

    def shard_at(self, position: int) -> int:
        """The number of the shard at a place in the tree; raises `ProvenanceError` beyond its end."""
        ends = list(accumulate(part.shards for part in self.parts))
        if not 0 <= position < ends[-1]:
            raise ProvenanceError(f"there is no place {position} in a tree of {ends[-1]}")
        at = bisect_right(ends, position)
        return self.parts[at].first + position - (ends[at] - self.parts[at].shards)

    def begin_with(self, older: Segments) -> bool:
        """Whether the older segments are the first of these."""
        return self.parts[: len(older.parts)] == older.parts

    def describe(self) -> str:
        """The shards, for messages: `0 to 2, 5 to 6`."""
        return ", ".join(f"{part.first} to {part.indices.stop - 1}" for part in self.parts[:20])

    def to_json(self) -> list[dict[str, object]]:
        """The segments as plain JSON values."""
        return [part.to_json() for part in self.parts]


def read_segments(store: ObjectStore, segments: Sequence[Segment], workers: int) -> Iterator[CommitRecord]:
    """Yield the commits of segments in order; raise `ProvenanceError` at the first bad one."""
    return chain.from_iterable(
        read_commits(
            store,
            shards=part.shards,
            plan_digest=part.plan,
            run_id=part.run_id,
            first=part.first,
            workers=workers,
        )
        for part in segments
    )
