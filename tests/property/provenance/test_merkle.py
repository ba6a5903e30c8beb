from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.provenance.merkle import (
    MerkleTree,
    Tile,
    TileReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

MOST = 1000
HASHES = [leaf_hash(number.to_bytes(4)) for number in range(MOST)]


def definition(hashes: list[bytes]) -> bytes:
    """The root as RFC 9162 defines it: by recursion, with all leaves in memory."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256().digest()
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + definition(hashes[:split]) + definition(hashes[split:])).digest()


def grow(size: int) -> tuple[bytes, TileReader]:
    tiles: dict[str, bytes] = {}

    def keep(tile: Tile) -> None:
        tiles[tile.path] = tile.hashes

    tree = MerkleTree(keep)
    for hash_ in HASHES[:size]:
        tree.append(hash_)
    tree.finish()
    return tree.root(), TileReader(tiles.__getitem__, size)


SIZES = st.integers(1, MOST) | st.sampled_from([1, 2, 255, 256, 257, 511, 512, 513, 768])


@settings(max_examples=60)
@given(size=SIZES)
def test_the_root_is_the_one_of_the_definition(size: int) -> None:
    assert grow(size)[0] == definition(HASHES[:size])


@settings(max_examples=60)
@given(size=SIZES, data=st.data())
def test_every_leaf_has_a_proof_that_holds_for_it_alone(size: int, data: st.DataObject) -> None:
    root, tiles = grow(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(tiles, index)
    assert len(proof) <= (size - 1).bit_length()
    assert verify_inclusion(HASHES[index], index, size, proof, root)
    other = data.draw(st.integers(0, size))
    if other != index:
        assert not verify_inclusion(HASHES[index], other, size, proof, root)
        assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, root)


@settings(max_examples=60)
@given(size=SIZES, data=st.data())
def test_every_older_tree_is_proved_to_be_the_beginning(size: int, data: st.DataObject) -> None:
    root, tiles = grow(size)
    old_size = data.draw(st.integers(1, size))
    proof = consistency_proof(tiles, old_size)
    old_root = definition(HASHES[:old_size])
    assert verify_consistency(old_size, old_root, size, root, proof)
    assert not verify_consistency(old_size, leaf_hash(b"other"), size, root, proof)
    assert not verify_consistency(old_size, old_root, size, leaf_hash(b"other"), proof)


def mutated(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """The proof with one step flipped, doubled, added, removed, or two exchanged."""
    place = data.draw(st.integers(0, max(len(proof) - 1, 0)))
    kind = data.draw(st.sampled_from(["flip", "drop", "double", "append", "prepend", "swap"]))
    some = data.draw(st.binary(min_size=32, max_size=32))
    if kind == "append":
        return [*proof, some]
    if kind == "prepend" or not proof:
        return [some, *proof]
    if kind == "flip":
        bit = data.draw(st.integers(0, 255))
        flipped = (int.from_bytes(proof[place]) ^ (1 << bit)).to_bytes(32)
        return [*proof[:place], flipped, *proof[place + 1 :]]
    if kind == "drop":
        return [*proof[:place], *proof[place + 1 :]]
    if kind == "double":
        return [*proof[:place], proof[place], *proof[place:]]
    return [*proof[place:], *proof[:place]]


@settings(max_examples=150)
@given(size=st.integers(2, 300), data=st.data())
def test_a_mutated_proof_never_holds(size: int, data: st.DataObject) -> None:
    root, tiles = grow(size)
    index, old_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    inclusion, consistency = inclusion_proof(tiles, index), consistency_proof(tiles, old_size)
    bad = mutated(inclusion, data)
    if bad != inclusion:
        assert not verify_inclusion(HASHES[index], index, size, bad, root)
    bad = mutated(consistency, data)
    if bad != consistency:
        assert not verify_consistency(old_size, definition(HASHES[:old_size]), size, root, bad)
