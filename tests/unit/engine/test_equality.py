"""What a shard that was minted again keeps of a claim: its rows, and what was counted of them."""

from __future__ import annotations

import pytest

from mintage.contracts import Determinism
from mintage.engine.equality import ShardEquality, TableEquality


def shard(*tables: tuple[Determinism, tuple[str, ...]]) -> ShardEquality:
    return ShardEquality(
        shard=0,
        tables=tuple(
            TableEquality(
                table=str(n), equality=equality, rows=1, rows_signed=1, content="sha256:", differs=differs
            )
            for n, (equality, differs) in enumerate(tables)
        ),
    )


def test_a_shard_is_as_equal_as_its_least_equal_table() -> None:
    found = shard((Determinism.BYTES, ()), (Determinism.CLOSE, ("content",)), (Determinism.CONTENT, ()))
    assert found.equality is Determinism.CLOSE


@pytest.mark.parametrize(
    ("equality", "differs", "kept"),
    [
        (Determinism.BYTES, (), {"bytes", "content", "close", "statistical", "none"}),
        (Determinism.CONTENT, ("sha256", "bytes"), {"content", "close", "statistical", "none"}),
        (Determinism.BYTES, ("verdicts",), {"close", "statistical", "none"}),
        (Determinism.CLOSE, ("content", "statistics"), {"close", "statistical", "none"}),
        (Determinism.NONE, ("rows",), {"none"}),
    ],
    ids=["bytes", "other encoding", "counted otherwise", "close", "none"],
)
def test_a_claim_is_kept_by_what_is_at_least_as_equal(
    equality: Determinism, differs: tuple[str, ...], kept: set[str]
) -> None:
    found = shard((Determinism.BYTES, ()), (equality, differs))
    assert {claim.value for claim in Determinism if found.keeps(claim)} == kept
