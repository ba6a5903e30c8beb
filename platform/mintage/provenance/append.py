"""The proof that a version begins with the very shards of an older one (RFC 9162, 2.1.4)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from mintage.errors import ProvenanceError
from mintage.provenance.digests import Digest, digest_from_raw, raw_digest
from mintage.provenance.merkle import TileReader, consistency_proof, verify_consistency
from mintage.provenance.records import Count

MAX_PROOF = 128
"""Hashes in a consistency proof: two for each level of the tallest tree."""


class Append(BaseModel):
    """What a version was appended to: the older tree, and why the newer one begins with it."""

    model_config = ConfigDict(frozen=True)

    size: Annotated[Count, Field(ge=1)]
    root: Digest
    proof: Annotated[list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]], Field(max_length=MAX_PROOF)]
    """Hashes in hexadecimal, in the order of RFC 9162."""

    @classmethod
    def prove(cls, tiles: TileReader, size: int, root: str) -> Self:
        """The proof that the tree in `tiles` begins with the older one.

        Raises `ProvenanceError` when it does not: the older shards are not those that were signed.
        """
        if size > tiles.size:
            raise ProvenanceError(f"a tree of {tiles.size} shards cannot begin with one of {size}")
        proof = cls(size=size, root=root, proof=[step.hex() for step in consistency_proof(tiles, size)])
        if not proof.holds(tiles.size, digest_from_raw(tiles.range_hash(0, tiles.size))):
            raise ProvenanceError(
                f"the first {size} shards are not those with the root {root} that were signed",
                "the older version was altered: verify the data set, and restore what differs",
            )
        return proof

    def holds(self, size: int, root: str) -> bool:
        """Whether a tree of `size` shards with that root begins with the older one."""
        steps = [bytes.fromhex(step) for step in self.proof]
        return verify_consistency(self.size, raw_digest(self.root), size, raw_digest(root), steps)
