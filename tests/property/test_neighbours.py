"""The search for neighbours finds what comparing all pairs finds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.evaluation.privacy.neighbours import nearest
from mintage.evaluation.privacy.space import Points

_GRIDS = (0, 2, 64)  # numbers with many ties, with some, and with none


def _points(
    rng: np.random.Generator, rows: int, numbers: int, codes: int, *, grid: int, scale: float
) -> Points:
    values = rng.random((rows, numbers)) * scale - 0.3 * (scale > 1)
    if grid:
        values = np.round(values * grid) / grid
    levels = rng.integers(-1, int(rng.choice([2, 9, 400])), (rows, codes))
    return Points(numbers=values, codes=levels.astype(np.int32), mismatch=2.0)


def _all_pairs(queries: Points, reference: Points) -> npt.NDArray[np.float64]:
    numbers = np.abs(queries.numbers[:, None] - reference.numbers[None]).sum(axis=2)
    differ = (queries.codes[:, None] != reference.codes[None]).sum(axis=2)
    return np.asarray(numbers + queries.mismatch * differ, np.float64)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    queries=st.integers(0, 300),
    reference=st.integers(1, 1500),
    numbers=st.integers(0, 12),
    codes=st.integers(0, 12),
    grid=st.sampled_from(_GRIDS),
    scale=st.sampled_from([0.01, 1.0, 5.0]),
    k=st.integers(1, 4),
)
def test_distances_and_rows_are_those_of_all_pairs(
    *,
    seed: int,
    queries: int,
    reference: int,
    numbers: int,
    codes: int,
    grid: int,
    scale: float,
    k: int,
) -> None:
    if numbers + codes == 0:
        return
    rng = np.random.default_rng(seed)
    asked = _points(rng, queries, numbers, codes, grid=grid, scale=scale)
    known = _points(rng, reference, numbers, codes, grid=grid, scale=scale)
    found = nearest(asked, known, k=k)
    pairs = _all_pairs(asked, known)
    expected = np.sort(pairs, axis=1)[:, :k]
    have = expected.shape[1]
    np.testing.assert_allclose(found.distances[:, :have], expected, rtol=0, atol=1e-9)
    assert np.isinf(found.distances[:, have:]).all()
    assert (found.rows[:, have:] == -1).all()
    named = np.take_along_axis(pairs, found.rows[:, :have], axis=1)
    np.testing.assert_allclose(named, expected, rtol=0, atol=1e-9)


def test_neighbours_are_found_over_many_leaves_whatever_the_number_of_threads() -> None:
    rng = np.random.default_rng(3)
    factors = rng.normal(size=(3, 8))

    def related(rows: int) -> Points:
        values = rng.normal(size=(rows, 3)) @ factors + 0.1 * rng.normal(size=(rows, 8))
        return Points(numbers=values[:, :4] / 8, codes=np.floor(values[:, 4:]).astype(np.int32), mismatch=2.0)

    asked, known = related(700), related(9000)
    one, three = nearest(asked, known, threads=1), nearest(asked, known, threads=3)
    np.testing.assert_allclose(one.distances, np.sort(_all_pairs(asked, known), axis=1)[:, :2], atol=1e-9)
    np.testing.assert_array_equal(one.rows, three.rows)


def test_the_rows_that_are_found_for_one_query_are_different_ones() -> None:
    rng = np.random.default_rng(4)
    known = _points(rng, 2000, 2, 2, grid=2, scale=1.0)
    rows = nearest(known.take(np.arange(200)), known, k=3).rows
    assert all(len(set(found)) == 3 for found in rows.tolist())
