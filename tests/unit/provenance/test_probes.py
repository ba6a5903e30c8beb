"""Which shards are minted again: known when all are committed, and the same for whoever asks."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.provenance.digests import digest_of
from mintage.provenance.probes import choose_probes, root_of
from mintage.provenance.records import CommitRecord
from tests.unit.provenance.conftest import Minter


@given(
    root=st.binary().map(digest_of),
    shards=st.integers(1, 300),
    first=st.integers(0, 50),
    count=st.integers(0, 20),
)
def test_as_many_different_shards_are_chosen_as_there_can_be(
    root: str, shards: int, first: int, count: int
) -> None:
    chosen = choose_probes(root, range(first, first + shards), count)
    assert len(chosen) == len(set(chosen)) == min(count, shards)
    assert set(chosen) <= set(range(first, first + shards))
    assert chosen == choose_probes(root, range(first, first + shards), count)


def test_the_choice_is_as_the_format_says() -> None:
    root = digest_of(b"a root")
    first = hashlib.sha256(b"mintage-audit/1" + bytes.fromhex(root[7:]) + bytes(8)).digest()
    assert choose_probes(root, range(1000), 1) == [int.from_bytes(first, "big") % 1000]


def test_every_shard_can_be_chosen_and_none_is_preferred() -> None:
    chosen = [choose_probes(digest_of(str(n).encode()), range(10), 1)[0] for n in range(1000)]
    assert min(chosen.count(shard) for shard in range(10)) > 60


def test_the_root_is_that_of_the_version(minted: Minter) -> None:
    commits = [
        CommitRecord.from_bytes(minted.store.read(f"_mintage/commits/{index:06d}.json", max_bytes=10**6))
        for index in range(minted.shards)
    ]
    assert root_of(iter(commits)) == minted.attest().root


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1)], ids=str)
def test_the_root_depends_on_the_order(minted: Minter, order: tuple[int, ...]) -> None:
    commits = [
        CommitRecord.from_bytes(minted.store.read(f"_mintage/commits/{index:06d}.json", max_bytes=10**6))
        for index in range(minted.shards)
    ]
    assert root_of(commits[index] for index in order) != root_of(commits)
