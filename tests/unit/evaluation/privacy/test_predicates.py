from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mintage.evaluation.options import Options
from mintage.evaluation.privacy.predicates import Predicates, count_matches, is_single, rank_columns
from mintage.evaluation.privacy.singling_out import (
    rank_tables,
    single_out_by_many,
    single_out_by_one,
    successes_at,
)
from mintage.evaluation.tables import align
from tests.unit.evaluation.privacy.making import Population

TABLE = pa.table({"x": [1.0, 2.0, 2.0, None, 5.0], "c": ["a", "b", None, "b", "a"]})


def _predicate(columns: list[int], low: list[int], high: list[int], negated: list[bool]) -> Predicates:
    return Predicates(
        columns=np.array([columns]),
        low=np.array([low], np.int32),
        high=np.array([high], np.int32),
        negated=np.array([negated]),
    )


@pytest.mark.parametrize(
    ("predicate", "count"),
    [
        pytest.param(_predicate([0], [2], [2], [False]), 2, id="x = 2"),
        pytest.param(_predicate([0], [2], [2], [True]), 2, id="x != 2, missing is not"),
        pytest.param(_predicate([0], [1], [2], [False]), 3, id="x <= 2"),
        pytest.param(_predicate([0], [3], [2**31 - 1], [False]), 1, id="x >= 5"),
        pytest.param(_predicate([0], [0], [0], [False]), 1, id="x is missing"),
        pytest.param(_predicate([0, 1], [1, 2], [2, 2], [False, False]), 1, id="x <= 2 and c = b"),
        pytest.param(_predicate([0, 1], [1, 2], [3, 2], [False, True]), 2, id="x known and c != b"),
        pytest.param(_predicate([0], [9], [2**31 - 1], [False]), 0, id="x above all"),
    ],
)
def test_predicates_are_counted(predicate: Predicates, count: int) -> None:
    ranks = rank_columns(align(TABLE, TABLE, None, Options()))[0]
    assert count_matches(predicate, ranks).tolist() == [count]
    assert is_single(predicate, ranks).tolist() == [count == 1]


def test_what_is_single_among_early_rows_is_still_compared_with_the_others() -> None:
    ranks = np.full((1, 10_000), 1, np.int32)
    ranks[0, [0, 9_999]] = 2
    ranks[0, 1] = 3
    both = Predicates(
        columns=np.zeros((2, 1), np.int64),
        low=np.array([[2], [3]], np.int32),
        high=np.array([[2], [3]], np.int32),
        negated=np.zeros((2, 1), np.bool_),
    )
    assert is_single(both, ranks).tolist() == [False, True]


def test_rows_are_taken_once_and_unique_values_single_them_out() -> None:
    rng = np.random.default_rng(0)
    train = pa.table({"x": np.repeat(np.arange(200.0), 2), "c": ["a"] * 400})
    holdout = pa.table({"x": rng.normal(size=400), "c": ["a"] * 400})
    ranked = rank_tables(align(train, train, holdout, Options()))
    assert ranked.real.shape == (2, 200)
    found = single_out_by_one(ranked, attempts=100, seed=0)
    assert found is not None
    assert found.success.value > 0.95


def test_expected_successes_on_a_smaller_table_are_those_of_random_parts() -> None:
    rng = np.random.default_rng(0)
    matches = rng.integers(0, 30, 500)
    expected = successes_at(matches, 1000, 400)
    drawn = [(rng.hypergeometric(matches, 1000 - matches, 400) == 1).sum() for _ in range(300)]
    assert expected == pytest.approx(np.mean(drawn), rel=0.02)


@pytest.mark.parametrize("held_out", [400, 6000], ids=["small", "large"])
def test_a_holdout_of_another_size_makes_no_risk_where_there_is_none(held_out: int) -> None:
    people = Population()
    tables = align(people.draw(2000, 0), people.draw(2000, 1), people.draw(held_out, 2), Options())
    ranked = rank_tables(tables)
    for found in (
        single_out_by_one(ranked, attempts=2000, seed=0),
        single_out_by_many(ranked, attempts=2000, seed=0),
    ):
        assert found is not None
        assert found.risk is not None
        assert found.risk.low == 0
        assert found.detail["rows"] == min(2000, held_out)
