"""Linkability, inference and the metric, on tables small enough to see the answer."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import Semantics
from mintage.evaluation.options import Options
from mintage.evaluation.privacy.inference import choose_secrets, guessed, measure_inference
from mintage.evaluation.privacy.linkability import linked, measure_linkability
from mintage.evaluation.privacy.neighbours import nearest
from mintage.evaluation.privacy.space import Space
from mintage.evaluation.privacy.targets import Targets, nearest_over, total_distance
from mintage.evaluation.tables import Tables, align

REAL = pa.table({"x": [0.0, 5.0, 10.0, None], "c": ["a", "b", "b", None], "y": [1.0, 2.0, 3.0, 4.0]})


def _tables(real: pa.Table = REAL, synthetic: pa.Table = REAL) -> Tables:
    return align(real, synthetic, None, Options())


def test_a_distance_adds_what_each_column_differs() -> None:
    tables = _tables(synthetic=pa.table({"x": [10.0, None], "c": ["b", None], "y": [4.0, 1.0]}))
    space = Space.of(tables)
    found = nearest(
        space.points(tables.synthetic, mismatch=2.0), space.points(tables.real, mismatch=2.0), k=4
    )
    # x is 0 to 10 with the median 5, y is 1 to 4; a missing x differs from 5 by nothing but being missing.
    first = {0: 1 + 2 + 1, 1: 0.5 + 0 + 2 / 3, 2: 0 + 0 + 1 / 3, 3: 0.5 + 2 + 2 + 0}
    second = {0: 0.5 + 2 + 2 + 0, 1: 0 + 2 + 2 + 1 / 3, 2: 0.5 + 2 + 2 + 2 / 3, 3: 0 + 0 + 1}
    for row, expected in enumerate((first, second)):
        named = dict(zip(found.rows[row].tolist(), found.distances[row].tolist(), strict=True))
        assert named == pytest.approx(expected)


def test_attacks_and_neighbours_measure_the_same_distances() -> None:
    tables = _tables()
    space = Space.of(tables)
    points = space.points(tables.real, mismatch=1.0)
    targets = Targets.of(points)
    whole = total_distance(space, range(3), targets, targets) / targets.steps
    found = nearest(points, points, k=4)
    np.testing.assert_allclose(np.sort(whole, axis=1), found.distances, atol=1e-5)


def test_a_column_that_is_constant_in_train_is_scaled_by_what_else_there_is() -> None:
    real = pa.table({"x": [7.0] * 3, "y": [0.0, 1.0, 2.0]})
    tables = _tables(real, pa.table({"x": [7.0, 1007.0], "y": [0.0, 0.0]}))
    space = Space.of(tables)
    found = nearest(space.points(tables.synthetic, mismatch=2.0), space.points(tables.real, mismatch=2.0))
    assert found.distances[:, 0].tolist() == [0.0, 1.0]


def test_rows_are_linked_when_both_halves_have_one_nearest_row() -> None:
    synthetic = pa.table({"x": [0.0, 10.0], "y": [0.0, 10.0]})
    real = pa.table({"x": [0.0, 0.0, 10.0], "y": [1.0, 10.0, 10.0]})
    tables = _tables(real, synthetic)
    space = Space.of(tables)
    ours, theirs = (
        Targets.of(space.points(table, mismatch=1.0)) for table in (tables.real, tables.synthetic)
    )
    assert linked(space, (range(1), range(1, 2)), ours, theirs, 1).tolist() == [True, False, True]
    found = measure_linkability(space, theirs, ours, None)
    assert found.attempts == 3
    assert found.baseline is not None


def test_of_equally_near_rows_the_first_is_named() -> None:
    tables = _tables(pa.table({"x": [0.0, 1.0]}), pa.table({"x": [1.0, 0.0, 0.0, 1.0]}))
    space = Space.of(tables)
    ours, theirs = (
        Targets.of(space.points(table, mismatch=1.0)) for table in (tables.real, tables.synthetic)
    )
    assert nearest_over(space, [0], ours, theirs, 1).ravel().tolist() == [1, 0]
    assert nearest_over(space, [0], ours, theirs, 2).tolist() == [[1, 2], [0, 3]]


@pytest.mark.parametrize(
    ("kind", "truth", "guess", "right"),
    [
        pytest.param(Semantics.NUMERIC, 100.0, 104.0, True, id="within 5 % of the guess"),
        pytest.param(Semantics.NUMERIC, 100.0, 106.0, False, id="beyond 5 %"),
        pytest.param(Semantics.NUMERIC, 5.0, -100.0, False, id="a negative guess is no excuse"),
        pytest.param(Semantics.NUMERIC, None, None, True, id="both missing"),
        pytest.param(Semantics.NUMERIC, 1.0, None, False, id="one missing"),
        pytest.param(Semantics.CATEGORY, "a", "a", True, id="equal category"),
        pytest.param(Semantics.CATEGORY, "a", "b", False, id="another category"),
        pytest.param(Semantics.CATEGORY, None, None, True, id="missing category"),
    ],
)
def test_guesses_are_judged(kind: Semantics, truth: object, guess: object, right: bool) -> None:
    options = Options(kinds={"x": kind})
    type_ = pa.float64() if kind is Semantics.NUMERIC else pa.string()
    real, synthetic = (pa.table({"x": pa.array([value], type_)}) for value in (truth, guess))
    tables = align(real, synthetic, None, options)
    column = tables.real.columns[0]
    assert guessed(column, tables.synthetic.columns[0], np.array([0]), column).tolist() == [right]


def test_a_time_may_differ_by_a_part_of_the_range_not_of_the_years_since_1970() -> None:
    day = 86_400_000_000
    real = pa.table({"t": pa.array([20_000 * day, 20_100 * day], pa.timestamp("us"))})
    synthetic = pa.table({"t": pa.array([20_004 * day, 20_110 * day], pa.timestamp("us"))})
    tables = _tables(real, synthetic)
    truth, guess = tables.real.columns[0], tables.synthetic.columns[0]
    assert guessed(truth, guess, np.array([0, 1]), truth).tolist() == [True, False]


def test_a_secret_is_guessed_from_the_other_columns_alone() -> None:
    # The nearest row over all columns would tell the secret by the secret.
    real = pa.table({"x": [0.0, 1.0] * 60, "secret": ["a", "b"] * 60})
    synthetic = pa.table({"x": [0.0, 1.0] * 60, "secret": ["b", "a"] * 60})
    tables = align(real, synthetic, None, Options())
    space = Space.of(tables)
    found = measure_inference(space, [1], tables.synthetic, (tables.real, None), seed=0)
    assert found[0].success.value < 0.05


def test_a_column_of_one_value_is_no_secret() -> None:
    real = pa.table({"same": ["a"] * 5, "x": [1.0, 2.0, 3.0, 4.0, 5.0], "none": pa.nulls(5, pa.float64())})
    assert choose_secrets(align(real, real, None, Options()), None) == [1]
