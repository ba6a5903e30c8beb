"""Shards and the requests that they make."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.contracts import KEYS_PER_SHARD, Quota, SampleRequest, Shard
from mintage.contracts.seeds import MAX_SEED, sample_rng

REQUEST = SampleRequest(seed=7, shard=3, batch=1, rows=10, first_key=3 * KEYS_PER_SHARD)


@given(st.lists(st.integers(0, 10**9), max_size=8))
def test_a_shard_holds_what_its_quotas_add_up_to(rows: list[int]) -> None:
    shard = Shard(index=0, quotas=tuple(Quota(rows=n) for n in rows), seed=0, batch_rows=100)
    assert shard.rows == sum(rows)


def test_a_quota_and_a_request_have_no_conditions_of_their_own() -> None:
    assert Quota(rows=1) == Quota(rows=1, fixed={}, excluded={})
    assert (dict(REQUEST.fixed), dict(REQUEST.excluded)) == ({}, {})


def test_the_default_conditions_cannot_be_changed_for_everybody() -> None:
    other = pickle.loads(pickle.dumps(SampleRequest(seed=7, shard=3, batch=1, rows=10, first_key=0)))
    other.fixed["channel"] = "web"
    assert dict(SampleRequest(seed=7, shard=3, batch=1, rows=10, first_key=0).fixed) == {}
    with pytest.raises(FrozenInstanceError):
        REQUEST.rows = 11  # type: ignore[misc]  # that is the point


def test_a_request_draws_from_the_stream_of_its_batch() -> None:
    assert REQUEST.rng().integers(0, 2**63, 5).tolist() == sample_rng(7, 3, 1).integers(0, 2**63, 5).tolist()
    assert REQUEST.rng().random() == REQUEST.rng().random(), "each call starts the stream anew"


@pytest.mark.parametrize("other", [{"seed": 8}, {"shard": 4}, {"batch": 2}], ids=str)
def test_seed_shard_and_batch_each_give_another_stream(other: dict[str, Any]) -> None:
    assert replace(REQUEST, **other).rng().random() != REQUEST.rng().random()


@pytest.mark.parametrize(
    "other",
    [{"rows": 11}, {"first_key": 0}, {"fixed": {"channel": "web"}}],
    ids=["rows", "first_key", "fixed"],
)
def test_the_stream_is_keyed_by_nothing_else(other: dict[str, Any]) -> None:
    assert replace(REQUEST, **other).rng().random() == REQUEST.rng().random()


@given(st.integers(0, MAX_SEED), st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_a_torch_seed_is_in_the_range_that_torch_takes(seed: int, shard: int, batch: int) -> None:
    request = SampleRequest(seed=seed, shard=shard, batch=batch, rows=1, first_key=0)
    assert 0 <= request.torch_seed() < 2**63
    assert request.torch_seed() == request.torch_seed()
