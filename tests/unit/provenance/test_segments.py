"""Segments: where a shard stands in the tree when plans were left out, and what no version may say."""

from __future__ import annotations

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.digests import digest_of
from mintage.provenance.segments import MAX_SEGMENTS, Segment, Segments


def segment(first: int, shards: int, name: str = "plan") -> Segment:
    """Shards of a plan."""
    return Segment(plan=digest_of(name.encode()), run_id="run", first=first, shards=shards)


def test_a_shard_stands_behind_the_segments_before_it() -> None:
    segments = Segments.of([segment(0, 3), segment(5, 2), segment(9, 4)])
    assert list(segments.indices()) == [0, 1, 2, 5, 6, 9, 10, 11, 12]
    assert segments.size == 9
    for position, index in enumerate(segments.indices()):
        assert segments.position(index) == position
        assert segments.shard_at(position) == index
        held = segments.holding(index)
        assert held is not None
        assert index in held.indices


@pytest.mark.parametrize("index", [3, 4, 7, 8, 13, 10**9])
def test_a_shard_of_no_segment_is_in_none(index: int) -> None:
    segments = Segments.of([segment(0, 3), segment(5, 2), segment(9, 4)])
    assert segments.holding(index) is None
    with pytest.raises(ProvenanceError, match=f"no shard {index}"):
        segments.position(index)


@pytest.mark.parametrize("position", [-1, 9, 10**9])
def test_beyond_the_end_of_the_tree_there_is_nothing(position: int) -> None:
    with pytest.raises(ProvenanceError, match="no place"):
        Segments.of([segment(0, 3), segment(5, 6)]).shard_at(position)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [segment(0, 3), segment(2, 1)],
        [segment(5, 1), segment(0, 1)],
        [segment(0, 1), segment(0, 1)],
        [segment(number, 1) for number in range(MAX_SEGMENTS + 1)],
    ],
    ids=["none", "overlapping", "backwards", "twice", "too-many"],
)
def test_segments_that_no_data_set_has_are_refused(parts: list[Segment]) -> None:
    with pytest.raises(ProvenanceError):
        Segments.of(parts)


def test_one_list_begins_with_another_only_when_each_segment_is_the_same() -> None:
    older = Segments.of([segment(0, 3), segment(5, 2)])
    assert Segments.of([*older.parts, segment(9, 1)]).begin_with(older)
    assert older.begin_with(older)
    assert not older.begin_with(Segments.of([*older.parts, segment(9, 1)]))
    assert not Segments.of([segment(0, 3), segment(5, 2, "other"), segment(9, 1)]).begin_with(older)
