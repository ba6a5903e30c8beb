"""Which shards of a run are minted again before it is signed: nobody can know before all are committed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from mintage.provenance.digests import digest_from_raw, raw_digest
from mintage.provenance.merkle import MerkleTree, leaf_hash
from mintage.provenance.records import CommitRecord

_TAG = b"mintage-audit/1"


def root_of(commits: Iterable[CommitRecord]) -> str:
    """The Merkle root of the shard records in commits that come in order."""
    tree = MerkleTree()
    for commit in commits:
        tree.append(leaf_hash(commit.leaf))
    return digest_from_raw(tree.root())


def choose_probes(root: str, shards: Sequence[int], count: int) -> list[int]:
    """`count` of the shards, or all when there are fewer: a pure function of the root over all of them.

    Shard number `SHA-256("mintage-audit/1" || root || i) mod len(shards)` for i = 0, 1, …, each as eight
    bytes, leaving out those that came before. So a run that is resumed audits the same ones, and a
    worker that would cheat on one shard had to know the records of all others.

    >>> root = "sha256:" + "0" * 64
    >>> choose_probes(root, range(40), 3), choose_probes(root, range(2), 3)
    ([18, 37, 7], [0, 1])
    """
    if count >= len(shards):
        return list(shards)
    seed, chosen, number = _TAG + raw_digest(root), dict[int, None](), 0
    while len(chosen) < count:
        digest = hashlib.sha256(seed + number.to_bytes(8, "big")).digest()
        chosen[shards[int.from_bytes(digest, "big") % len(shards)]] = None
        number += 1
    return list(chosen)
