"""The Merkle tree of RFC 9162, kept as tiles in the layout of C2SP tlog-tiles.

A tile holds up to 256 hashes of one level: tile N of level L holds the roots of the complete subtrees
of 256**L leaves each, from number 256 * N on. To check one leaf of millions takes three tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mintage.errors import ProvenanceError

TILE_WIDTH = 256
HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tile(NamedTuple):
    """One tile: `width` hashes of 32 bytes each; fewer than 256 only at the right edge."""

    level: int
    number: int
    hashes: bytes

    @property
    def path(self) -> str:
        """Where it lies, relative to the folder of the tree."""
        return tile_path(self.level, self.number, len(self.hashes) // HASH_BYTES)


class MerkleTree:
    r"""Grows leaf by leaf; keeps only the right edge, at most 256 hashes for each tile level.

    `on_tile` gets every full tile when it is complete, and from `finish` the partial ones.

    >>> tree = MerkleTree()
    >>> for leaf in (b"", b"\x00"):
    ...     tree.append(leaf_hash(leaf))
    >>> tree.size, tree.root().hex()[:16]
    (2, 'fac54203e7cc696c')
    """

    def __init__(self, on_tile: Callable[[Tile], None] | None = None) -> None:
        self.size = 0
        self._on_tile = on_tile
        self._edge: list[list[bytes]] = [[]]  # of each tile level, the hashes of its last, unfinished tile

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf (32 bytes, from `leaf_hash`)."""
        self.size += 1
        edge = self._edge[0]
        edge.append(leaf)
        if len(edge) == TILE_WIDTH:
            self._complete(0)

    def root(self) -> bytes:
        """The root of the leaves so far."""
        peaks = [peak for edge in reversed(self._edge) for peak in _peaks(edge)]
        if not peaks:
            return EMPTY_ROOT
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root

    def finish(self) -> None:
        """Hand the partial tiles at the right edge to `on_tile`."""
        for level, edge in enumerate(self._edge):
            if edge:
                self._emit(level, edge)

    def _complete(self, level: int) -> None:
        """Hand out a full tile, and carry its root to the level above."""
        edge = self._edge[level]
        self._emit(level, edge)
        root = _perfect_root(edge)
        edge.clear()
        if level + 1 == len(self._edge):
            self._edge.append([])
        self._edge[level + 1].append(root)
        if len(self._edge[level + 1]) == TILE_WIDTH:
            self._complete(level + 1)

    def _emit(self, level: int, edge: list[bytes]) -> None:
        if self._on_tile is not None:
            number = ((self.size - 1) >> (8 * level)) // TILE_WIDTH
            self._on_tile(Tile(level, number, b"".join(edge)))


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """The path of a tile: three digits a step, `x` before all but the last, `.p/<width>` if partial.

    >>> tile_path(0, 1234067), tile_path(1, 3, 17)
    ('tile/0/x001/x234/067', 'tile/1/003.p/17')
    """
    steps = [f"{number % 1000:03d}"]
    while number := number // 1000:
        steps.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(steps)}{partial}"


class TileReader:
    """Hashes of a tree of `size` leaves, read from its tiles.

    `fetch` returns the bytes of a tile by its path. What it returns is trusted only as far as a proof
    made from it verifies against a signed root.
    """

    def __init__(self, fetch: Callable[[str], bytes], size: int) -> None:
        self._fetch = fetch
        self._tiles: dict[str, bytes] = {}
        self.size = size

    def range_hash(self, start: int, end: int) -> bytes:
        """The root of the leaves `start` to `end - 1`, where `start` begins a subtree of RFC 9162."""
        count = end - start
        if count & (count - 1) == 0 and start % count == 0:
            return self._node(count.bit_length() - 1, start // count)
        split = _split(count)
        return node_hash(self.range_hash(start, start + split), self.range_hash(start + split, end))

    def _node(self, height: int, number: int) -> bytes:
        """The complete subtree of 2**height leaves that begins at leaf number * 2**height."""
        level, up = divmod(height, 8)
        first, count = number << up, 1 << up
        tile = self._tile(level, first // TILE_WIDTH)
        start = first % TILE_WIDTH
        hashes = [tile[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(start, start + count)]
        return _perfect_root(hashes)

    def _tile(self, level: int, number: int) -> bytes:
        width = min(TILE_WIDTH, (self.size >> (8 * level)) - number * TILE_WIDTH)
        path = tile_path(level, number, width)
        if path not in self._tiles:
            data = self._fetch(path)
            if len(data) != width * HASH_BYTES:
                raise ProvenanceError(f"{path} has {len(data)} bytes where {width * HASH_BYTES} are expected")
            self._tiles[path] = data
        return self._tiles[path]


def inclusion_proof(tiles: TileReader, index: int) -> list[bytes]:
    """The proof that leaf `index` is in the tree, from the leaf upwards (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < tiles.size:
        raise ProvenanceError(f"there is no leaf {index} in a tree of {tiles.size}")
    proof: list[bytes] = []
    start, end = 0, tiles.size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(tiles.range_hash(middle, end))
            end = middle
        else:
            proof.append(tiles.range_hash(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(tiles: TileReader, old_size: int) -> list[bytes]:
    """The proof that the first `old_size` leaves are an older tree, unchanged (RFC 9162, 2.1.4.1)."""
    if not 0 < old_size <= tiles.size:
        raise ProvenanceError(f"a tree of {tiles.size} leaves cannot have grown from one of {old_size}")
    proof: list[bytes] = []
    start, end, whole = 0, tiles.size, True
    while end > old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            proof.append(tiles.range_hash(middle, end))
            end = middle
        else:
            proof.append(tiles.range_hash(start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(tiles.range_hash(start, end))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the hash `leaf` is number `index` of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, hash_ = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            hash_ = node_hash(step, hash_)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            hash_ = node_hash(hash_, step)
        position, last = position >> 1, last >> 1
    return last == 0 and hash_ == root


def verify_consistency(
    old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the older tree is the beginning of the newer (RFC 9162, 2.1.4.2)."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    steps = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not steps:
        return False
    position, last = old_size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    older = newer = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            newer = node_hash(newer, step)
        position, last = position >> 1, last >> 1
    return last == 0 and older == old_root and newer == root


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _perfect_root(hashes: Sequence[bytes]) -> bytes:
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def _peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """The roots of the largest complete subtrees that these hashes fall into, left to right."""
    peaks = []
    start = 0
    while start < len(hashes):
        count = 1 << ((len(hashes) - start).bit_length() - 1)
        peaks.append(_perfect_root(hashes[start : start + count]))
        start += count
    return peaks
