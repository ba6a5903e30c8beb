"""Streams of randomness: keyed, and not overlapping."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.contracts import FitContext
from mintage.contracts.seeds import MAX_SEED, fit_rng, sample_rng

seeds = st.integers(0, MAX_SEED)
ordinals = st.integers(0, 2**31 - 1)


@given(seeds, ordinals, ordinals)
def test_a_key_names_one_stream(seed: int, shard: int, batch: int) -> None:
    first, second = sample_rng(seed, shard, batch), sample_rng(seed, shard, batch)
    assert first.integers(0, 2**63, 8).tolist() == second.integers(0, 2**63, 8).tolist()


@given(st.lists(st.tuples(seeds, ordinals, ordinals), min_size=2, max_size=6, unique=True))
def test_different_keys_name_different_streams(keys: list[tuple[int, int, int]]) -> None:
    drawn = {tuple(sample_rng(*key).integers(0, 2**63, 4).tolist()) for key in keys}
    assert len(drawn) == len(keys)


def test_neighbours_in_a_grid_share_no_number() -> None:
    keys = list(product(range(8), range(8), range(8)))
    numbers = np.concatenate([sample_rng(*key).integers(0, 2**63, 64) for key in keys])
    assert len(np.unique(numbers)) == len(numbers)


def test_fitting_and_sampling_use_other_streams() -> None:
    assert fit_rng(7).random() != sample_rng(7, 0, 0).random()
    assert FitContext(seed=7).rng().random() == fit_rng(7).random()


def test_numpy_integers_name_the_same_stream_as_plain_ones() -> None:
    assert sample_rng(7, np.int64(3), np.int64(1)).random() == sample_rng(7, 3, 1).random()  # type: ignore[arg-type]  # numpy's count as integers


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ((0, 0, 0), 5743636790977798049),
        ((7, 3, 1), 14309400147456988375),
        ((MAX_SEED, 2**31 - 1, 0), 3781118386363085033),
    ],
    ids=["zero", "ordinary", "largest"],
)
def test_the_streams_stay_what_they_were(key: tuple[int, int, int], first: int) -> None:
    assert sample_rng(*key).bit_generator.random_raw() == first
