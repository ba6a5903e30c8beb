from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import Semantics
from mintage.evaluation.fidelity import MAX_PAIRS, measure_fidelity, measure_shape_and_trend
from mintage.evaluation.missingness import measure_missingness
from mintage.evaluation.options import Options
from mintage.evaluation.results import ColumnFidelity, Fidelity, PairFidelity
from mintage.evaluation.tables import align

Values = Mapping[str, Sequence[object]]


def measure(
    real: Values | pa.Table,
    synthetic: Values | pa.Table,
    holdout: Values | pa.Table | None = None,
    options: Options | None = None,
) -> Fidelity:
    options = options or Options()
    tables = [pa.table(dict(table)) if isinstance(table, Mapping) else table for table in (real, synthetic)]
    aside = pa.table(dict(holdout)) if isinstance(holdout, Mapping) else holdout
    return measure_fidelity(align(tables[0], tables[1], aside, options), options)


def column_of(fidelity: Fidelity, name: str) -> ColumnFidelity:
    return next(column for column in fidelity.columns if column.name == name)


def only_pair(fidelity: Fidelity) -> PairFidelity:
    assert fidelity.pair_count == len(fidelity.pairs) == 1
    return fidelity.pairs[0]


def test_the_shape_of_numbers_is_the_greatest_distance_between_distribution_functions() -> None:
    fidelity = measure({"x": [1.0, 2.0, 3.0, 4.0]}, {"x": [1.0, 2.5, 3.5, 9.0]})

    column = column_of(fidelity, "x")
    assert column.statistic == "ks"
    assert column.score == pytest.approx(0.75)
    assert fidelity.shape_error == pytest.approx(25)
    assert column.mean == pytest.approx((2.5, 4.0))
    assert column.deviation == pytest.approx((1.25**0.5, 9.125**0.5))
    assert column.out_of_range == pytest.approx(0.25)


def test_the_shape_of_levels_is_the_variation_distance_of_the_present_values() -> None:
    fidelity = measure({"x": ["a", "a", "b", "c", None]}, {"x": ["a", "b", "b", "d", "d", None, None, None]})

    column = column_of(fidelity, "x")
    # a: .5 and .2, b: .25 and .4, c: .25 and 0, d: 0 and .4
    assert column.statistic == "tvd"
    assert column.score == pytest.approx(1 - (0.3 + 0.15 + 0.25 + 0.4) / 2)
    assert column.missing_real == pytest.approx(0.2)
    assert column.missing_synthetic == pytest.approx(3 / 8)
    assert column.out_of_range == pytest.approx(0.4)
    assert column.histogram.labels == ["a", "b", "c", "d"]
    assert column.histogram.real == pytest.approx([0.5, 0.25, 0.25, 0])
    assert column.histogram.other == (0, 0)


def test_rare_levels_and_tails_are_those_of_the_real_table() -> None:
    real = {"level": ["a"] * 990 + ["b"] * 9 + ["c"], "value": list(range(1000))}
    synthetic = {"level": ["a"] * 900 + ["b"] * 60 + ["d"] * 40, "value": [0] * 30 + [500] * 920 + [999] * 50}

    fidelity = measure(real, synthetic)

    level, value = column_of(fidelity, "level"), column_of(fidelity, "value")
    assert level.rare_real == pytest.approx(0.01)
    assert level.rare_synthetic == pytest.approx(0.06)
    assert level.out_of_range == pytest.approx(0.04)
    assert value.tails == pytest.approx((0.03, 0.05))
    assert value.out_of_range == 0


def test_two_continuous_columns_score_half_the_difference_of_their_correlations() -> None:
    rng = np.random.default_rng(0)
    real = {"x": rng.normal(size=500), "y": rng.normal(size=500)}
    synthetic = {"x": real["x"], "y": real["x"] + real["y"]}

    fidelity = measure(pa.table(real), pa.table(synthetic))

    before = np.corrcoef(real["x"], real["y"])[0, 1]
    after = np.corrcoef(synthetic["x"], synthetic["y"])[0, 1]
    pair = only_pair(fidelity)
    assert pair.score == pair.score_fixed_edges == pytest.approx(1 - abs(before - after) / 2)
    assert pair.association_real == pytest.approx(before)
    assert pair.association_synthetic == pytest.approx(after)


def test_two_discrete_columns_score_the_variation_distance_of_their_joint_counts() -> None:
    real = {"x": ["a", "a", "b", "b"], "y": ["u", "u", "v", None]}
    synthetic = {"x": ["a", "a", "b", "b"], "y": ["u", "v", "v", "v"]}

    pair = only_pair(measure(real, synthetic))

    # au: .5 and .25, av: 0 and .25, bv: .25 and .5, b-: .25 and 0
    assert pair.score == pair.score_fixed_edges == pytest.approx(0.5)
    assert pair.association_real == pytest.approx(1)  # over the three complete rows
    assert pair.association_synthetic == pytest.approx(1 / 3**0.5)


def test_an_outlier_moves_the_tables_own_edges_but_not_the_fixed_ones() -> None:
    values = [float(value) for value in range(100)]
    levels = ["low" if value < 50 else "high" for value in values]
    real = {"x": values, "y": levels}
    synthetic = {"x": [*values[:-1], 1e6], "y": levels}

    pair = only_pair(measure(real, synthetic))

    assert pair.score == pytest.approx(0.1, abs=0.011)  # 99 of 100 rows fall in the first bin
    assert pair.score_fixed_edges == 1


def test_the_greatest_value_has_a_bin_that_it_shares_with_the_missing_ones() -> None:
    rows = 50
    real = {"x": [0.0] * rows + [10.0] * rows, "y": ["a"] * 2 * rows}
    synthetic = {"x": [0.0] * (rows - 1) + [10.0] + [None] * rows, "y": ["a"] * 2 * rows}

    pair = only_pair(measure(real, synthetic))

    assert pair.score == pytest.approx(0.99)  # as SDMetrics has it
    assert pair.score_fixed_edges == pytest.approx(0.5)


def test_the_correlation_ratio_is_the_share_of_variance_between_levels() -> None:
    table = {"x": [1.0, 3.0, 5.0, 7.0, None, 100.0], "y": ["a", "a", "b", "b", "b", None]}

    pair = only_pair(measure(table, table))

    assert pair.association_real == pytest.approx((16 / 20) ** 0.5)


def test_the_holdout_is_scored_against_the_same_real_table() -> None:
    real = {"x": [1.0, 2.0, 3.0, 4.0], "y": ["a", "a", "b", "b"]}
    synthetic = {"x": [4.0, 4.0, 4.0, 3.0], "y": ["a", "b", "b", "b"]}
    holdout = {"x": [1.0, 2.0, 3.0, 3.0], "y": ["a", "a", "b", "b"]}

    fidelity = measure(real, synthetic, holdout)
    swapped = measure(real, holdout, synthetic)

    assert fidelity.ceiling is not None
    assert swapped.ceiling is not None
    assert fidelity.ceiling.shape_error == pytest.approx(swapped.shape_error)
    assert fidelity.ceiling.trend_error == pytest.approx(swapped.trend_error)
    assert fidelity.ceiling.trend_error_fixed_edges == pytest.approx(swapped.trend_error_fixed_edges)
    assert fidelity.ceiling.accuracy == swapped.accuracy
    assert fidelity.ceiling.weighted_nmi == pytest.approx(swapped.weighted_nmi)
    assert column_of(fidelity, "x").holdout_score == pytest.approx(0.75)
    assert only_pair(fidelity).holdout_score_fixed_edges == pytest.approx(0.75)


def test_accuracy_knows_ten_levels_and_the_others() -> None:
    real = {"x": [f"level {level}" for level in range(12) for _ in range(level + 1)]}
    synthetic = {"x": ["level 0"] * 300 + ["new"] * 300}  # levels 0, 1 and new are the others

    accuracy = measure(real, synthetic).accuracy

    assert accuracy is not None
    assert accuracy.univariate == pytest.approx(3 / 78)
    assert accuracy.bivariate is None
    assert accuracy.trivariate is None


def test_accuracy_tells_missing_values_from_new_levels() -> None:
    accuracy = measure({"x": ["a", "a", None, None]}, {"x": ["a", "a", "b", "b"]}).accuracy

    assert accuracy is not None
    assert accuracy.univariate == pytest.approx(0.5)


def test_accuracy_sees_what_pairs_hide() -> None:
    bits = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]] * 50).T  # the third is the others' xor
    free = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)] * 25).T
    kinds = Options(kinds=dict.fromkeys("xyz", Semantics.CATEGORY))

    accuracy = measure(
        dict(zip("xyz", bits, strict=True)), dict(zip("xyz", free, strict=True)), options=kinds
    ).accuracy

    assert accuracy is not None
    assert (accuracy.univariate, accuracy.bivariate, accuracy.trivariate) == pytest.approx((1, 1, 0.5))


def test_information_that_is_lost_costs_its_weight() -> None:
    real = {"x": ["a", "b"] * 40, "y": ["u", "v"] * 40}
    synthetic = {"x": ["a", "b"] * 40, "y": ["u"] * 40 + ["v"] * 40}

    assert measure(real, synthetic).weighted_nmi == pytest.approx(0)
    assert measure(real, real).weighted_nmi == pytest.approx(1)
    assert measure(synthetic, synthetic).weighted_nmi is None


def test_patterns_of_missing_values_are_counted() -> None:
    real = {"x": [1, 2, None, None], "y": [1, 2, 3, None], "z": [1, 2, 3, 4]}
    synthetic = {"x": [1, 2, 3, None], "y": [1, 2, 3, 4], "z": [1, 2, 3, 4]}

    missingness = measure(real, synthetic).missingness

    assert missingness is not None
    assert missingness.tvd == pytest.approx(0.25)
    found = {tuple(pattern.columns): (pattern.real, pattern.synthetic) for pattern in missingness.patterns}
    assert found == {(): (0.5, 0.75), ("x",): (0.25, 0.25), ("x", "y"): (0.25, 0)}


def test_patterns_over_more_columns_than_bits_are_told_apart() -> None:
    real, synthetic = (
        pa.table(
            {
                f"column {column}": pa.array([None if row + first == column else 1.0 for row in range(75)])
                for column in range(150)
            }
        )
        for first in (0, 75)
    )
    aligned = align(real, synthetic, None, Options())

    apart = measure_missingness(aligned.real, aligned.synthetic)
    same = measure_missingness(aligned.real, aligned.real)

    assert apart.tvd == pytest.approx(1)
    assert same.tvd == 0
    assert len(apart.patterns) == 20
    assert [pattern.real for pattern in same.patterns] == pytest.approx([1 / 75] * 20)
    shown = {name for pattern in same.patterns for name in pattern.columns}
    assert len(shown) == 20
    assert shown < {f"column {column}" for column in range(75)}


def test_repeated_rows_show_at_equal_sizes() -> None:
    real = {"x": [float(value) for value in range(1000)], "y": ["a", "b"] * 500}
    synthetic = {"x": [0.0, -0.0, 1.0, 2.0, None, None], "y": ["a", "a", "a", "b", "a", "a"]}

    fidelity = measure(real, synthetic)

    assert fidelity.distinct_share_real == 1
    assert fidelity.top_row_share_real == pytest.approx(1 / 6)
    assert fidelity.distinct_share_synthetic == pytest.approx(4 / 6)
    assert fidelity.top_row_share_synthetic == pytest.approx(2 / 6)


def test_columns_and_pairs_are_listed_worst_first() -> None:
    rng = np.random.default_rng(0)
    real = pa.table({name: rng.normal(size=300) for name in "abcd"})
    synthetic = pa.table({name: rng.normal(size=300) + shift for shift, name in enumerate("abcd")})

    fidelity = measure(real, synthetic)

    assert [column.name for column in fidelity.columns] == ["d", "c", "b", "a"]
    assert [pair.score_fixed_edges for pair in fidelity.pairs] == sorted(
        pair.score_fixed_edges for pair in fidelity.pairs
    )


def test_a_single_column_has_no_trend() -> None:
    fidelity = measure({"x": [1, 2, 3]}, {"x": [1, 2, 3]})

    assert fidelity.trend_error is None
    assert fidelity.trend_error_fixed_edges is None
    assert fidelity.weighted_nmi is None
    assert fidelity.pair_count == 0
    assert any("single column" in note for note in fidelity.notes)


@pytest.mark.parametrize(
    ("real", "synthetic"),
    [
        pytest.param({"x": [1.0], "y": ["a"]}, {"x": [2.0], "y": ["b"]}, id="one row"),
        pytest.param({"x": [1.0, 2.0], "y": [1, 1]}, {"x": [2.0, 2.0], "y": [1, 2]}, id="constants"),
        pytest.param(
            {"x": pa.nulls(3), "y": pa.nulls(3, pa.float64())},
            {"x": ["a", None, "b"], "y": [1.0, 2.0, None]},
            id="nothing in the real table",
        ),
        pytest.param(
            {"x": ["a", "b", None], "y": [1.0, 2.0, None]},
            {"x": pa.nulls(3), "y": pa.nulls(3, pa.float64())},
            id="nothing in the synthetic table",
        ),
        pytest.param({"x": ["a"] * 5, "y": ["b"] * 5}, {"x": ["c"] * 9, "y": ["d"] * 9}, id="no overlap"),
        pytest.param(
            {"x": [1e308, -1e308, 0.0], "y": [5e-324, 0.0, 1.0]},
            {"x": [-1e308, 1e308, 1.0], "y": [0.0, 1e-300, 1.0]},
            id="the ends of what floats can hold",
        ),
        pytest.param(
            {"x": [float("nan"), float("inf"), 1.0], "y": [1, 2, 3]},
            {"x": [1.0, float("-inf"), 2.0], "y": [3, 2, 1]},
            id="infinities",
        ),
    ],
)
def test_poor_tables_are_measured_too(real: Values, synthetic: Values) -> None:
    fidelity = measure(real, synthetic, synthetic)

    assert 0 <= fidelity.shape_error <= 100
    assert Fidelity.model_validate_json(fidelity.model_dump_json()) == fidelity
    assert all(0 <= column.score <= 1 for column in fidelity.columns)


def test_columns_without_values_are_left_out_and_named() -> None:
    real = {"x": [1.0, 2.0, 3.0, 4.0], "empty": pa.nulls(4, pa.float64()), "half": [1.0, None, None, 2.0]}
    synthetic = {"x": [1.0, 2.0, 3.0, 4.0], "empty": pa.nulls(4, pa.float64()), "half": [None] * 4}

    fidelity = measure(real, pa.table(synthetic | {"half": pa.nulls(4, pa.float64())}))

    assert fidelity.shape_error == 0
    assert column_of(fidelity, "empty").score == 1
    assert column_of(fidelity, "half").score == 0
    assert any("empty, half" in note for note in fidelity.notes)


def test_a_column_that_collapsed_to_one_value_is_named() -> None:
    rng = np.random.default_rng(0)
    real = {"x": rng.random(100), "y": rng.random(100)}

    fidelity = measure(pa.table(real), pa.table(real | {"x": np.full(100, 0.5)}))

    assert fidelity.trend_error is None
    assert any(note.endswith("not in the real one: x") for note in fidelity.notes)
    assert any("1 pairs of continuous columns are left out" in note for note in fidelity.notes)


def test_pairs_without_real_association_are_left_out_of_the_associated_trend() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=2000)
    real = pa.table({"x": base, "y": base + 0.1 * rng.normal(size=2000), "z": rng.normal(size=2000)})
    synthetic = pa.table({name: rng.permutation(real[name].to_numpy()) for name in "xyz"})

    fidelity = measure(real, synthetic)

    (pair,) = [pair for pair in fidelity.pairs if {pair.left, pair.right} == {"x", "y"}]
    assert pair.score is not None
    assert fidelity.trend_error_associated == pytest.approx(100 * (1 - pair.score))


def test_wide_tables_list_their_worst_pairs() -> None:
    rng = np.random.default_rng(0)
    columns = {f"n{number}": rng.normal(size=60) for number in range(102)}
    levels = {f"l{number}": rng.choice(["a", "b", "c"], 60) for number in range(102)}

    fidelity = measure(pa.table(columns | levels), pa.table(columns | levels))

    assert fidelity.pair_count == 204 * 203 // 2 > MAX_PAIRS == len(fidelity.pairs)
    assert fidelity.trend_error == pytest.approx(0, abs=1e-9)
    assert any("2000 triples" in note for note in fidelity.notes)


def test_pairs_of_many_levels_are_counted_as_they_are() -> None:
    rng = np.random.default_rng(0)
    options = Options(kinds=dict.fromkeys("xyz", Semantics.CATEGORY))
    real, synthetic = (
        {"x": rng.integers(0, 3000, 5000), "y": rng.integers(0, 2000, 5000), "z": rng.integers(0, 9, 5000)}
        for _ in range(2)
    )
    synthetic["y"][:2000] = real["y"][:2000]
    synthetic["x"][:2000] = real["x"][:2000]

    fidelity = measure(pa.table(real), pa.table(synthetic), options=options)

    found = {(pair.left, pair.right): pair for pair in fidelity.pairs}
    for left, right in (("x", "y"), ("x", "z"), ("y", "z")):
        pairs = [np.stack([table[left], table[right]], axis=1) for table in (real, synthetic)]
        _, cells = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
        counts = [np.bincount(part, minlength=cells.max() + 1) for part in np.split(cells.ravel(), 2)]
        distance = np.abs(counts[0] - counts[1]).sum() / 5000 / 2
        assert found[left, right].score == pytest.approx(1 - distance)


def test_shape_and_trend_alone_are_the_same_figures() -> None:
    rng = np.random.default_rng(0)
    tables = [
        pa.table({"x": rng.normal(size=400), "y": rng.random(400), "z": rng.choice(["a", "b"], 400)})
        for _ in range(2)
    ]
    aligned = align(tables[0], tables[1], None, Options())

    some, everything = measure_shape_and_trend(aligned, Options()), measure_fidelity(aligned, Options())

    assert some.shape_error == everything.shape_error
    assert some.trend_error == everything.trend_error
    assert some.trend_error_fixed_edges == everything.trend_error_fixed_edges


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(0)
    tables = [
        pa.table(
            {"x": rng.normal(size=9000), "y": rng.integers(0, 50, 9000), "z": rng.choice(["a", "b"], 9000)}
        )
        for _ in range(2)
    ]

    one, three = (measure(tables[0], tables[1], options=Options(threads=threads)) for threads in (1, 3))

    assert one == three


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1e300] * 200, id="half of it is lost"),
        pytest.param([1e17] * 200, id="no whole number besides"),
        pytest.param([1e15, 1e15 + 0.125] * 100, id="two neighbours"),
        pytest.param(pa.array([18_262] * 200, pa.date32()), id="one date"),
        pytest.param([1.7e308, -1.7e308] * 100, id="all there is"),
    ],
)
def test_a_column_that_cannot_be_cut_in_ten_is_measured_all_the_same(values: object) -> None:
    table = pa.table({"x": values, "c": ["a", "b"] * 100})
    found = measure_fidelity(align(table, table, None, Options()), Options())
    assert found.shape_error == 0
    assert found.trend_error_fixed_edges == 0
    assert [pair.score for pair in found.pairs] in ([None], [1.0])
