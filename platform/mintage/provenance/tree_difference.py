"""Which shards two versions share: their trees are walked by tiles, and only subtrees that differ are read.

A hash of tile level l stands for 256^l leaves. Where both trees have the same one, all these leaves are
the same, and nothing below is read. So two versions of a million shards that share all but ten differ in
a few tiles. What the tiles say is as good as the store: verifying the versions checks the tiles.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance.layout import version_path
from mintage.provenance.merkle import HASH_BYTES, TILE_WIDTH, tile_path
from mintage.provenance.segments import Segments
from mintage.store import ObjectStore

MAX_RANGES = 20
"""Ranges of differing shards that are kept; of more there is only the number of shards."""

_CACHED = 16
_BITS = 8


class Tiles:
    """The hashes of a tree of `size` leaves, a few tiles at a time. `fetch` reads a tile by its path."""

    def __init__(self, fetch: Callable[[str], bytes], size: int) -> None:
        self._fetch = fetch
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self.size = size
        self.read = 0
        """Tiles that were read."""

    @classmethod
    def of(cls, store: ObjectStore, version: int, size: int) -> Tiles:
        """The tiles of a version."""
        folder = version_path(version)

        def fetch(path: str) -> bytes:
            try:
                return store.read(folder + path, max_bytes=TILE_WIDTH * HASH_BYTES)
            except ObjectMissingError as exc:
                raise ProvenanceError(
                    f"{folder}{path} is missing: version {version} of {store.uri} is not whole",
                    "verify it, and restore what is missing from a copy",
                ) from exc

        return cls(fetch, size)

    @property
    def top(self) -> int:
        """The highest level with a hash."""
        return max(0, (self.size.bit_length() - 1) // _BITS)

    def hash(self, level: int, number: int) -> bytes | None:
        """The root of the leaves from `number << 8 * level` on; None where the tree has not all of them."""
        if number >= self.size >> (_BITS * level):
            return None
        tile, place = divmod(number, TILE_WIDTH)
        width = min(TILE_WIDTH, (self.size >> (_BITS * level)) - tile * TILE_WIDTH)
        path = tile_path(level, tile, width)
        data = self._cache.get(path)
        if data is None:
            data = self._cache[path] = self._fetch(path)
            self.read += 1
            if len(data) != width * HASH_BYTES:
                raise ProvenanceError(f"{path} has {len(data)} bytes where {width * HASH_BYTES} are expected")
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(path)
        return data[place * HASH_BYTES : (place + 1) * HASH_BYTES]


@dataclass(slots=True)
class SharedShards:
    """How many shards two versions have in common, and which they do not."""

    shared: int = 0
    differing: int = 0
    """Shards that both have, and that are not the same."""
    ranges: list[tuple[int, int]] = field(default_factory=list)
    """The first of these: first and last number of each range."""

    def add(self, first: int, count: int, *, same: bool) -> None:
        """Count in shards from number `first` on."""
        if same:
            self.shared += count
            return
        self.differing += count
        if self.ranges and self.ranges[-1][1] == first - 1:
            self.ranges[-1] = (self.ranges[-1][0], first + count - 1)
        elif len(self.ranges) < MAX_RANGES:
            self.ranges.append((first, first + count - 1))


def compare_trees(one: Tiles, other: Tiles, own: Segments, others: Segments) -> SharedShards:
    """Compare the shards that two versions have under the same numbers, by their leaf hashes."""
    result = SharedShards()
    for first, count in _common(own, others):
        places = own.position(first), others.position(first)
        for start, length, same in _stretches(one, other, places, count):
            result.add(first + start, length, same=same)
    return result


def _common(own: Segments, others: Segments) -> Iterator[tuple[int, int]]:
    """Stretches of shard numbers that both have, each within one segment of either: first and count."""
    left, right = 0, 0
    while left < len(own.parts) and right < len(others.parts):
        mine, theirs = own.parts[left].indices, others.parts[right].indices
        first, end = max(mine.start, theirs.start), min(mine.stop, theirs.stop)
        if first < end:
            yield first, end - first
        if mine.stop <= theirs.stop:
            left += 1
        if theirs.stop <= mine.stop:
            right += 1


def _stretches(
    one: Tiles, other: Tiles, places: tuple[int, int], count: int
) -> Iterator[tuple[int, int, bool]]:
    """Stretches of `count` leaves from the places on: offset, length, and whether they are the same."""
    if places[0] != places[1]:
        # Nothing above the leaves lines up.
        for offset in range(count):
            same = one.hash(0, places[0] + offset) == other.hash(0, places[1] + offset)
            yield offset, 1, same
        return
    start, end = places[0], places[0] + count
    top = min(one.top, other.top)
    for number in range(start >> (_BITS * top), ((end - 1) >> (_BITS * top)) + 1):
        for first, length, same in _walk(one, other, (top, number), range(start, end)):
            yield first - start, length, same


def _walk(one: Tiles, other: Tiles, node: tuple[int, int], wanted: range) -> Iterator[tuple[int, int, bool]]:
    """The leaves of the subtree `node` (level and number) that are wanted, as stretches."""
    level, number = node
    first = number << (_BITS * level)
    last = first + (1 << (_BITS * level))
    if last <= wanted.start or first >= wanted.stop:
        return
    mine = one.hash(level, number)
    same = mine is not None and mine == other.hash(level, number)
    if same or level == 0:
        begin = max(first, wanted.start)
        yield begin, min(last, wanted.stop) - begin, same
        return
    for child in range(number << _BITS, (number + 1) << _BITS):
        yield from _walk(one, other, (level - 1, child), wanted)
