from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import pytest

from mintage.errors import SpecError
from mintage.provenance.scope import Sample, Scope, chance_to_escape, read_size


@pytest.mark.parametrize(
    ("asked", "size", "expected"),
    [("1%", 1000, 10), ("1%", 3, 1), ("100%", 7, 7), ("0.1%", 1_000_000, 1000), ("5", 10, 5), ("50", 10, 10)],
)
def test_a_size_is_a_share_or_a_number(asked: str, size: int, expected: int) -> None:
    assert read_size(asked, size) == expected


@pytest.mark.parametrize(
    "asked", ["", "0", "0%", "101%", "-1", "1.5", "one", "1e3", "%", "1%%", "٣", "9" * 30, "1_0", ".", "nan%"]
)
def test_another_size_is_refused(asked: str) -> None:
    with pytest.raises(SpecError, match="--sample"):
        read_size(asked, 10)


@pytest.mark.parametrize(
    "asked",
    [
        {"sample": "1%", "shard": 3},
        {"sample": "1%", "strict": True},
        {"shard": 0, "journal": Path("x")},
        {"seed": 3},
        {"sample": "1%", "seed": -1},
        {"sample": "1%", "seed": 2**64},
        {"sample": "nothing"},
    ],
    ids=str,
)
def test_a_scope_that_contradicts_itself_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        Scope(**asked)


def test_the_same_seed_draws_the_same_shards() -> None:
    one, other = Sample.draw(1000, "3%", 5), Sample.draw(1000, "3%", 5)
    assert one == other
    assert len(set(one.places)) == 30
    assert all(0 <= place < 1000 for place in one.places)
    assert one.places != Sample.draw(1000, "3%", 6).places


def test_without_a_seed_nobody_can_foresee_the_shards_but_the_seed_is_told() -> None:
    one, other = Sample.draw(10**6, "10", None), Sample.draw(10**6, "10", None)
    assert one.places != other.places
    assert Sample.draw(10**6, "10", one.seed) == one


@pytest.mark.parametrize("bad", range(1, 8))
@pytest.mark.parametrize("drawn", range(1, 8))
def test_the_chance_to_escape_is_that_of_counting(bad: int, drawn: int) -> None:
    samples = list(combinations(range(8), drawn))
    escaped = sum(all(one >= bad for one in sample) for sample in samples)
    assert chance_to_escape(8, bad, drawn) == pytest.approx(escaped / len(samples), abs=1e-12)


def test_the_chance_to_escape_is_exact_for_millions() -> None:
    size, bad, drawn = 1_000_000, 1000, 4600
    exact = Fraction(comb(size - bad, drawn), comb(size, drawn))
    assert chance_to_escape(size, bad, drawn) == pytest.approx(float(exact), rel=1e-9)
    assert chance_to_escape(size, bad, drawn) < 0.01 < chance_to_escape(size, bad, 4000)


def test_the_report_tells_the_chances_for_three_shares() -> None:
    told = Sample.draw(10_000, "1%", 1).to_json()
    assert told["shards"] == 100
    assert set(told["escapes"]) == {"0.001", "0.01", "0.1"}  # type: ignore[call-overload]
