"""The features that classifiers see."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from mintage.evaluation.features import plan_features
from mintage.evaluation.options import Options
from mintage.evaluation.tables import Tables, align


def tables(real: dict[str, list[object]], synthetic: dict[str, list[object]] | None = None) -> Tables:
    return align(pa.table(real), pa.table(synthetic or real), None, Options())


def dense(aligned: Tables) -> npt.NDArray[np.float32]:
    matrix: npt.NDArray[np.float32] = plan_features(aligned.all).matrix(aligned.real).toarray()
    return matrix


def test_numbers_keep_their_differences_and_lose_the_real_median() -> None:
    aligned = tables({"n": [1.0, 2.0, 6.0]}, {"n": [100.0, 2.0, 3.0]})
    design = plan_features(aligned.all)
    assert design.matrix(aligned.real).toarray().tolist() == [[-1], [0], [4]]
    assert design.matrix(aligned.synthetic).toarray().tolist() == [[98], [0], [1]]


def test_a_level_is_a_feature_and_missing_is_a_level() -> None:
    aligned = tables({"c": ["b", None, "a"]}, {"c": ["a", "new", "a"]})
    design = plan_features(aligned.all)
    assert design.width == 4  # a, b, new, missing
    assert design.matrix(aligned.real).toarray().tolist() == [[0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    assert design.matrix(aligned.synthetic).toarray()[1].tolist() == [0, 0, 1, 0]


def test_a_missing_number_is_nan_and_has_a_feature_that_says_so() -> None:
    aligned = tables({"n": [1.0, None, 3.0], "m": [1.0, 2.0, 3.0]})
    design = plan_features(aligned.all)
    np.testing.assert_array_equal(
        dense(aligned), np.array([[-1, 0, -1], [np.nan, 1, 0], [1, 0, 1]], np.float32)
    )
    assert design.indicators.tolist() == [False, True, False]


def test_an_indicator_is_there_when_only_the_other_table_lacks_values() -> None:
    aligned = tables({"n": [1.0, 2.0]}, {"n": [1.0, None]})
    assert dense(aligned).shape == (2, 2)


def test_zeros_are_held_so_that_they_are_not_taken_for_missing() -> None:
    aligned = tables({"n": [5.0, 5.0, 7.0]})
    assert plan_features(aligned.all).matrix(aligned.real).nnz == 3


def test_dates_a_second_apart_stay_apart() -> None:
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    days: list[object] = [start + dt.timedelta(seconds=each) for each in range(5)]
    assert len(np.unique(dense(tables({"t": days})))) == 5


def test_numbers_that_float32_cannot_hold_are_cut_to_its_range() -> None:
    assert np.isfinite(dense(tables({"n": [-1e300, 0.0, 1e300]}))).all()


def test_columns_with_the_most_levels_become_ranks_by_frequency() -> None:
    aligned = tables({"few": ["x", "y", "x", "x"], "many": ["c", "a", "a", None]}, None)
    design = plan_features(aligned.all, one_hot=2)
    assert design.ranked == ("many",)
    np.testing.assert_array_equal(
        design.matrix(aligned.real).toarray()[:, 2:],
        np.array([[1, 0], [0, 0], [0, 0], [np.nan, 1]], np.float32),
    )


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_one_hot_features_keep_to_their_limit(limit: int) -> None:
    aligned = tables({"a": ["x", "y", "x"], "b": ["p", "q", "r"], "c": ["k", "k", "k"]})
    design = plan_features(aligned.all, one_hot=limit)
    assert sum(each.width for each in design.encodings if each.form == "levels") <= limit


def test_gains_are_added_up_by_column() -> None:
    aligned = tables({"n": [1.0, None, 3.0], "c": ["a", "b", "a"]})
    shares = plan_features(aligned.all).by_column(np.array([1.0, 2.0, 4.0, 1.0]))
    assert [(each.name, each.importance) for each in shares] == [("c", 5 / 8), ("n", 3 / 8)]


def test_no_gain_is_no_importance() -> None:
    aligned = tables({"n": [1.0, 2.0, 3.0]})
    assert plan_features(aligned.all).by_column(np.zeros(1)) == []


def test_columns_can_be_left_out() -> None:
    aligned = tables({"n": [1.0, 2.0], "c": ["a", "b"]})
    design = plan_features(aligned.all, ("c",))
    assert [each.column for each in design.encodings] == ["n"]


def test_a_column_that_is_always_missing_harms_nothing() -> None:
    aligned = tables({"n": [None, None], "m": [1.0, 2.0]})
    assert np.nansum(dense(aligned)) == pytest.approx(2.0)
