from __future__ import annotations

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.merkle import (
    EMPTY_ROOT,
    MerkleTree,
    Tile,
    TileReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tile_path,
    verify_consistency,
    verify_inclusion,
)

# The vectors of the Certificate Transparency reference implementation (merkle_tree_test).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (leaf counted from 1, size, path)
PATHS = [
    (1, 1, []),
    (
        1, 8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6, 8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (3, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
]  # fmt: skip
CONSISTENCY = [
    (1, 1, []),
    (
        1, 8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6, 8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]  # fmt: skip


def grow(leaves: list[bytes]) -> tuple[MerkleTree, dict[str, bytes]]:
    tiles: dict[str, bytes] = {}

    def keep(tile: Tile) -> None:
        assert tile.path not in tiles
        tiles[tile.path] = tile.hashes

    tree = MerkleTree(keep)
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    tree.finish()
    return tree, tiles


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_the_reference_implementation_come_out(size: int) -> None:
    assert grow(LEAVES[:size])[0].root().hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_root_of_rfc_9162() -> None:
    assert MerkleTree().root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex().startswith("e3b0c442")


@pytest.mark.parametrize(("leaf", "size", "path"), PATHS, ids=lambda value: str(value)[:8])
def test_the_inclusion_proofs_of_the_reference_implementation_come_out(
    leaf: int, size: int, path: list[str]
) -> None:
    reader = TileReader(grow(LEAVES[:size])[1].__getitem__, size)
    proof = inclusion_proof(reader, leaf - 1)
    assert [step.hex() for step in proof] == path
    assert verify_inclusion(
        leaf_hash(LEAVES[leaf - 1]), leaf - 1, size, proof, bytes.fromhex(ROOTS[size - 1])
    )


@pytest.mark.parametrize(("old", "size", "path"), CONSISTENCY, ids=lambda value: str(value)[:8])
def test_the_consistency_proofs_of_the_reference_implementation_come_out(
    old: int, size: int, path: list[str]
) -> None:
    reader = TileReader(grow(LEAVES[:size])[1].__getitem__, size)
    proof = consistency_proof(reader, old)
    assert [step.hex() for step in proof] == path
    assert verify_consistency(old, bytes.fromhex(ROOTS[old - 1]), size, bytes.fromhex(ROOTS[size - 1]), proof)


def test_the_tiles_of_a_large_tree_have_the_layout_of_tlog_tiles() -> None:
    size = 70_000
    _, tiles = grow([number.to_bytes(4) for number in range(size)])
    assert len(tiles) == 273 + 1 + 1 + 1 + 1
    assert {path: len(data) // 32 for path, data in tiles.items() if not path.startswith("tile/0/")} == {
        "tile/1/000": 256, "tile/1/001.p/17": 17, "tile/2/000.p/1": 1,
    }  # fmt: skip
    assert len(tiles["tile/0/273.p/112"]) == 112 * 32


def test_one_leaf_of_many_is_proved_with_few_tiles() -> None:
    size = 70_000
    tree, tiles = grow([number.to_bytes(4) for number in range(size)])
    fetched: list[str] = []

    def fetch(path: str) -> bytes:
        fetched.append(path)
        return tiles[path]

    index = 66_000
    proof = inclusion_proof(TileReader(fetch, size), index)
    assert verify_inclusion(leaf_hash(index.to_bytes(4)), index, size, proof, tree.root())
    # One tile for each level on the path, and the right edge of the lower ones.
    assert len(fetched) <= 5


def test_the_tree_keeps_only_its_right_edge() -> None:
    tree = MerkleTree()
    for number in range(70_000):
        tree.append(number.to_bytes(32))
    assert sum(len(edge) for edge in tree._edge) < 3 * 256


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 273, 112, "tile/0/273.p/112"),
        (2, 1000, 256, "tile/2/x001/000"),
        (1, 1_234_067, 5, "tile/1/x001/x234/067.p/5"),
    ],
)
def test_a_tile_is_named_as_c2sp_says(level: int, number: int, width: int, path: str) -> None:
    assert tile_path(level, number, width) == path


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int) -> None:
    reader = TileReader(grow(LEAVES[:3])[1].__getitem__, 3)
    with pytest.raises(ProvenanceError, match="no leaf"):
        inclusion_proof(reader, index)
    assert not verify_inclusion(leaf_hash(b""), index, 3, [], EMPTY_ROOT)


@pytest.mark.parametrize("old", [0, 4])
def test_there_is_no_proof_that_a_tree_has_shrunk(old: int) -> None:
    reader = TileReader(grow(LEAVES[:3])[1].__getitem__, 3)
    with pytest.raises(ProvenanceError, match="cannot have grown"):
        consistency_proof(reader, old)
    assert not verify_consistency(old, EMPTY_ROOT, 3, EMPTY_ROOT, [])


def test_a_tile_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ProvenanceError, match="32 bytes where 96 are expected"):
        inclusion_proof(TileReader({"tile/0/000.p/3": bytes(32)}.__getitem__, 3), 0)
