"""Comparing trees by their tiles: every shared shard is counted, and little is read."""

from __future__ import annotations

import hashlib
import random

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.digests import digest_of
from mintage.provenance.merkle import MerkleTree, Tile, leaf_hash
from mintage.provenance.segments import Segment, Segments
from mintage.provenance.tree_difference import MAX_RANGES, SharedShards, Tiles, compare_trees


def tree(leaves: list[bytes]) -> dict[str, bytes]:
    """The tiles of a tree."""
    tiles: dict[str, bytes] = {}

    def keep(tile: Tile) -> None:
        tiles[tile.path] = tile.hashes

    grown = MerkleTree(keep)
    for leaf in leaves:
        grown.append(leaf)
    grown.finish()
    return tiles


def segments(*parts: tuple[int, int]) -> Segments:
    return Segments.of(
        Segment(plan=digest_of(b"plan"), run_id="r", first=first, shards=count) for first, count in parts
    )


def leaves_of(indices: Segments, changed: set[int] = frozenset()) -> list[bytes]:  # type: ignore[assignment]
    return [leaf_hash(b"%d%s" % (index, b"!" if index in changed else b"")) for index in indices.indices()]


def compare(
    one: Segments,
    other: Segments,
    changed: set[int] = frozenset(),  # type: ignore[assignment]
) -> tuple[SharedShards, int]:
    left = Tiles(tree(leaves_of(one)).__getitem__, one.size)
    right = Tiles(tree(leaves_of(other, changed)).__getitem__, other.size)
    return compare_trees(left, right, one, other), left.read + right.read


@pytest.mark.parametrize(
    ("old", "new"), [(3, 5), (256, 257), (300, 1000), (65_536, 65_537), (70_000, 70_300)]
)
def test_an_appended_tree_shares_all_of_the_older(old: int, new: int) -> None:
    found, read = compare(segments((0, old)), segments((0, old), (old, new - old)))
    assert (found.shared, found.differing, found.ranges) == (old, 0, [])
    assert read <= 10


def test_segments_that_end_inside_a_subtree_are_counted_once() -> None:
    found, _ = compare(segments((0, 100), (100, 300)), segments((0, 400)))
    assert (found.shared, found.differing) == (400, 0)


def test_only_subtrees_that_differ_are_read() -> None:
    found, read = compare(segments((0, 70_000)), segments((0, 70_000)), {17, 69_000, 69_001})
    assert (found.shared, found.differing) == (69_997, 3)
    assert found.ranges == [(17, 17), (69_000, 69_001)]
    assert read <= 12


@pytest.mark.parametrize("seed", range(20))
def test_any_two_versions_are_compared_shard_by_shard(seed: int) -> None:
    rng = random.Random(seed)

    def some() -> Segments:
        parts, start = [], 0
        for _ in range(rng.randint(1, 4)):
            count = rng.choice([1, 3, 255, 256, 300])
            parts.append((start, count))
            start += count + rng.choice([0, 0, 1, 256])
        return segments(*parts)

    one, other = some(), some()
    both = set(one.indices()) & set(other.indices())
    changed = set(rng.sample(sorted(both), min(len(both), rng.choice([0, 1, 50]))))
    found, _ = compare(one, other, changed)
    assert (found.shared, found.differing) == (len(both) - len(changed), len(changed))
    if len(found.ranges) < MAX_RANGES:
        assert [index for first, last in found.ranges for index in range(first, last + 1)] == sorted(changed)


def test_of_very_many_ranges_only_some_are_kept_and_a_few_tiles_are_held() -> None:
    size = 20_000
    found, _ = compare(segments((0, size)), segments((0, size)), set(range(0, size, 2)))
    assert (found.differing, len(found.ranges)) == (size // 2, MAX_RANGES)
    tiles = Tiles(tree(leaves_of(segments((0, size)))).__getitem__, size)
    for number in range(size):
        tiles.hash(0, number)
    assert len(tiles._cache) <= 16


def test_a_tile_of_another_length_is_refused() -> None:
    tiles = Tiles(lambda _path: hashlib.sha256().digest(), 3)
    with pytest.raises(ProvenanceError, match="32 bytes where 96"):
        tiles.hash(0, 0)
