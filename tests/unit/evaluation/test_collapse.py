"""What is left of spread, tails and support, in cases whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import Semantics
from mintage.evaluation.collapse import measure_collapse
from mintage.evaluation.options import Options
from mintage.evaluation.results import Collapse, NotComputed
from mintage.evaluation.tables import align

RNG = np.random.default_rng(7)
NORMAL = RNG.normal(size=20_000)


def collapse_of(
    real: Mapping[str, object],
    synthetic: Mapping[str, object],
    holdout: Mapping[str, object] | None = None,
    *,
    options: Options | None = None,
) -> Collapse:
    options = options or Options()
    tables = align(
        pa.table(dict(real)),
        pa.table(dict(synthetic)),
        pa.table(dict(holdout)) if holdout is not None else None,
        options,
    )
    measured = measure_collapse(tables, options)
    assert isinstance(measured, Collapse)
    return measured


def spread(levels: list[int], rows: int, *, names: str = "L") -> list[str]:
    """Levels with these weights, as exactly as so many rows allow."""
    counts = np.array(levels) * rows // sum(levels)
    return [f"{names}{i:03}" for i, count in enumerate(counts) for _ in range(count)]


def test_a_table_has_lost_nothing_against_itself() -> None:
    table = {"number": NORMAL, "level": spread([50, 30, 19, 1], 20_000)}
    measured = collapse_of(table, table)
    assert measured.variance_retention == measured.tail_retention == 1.0
    assert measured.support_coverage == pytest.approx(1.0)
    assert measured.distinct_share_ratio == 1.0


@pytest.mark.parametrize("factor", [0.0, 0.5, 0.9, 1.5])
@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_variance_retention_is_the_square_of_a_shrinkage(factor: float, shift: float) -> None:
    measured = collapse_of({"x": NORMAL + shift}, {"x": NORMAL * factor + shift})
    assert measured.variance_retention == pytest.approx(factor**2, abs=1e-5)


def test_tails_that_are_cut_off_are_missing_and_the_rest_of_the_support_is_not() -> None:
    low, high = np.quantile(NORMAL, [0.02, 0.98])
    measured = collapse_of({"x": NORMAL}, {"x": NORMAL[np.abs(NORMAL - (low + high) / 2) < (high - low) / 2]})
    assert measured.tail_retention == 0.0
    assert measured.support_coverage == pytest.approx(0.96, abs=0.011)
    assert measured.variance_retention == pytest.approx(0.793, abs=0.01)


def test_one_tail_of_two_is_half_of_them() -> None:
    measured = collapse_of({"x": NORMAL}, {"x": NORMAL[np.quantile(NORMAL, 0.011) < NORMAL]})
    assert measured.tail_retention == pytest.approx(0.5, abs=0.02)


def test_tails_twice_as_heavy_are_told_as_two() -> None:
    beyond = np.abs(NORMAL) > np.quantile(np.abs(NORMAL), 0.98)
    rows = np.concatenate([np.flatnonzero(~beyond)] + [np.flatnonzero(beyond)] * 2)
    measured = collapse_of({"x": NORMAL}, {"x": NORMAL[rows]})
    assert measured.tail_retention == pytest.approx(2 / 1.02, abs=0.05)


def test_the_usual_value_of_a_column_of_mostly_one_value_is_no_tail() -> None:
    gains = np.where(np.arange(20_000) < 19_000, 0.0, np.arange(20_000))
    faithful = collapse_of({"x": gains}, {"x": gains})
    assert faithful.tail_retention == 1.0
    collapsed = collapse_of({"x": gains}, {"x": np.zeros(20_000)})
    assert collapsed.tail_retention == collapsed.variance_retention == 0.0
    assert collapsed.support_coverage == pytest.approx(0.95)


def test_entropy_of_one_level_of_two_is_gone() -> None:
    measured = collapse_of({"x": ["a", "b"] * 500}, {"x": ["a"] * 1000})
    assert measured.variance_retention == 0.0
    assert measured.support_coverage == 0.5


def test_entropies_are_those_of_the_shares() -> None:
    measured = collapse_of({"x": ["a", "b"] * 500}, {"x": ["a"] * 900 + ["b"] * 100})
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    assert measured.variance_retention == pytest.approx(entropy / math.log(2))


def test_fewer_rows_alone_are_no_loss_of_entropy() -> None:
    levels = [f"{value}" for value in RNG.integers(0, 3_000, 30_000)]
    measured = collapse_of(
        {"x": levels}, {"x": levels[:1_000]}, options=Options(kinds={"x": Semantics.CATEGORY})
    )
    assert measured.variance_retention == pytest.approx(1.0, abs=0.01)
    assert measured.support_expected is not None
    assert measured.support_coverage == pytest.approx(measured.support_expected, abs=0.02)
    assert measured.support_coverage < 0.4


def test_rare_levels_that_never_come_are_a_tail_that_is_lost() -> None:
    real = spread([490, 490, 5, 5, 5, 5], 10_000)
    half = spread([495, 495, 5, 5], 10_000)
    measured = collapse_of({"x": real}, {"x": half})
    assert measured.tail_retention == pytest.approx(0.5)
    assert measured.support_coverage == pytest.approx(0.99)


def test_a_level_of_one_row_in_a_hundred_is_not_rare() -> None:
    measured = collapse_of({"x": spread([97, 1, 2], 10_000)}, {"x": spread([1, 0, 0], 10_000)})
    assert measured.tail_retention is None
    assert any("that rare: x" in note for note in measured.notes)


@pytest.mark.parametrize(("rare", "told"), [(4, False), (5, True)])
def test_a_tail_of_a_few_rows_is_not_judged(rare: int, *, told: bool) -> None:
    real = ["a"] * 5_000 + ["b"] * rare
    assert (collapse_of({"x": real}, {"x": real}).tail_retention is not None) == told


def test_levels_that_no_real_row_has_cover_nothing() -> None:
    measured = collapse_of({"x": spread([1, 1], 1_000)}, {"x": spread([1, 1], 1_000, names="N")})
    assert measured.support_coverage == 0.0


def test_values_outside_of_the_real_range_cover_nothing() -> None:
    measured = collapse_of({"x": NORMAL}, {"x": np.where(NORMAL < 0, -1e3, 1e3)})
    assert measured.support_coverage == 0.0


@pytest.mark.parametrize("rows", [20, 100, 1_000])
def test_fresh_rows_cover_what_is_expected_of_so_many(rows: int) -> None:
    fresh = np.random.default_rng(1).normal(size=(rows, 40))
    real = {f"x{i}": NORMAL for i in range(40)}
    measured = collapse_of(real, {f"x{i}": fresh[:, i] for i in range(40)})
    assert measured.support_expected is not None
    assert measured.support_coverage == pytest.approx(measured.support_expected, abs=0.04)


def test_a_row_repeated_ten_times_is_a_tenth_of_the_distinct_share() -> None:
    measured = collapse_of(
        {"x": NORMAL, "y": -NORMAL},
        {"x": np.repeat(NORMAL[:2_000], 10)} | {"y": np.repeat(-NORMAL[:2_000], 10)},
    )
    assert measured.distinct_share_ratio == pytest.approx(0.1)


def test_rows_are_distinct_by_all_columns_and_zero_has_no_sign() -> None:
    measured = collapse_of(
        {"x": [0.0, 0.0, 1.0, 1.0] * 50, "y": ["a", "b"] * 100},
        {"x": [0.0, -0.0, 0.0, -0.0] * 50, "y": ["a", "a", "b", "b"] * 50},
    )
    assert measured.distinct_share_ratio == 0.5


def test_distinct_shares_are_compared_at_equal_sizes() -> None:
    numbers = RNG.integers(0, 5_000, 20_000)
    measured = collapse_of({"x": numbers}, {"x": numbers[:2_000]})
    assert measured.distinct_share_ratio == pytest.approx(1.0, abs=0.03)


def test_the_holdout_tells_what_fresh_rows_keep() -> None:
    measured = collapse_of({"x": NORMAL[:10_000]}, {"x": np.zeros(5_000)}, {"x": NORMAL[10_000:]})
    assert measured.ceiling is not None
    assert measured.ceiling.variance_retention == pytest.approx(1.0, abs=0.05)
    assert measured.ceiling.tail_retention == pytest.approx(1.0, abs=0.2)
    assert measured.ceiling.support_coverage == pytest.approx(1.0, abs=0.01)
    assert measured.variance_retention == 0.0


def test_the_figures_are_medians_and_the_worst_column_comes_first() -> None:
    shrunk = {"a": NORMAL, "b": NORMAL * 0.9, "c": NORMAL * 0.1}
    measured = collapse_of({"a": NORMAL, "b": NORMAL, "c": NORMAL}, shrunk)
    assert [column.name for column in measured.columns] == ["c", "b", "a"]
    assert measured.variance_retention == pytest.approx(0.81)


def test_a_constant_column_has_no_variance_to_keep_and_a_note_says_so() -> None:
    measured = collapse_of({"x": NORMAL, "c": np.full(20_000, 0.1)}, {"x": NORMAL, "c": NORMAL})
    constant = next(column for column in measured.columns if column.name == "c")
    assert constant.variance_retention is None
    assert constant.tail_retention is None
    assert measured.variance_retention == 1.0
    assert any("constant: c" in note for note in measured.notes)
    assert any("that rare: c" in note for note in measured.notes)


def test_a_column_without_a_real_value_is_left_out_and_a_note_says_so() -> None:
    nothing = pa.nulls(20_000, pa.float64())
    measured = collapse_of({"x": NORMAL, "n": nothing}, {"x": NORMAL, "n": NORMAL})
    assert [column.name for column in measured.columns] == ["x"]
    assert any("left out: n" in note for note in measured.notes)


@pytest.mark.parametrize("type_", [pa.float64(), pa.string()], ids=str)
def test_nothing_is_left_of_a_column_that_became_all_missing(type_: pa.DataType) -> None:
    real = pa.array(NORMAL.round(1)).cast(type_)
    measured = collapse_of({"x": real}, {"x": pa.nulls(20_000, type_)})
    assert measured.variance_retention == measured.support_coverage == measured.tail_retention == 0.0
    assert any("hold no value" in note for note in measured.notes)


def test_missing_values_are_no_part_of_spread_or_support() -> None:
    holes = np.where(np.arange(20_000) % 2 == 0, np.nan, NORMAL)
    measured = collapse_of({"x": NORMAL}, {"x": holes})
    assert measured.variance_retention == pytest.approx(1.0, abs=0.05)
    assert measured.support_coverage == pytest.approx(1.0)


def test_tables_without_a_real_value_are_not_computed() -> None:
    nothing = pa.table({"x": pa.nulls(10, pa.float64())})
    tables = align(nothing, nothing, None, Options())
    assert isinstance(measure_collapse(tables, Options()), NotComputed)


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_a_handful_of_rows_gives_figures_or_says_why_not(rows: int) -> None:
    few: dict[str, object] = {"x": NORMAL[:rows], "y": ["a", "b", "a", "c", "b", "a", "a"][:rows]}
    measured = collapse_of(few, few)
    assert measured.support_coverage == pytest.approx(1.0)
    assert measured.tail_retention is None
    assert any("tail retention" in note for note in measured.notes)


@pytest.mark.parametrize("size", [5e-324, 1e-300, 1e154, 1.7e308])
def test_numbers_at_the_edge_of_what_a_float_holds_do_no_harm(size: float) -> None:
    signs = np.resize([-1.0, 1.0, 0.5, 0.1], 20_000) * size
    measured = collapse_of({"x": signs}, {"x": signs})
    assert measured.variance_retention in {1.0, None} or measured.variance_retention == pytest.approx(1.0)
    assert measured.support_coverage == pytest.approx(1.0)


def test_a_variance_that_no_float_holds_is_not_computed() -> None:
    measured = collapse_of({"x": NORMAL * 1e-200}, {"x": NORMAL * 1e200})
    assert measured.variance_retention is None
    assert any("beyond what a float holds" in note for note in measured.notes)


def test_times_are_measured_like_numbers() -> None:
    start = np.datetime64("2013-01-01T00:00:00.000000")
    minutes = (NORMAL * 1e5).astype("timedelta64[m]")
    measured = collapse_of({"t": start + minutes}, {"t": start + (minutes // 2)})
    assert measured.variance_retention == pytest.approx(0.25, abs=1e-3)


def test_lineage_is_passed_on_and_its_lack_is_told() -> None:
    tables = align(pa.table({"x": NORMAL}), pa.table({"x": NORMAL}), None, Options())
    known = measure_collapse(tables, Options(), generation=2, real_fraction=0.5)
    assert isinstance(known, Collapse)
    assert (known.generation, known.real_fraction, known.notes) == (2, 0.5, [])
    unknown = measure_collapse(tables, Options())
    assert isinstance(unknown, Collapse)
    assert (unknown.generation, unknown.real_fraction) == (None, None)
    assert any("lineage" in note for note in unknown.notes)


def test_the_same_seed_gives_the_same_figures() -> None:
    levels = [f"{value}" for value in RNG.integers(0, 3_000, 30_000)]
    first, second = (collapse_of({"x": levels}, {"x": levels[:999]}) for _ in range(2))
    assert first == second
