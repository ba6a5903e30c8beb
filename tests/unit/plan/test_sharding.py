"""Cutting rows into shards and quotas, as arithmetic that always comes out exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.contracts import Quota
from mintage.errors import SpecError
from mintage.plan import make_shard, plan_quotas, planned_batches, shard_count, slice_rows


@given(rows=st.integers(1, 10**15), shard_rows=st.integers(1, 10**8))
def test_enough_shards_and_not_one_more(rows: int, shard_rows: int) -> None:
    shards = shard_count(rows, shard_rows)
    assert (shards - 1) * shard_rows < rows <= shards * shard_rows


@given(rows=st.integers(0, 10**12), slices=st.integers(1, 500))
def test_slices_sum_to_the_rows_and_differ_by_one_at_most(rows: int, slices: int) -> None:
    sizes = [slice_rows(rows, index, slices) for index in range(slices)]
    assert sum(sizes) == rows
    assert max(sizes) - min(sizes) <= 1


@given(rows=st.integers(1, 10**6), batch_rows=st.integers(1, 10**5))
def test_planned_batches_are_the_fewest_that_fit(rows: int, batch_rows: int) -> None:
    batches = list(planned_batches(rows, batch_rows))
    assert sum(batches) == rows
    assert max(batches) <= batch_rows
    assert len(batches) == shard_count(rows, batch_rows)


@given(counts=st.lists(st.integers(1, 10**6), min_size=1, max_size=5), shards=st.integers(1, 50))
def test_every_quota_comes_out_exact_over_the_shards(counts: list[int], shards: int) -> None:
    quotas = [Quota(rows=rows, fixed={"k": position}) for position, rows in enumerate(counts)]
    made = dict.fromkeys(range(len(counts)), 0)
    for index in range(shards):
        for quota in make_shard(index, quotas=quotas, shards=shards, seed=1, batch_rows=10).quotas:
            position = quota.fixed["k"]
            assert isinstance(position, int)
            made[position] += quota.rows
    assert list(made.values()) == counts


def test_conditions_take_their_rows_and_the_rest_is_free() -> None:
    quotas = plan_quotas(100, [({"sex": "F"}, 30)])
    assert [(quota.rows, dict(quota.fixed)) for quota in quotas] == [(30, {"sex": "F"}), (70, {})]


def test_shares_that_leave_something_over_leave_it_to_all_other_values() -> None:
    fraud, rest = plan_quotas(1000, balance=("fraud", [(True, 0.25)]))
    assert (fraud.rows, dict(fraud.fixed)) == (250, {"fraud": True})
    assert (rest.rows, dict(rest.excluded)) == (750, {"fraud": (True,)})


@given(
    rows=st.integers(1, 10**15),
    weights=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=20),
)
def test_balance_is_exact_for_any_number_of_rows(rows: int, weights: list[float]) -> None:
    shares = [(position, weight / sum(weights)) for position, weight in enumerate(weights)]
    quotas = plan_quotas(rows, balance=("k", shares))
    assert sum(quota.rows for quota in quotas) == rows
    for quota in quotas:
        position = quota.fixed["k"]
        assert isinstance(position, int)
        assert abs(quota.rows - rows * shares[position][1]) <= 1 + rows * 1e-9


def test_conditions_for_more_rows_than_there_are_say_both_numbers() -> None:
    with pytest.raises(SpecError, match="conditions ask for 30 rows, but rows is 20"):
        plan_quotas(20, [({"sex": "F"}, 30)])
