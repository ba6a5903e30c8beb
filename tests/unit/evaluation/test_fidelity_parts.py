"""The parts that fidelity is made of, against scipy, numpy, and counting by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from scipy.stats.contingency import association

from mintage.contracts import Semantics
from mintage.evaluation.association import (
    Scale,
    correlation_ratios,
    correlations,
    cramers_v,
    mutual_information,
)
from mintage.evaluation.coding import code_continuous, code_discrete
from mintage.evaluation.histogram import draw_levels, draw_values
from mintage.evaluation.joint import FEW_CODES, count_pairs
from mintage.evaluation.shape import ks_distance
from mintage.evaluation.tables import Column

Floats = npt.NDArray[np.float64]


def continuous(values: Floats, name: str = "x") -> Column:
    return Column(name=name, semantics=Semantics.NUMERIC, values=values)


def scale_of(values: Floats) -> Scale:
    return Scale.of(np.sort(values[~np.isnan(values)]), len(values))


@pytest.mark.parametrize("rows", [(40, 30), (90_000, 70_000)], ids=["short", "long"])
@pytest.mark.parametrize("kind", ["values", "ties", "one apart", "far apart", "heavy tails"])
def test_the_distance_of_distributions_is_that_of_scipy(rows: tuple[int, int], kind: str) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=rows[0]), rng.normal(0.05, 1.1, size=rows[1])
    if kind == "ties":
        left, right = np.round(left * 3), np.round(right * 3)
    elif kind == "one apart":
        right = rng.choice(left, rows[1])
    elif kind == "far apart":
        right = right + 100
    elif kind == "heavy tails":
        left, right = rng.standard_cauchy(rows[0]), rng.standard_cauchy(rows[1])

    distance = ks_distance(np.sort(left), np.sort(right))

    assert distance == pytest.approx(stats.ks_2samp(left, right, method="asymp").statistic, abs=1e-12)


@pytest.mark.parametrize("rows", [50, 20_000])
@pytest.mark.parametrize("kind", ["normal", "whole", "an outlier", "tiny span", "two values", "subnormal"])
def test_bins_are_those_that_numpy_digitizes(rows: int, kind: str) -> None:
    rng = np.random.default_rng(1)
    cases: dict[str, Floats] = {
        "normal": rng.normal(size=rows),
        "whole": rng.integers(0, 101, rows).astype(np.float64),
        "an outlier": np.append(rng.random(rows - 1), 1e200),
        "tiny span": 1 + rng.integers(0, 50, rows).astype(np.float64) * 2.0**-52,
        "two values": rng.choice([0.1, 0.3], rows),
        "subnormal": rng.integers(0, 99, rows).astype(np.float64) * 5e-324,
    }
    values = cases[kind]
    other: Floats = rng.permutation(values)[: rows // 2] * 1.25
    values[0] = np.nan

    coding = code_continuous([values, other], [np.sort(values[1:]), np.sort(other)])

    real_edges = np.histogram_bin_edges(values[1:], 10)
    for table, column in zip(coding.tables, (values, other), strict=True):
        known = ~np.isnan(column)
        own = np.digitize(column, np.histogram_bin_edges(column[known], 10)) - 1
        fixed = np.where(known, np.digitize(column, real_edges[1:-1]), 10)
        assert np.array_equal(table.views["own"][table.codes], own)
        assert np.array_equal(table.views["fixed"][table.codes], fixed)


def test_correlations_are_those_of_scipy_over_complete_rows() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(5, 3000)) + rng.normal(size=3000)
    values[1] = 1.7e15 + 1e6 * values[1]
    values[2, rng.random(3000) < 0.3] = np.nan
    values[3, 10:] = np.nan
    values[4, :10] += 1e9  # its spread over the other rows nearly cancels
    values[4, rng.random(3000) < 0.1] = np.nan

    found = correlations([continuous(each) for each in values], [scale_of(each) for each in values])

    for left in range(5):
        for right in range(left):
            both = ~np.isnan(values[left]) & ~np.isnan(values[right])
            assert found[left, right] == pytest.approx(
                stats.pearsonr(values[left][both], values[right][both]).statistic, abs=1e-9
            )


def test_a_correlation_over_constant_rows_is_undefined() -> None:
    values = np.array([[1.0, 1.0, 1.0, 9.0], [1.0, 2.0, 3.0, np.nan], [5.0, np.nan, np.nan, np.nan]])

    found = correlations([continuous(each) for each in values], [scale_of(each) for each in values])

    assert np.isnan(found[0, 1])
    assert np.isnan(found[0, 2])


@pytest.mark.parametrize("levels", [4, 40_000], ids=["few levels", "many levels"])
def test_correlation_ratios_compare_the_variance_between_levels(levels: int) -> None:
    rng = np.random.default_rng(3)
    rows = 3000
    values = rng.normal(size=(3, rows)) + 50
    values[1, rng.random(rows) < 0.2] = np.nan
    codes = np.where(rng.random(rows) < 0.1, -1, rng.integers(0, min(levels, 40), rows)).astype(np.int32)
    values[2] += codes
    coded = code_discrete([codes], levels).tables[0]

    (found,) = correlation_ratios(
        [continuous(each) for each in values], [scale_of(each) for each in values], [coded]
    )

    for each, ratio in zip(values, found, strict=True):
        both = (codes >= 0) & ~np.isnan(each)
        groups = [each[both & (codes == level)] for level in np.unique(codes[both])]
        between = sum(len(group) * (group.mean() - each[both].mean()) ** 2 for group in groups)
        assert ratio == pytest.approx((between / (each[both].var() * both.sum())) ** 0.5)


@pytest.mark.parametrize("levels", [(4, 5), (FEW_CODES, 3), (3000, 1500)], ids=str)
def test_associations_are_those_of_scipy(levels: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    left = rng.integers(0, levels[0], 4000).astype(np.int32)
    right = ((left + rng.integers(0, 3, 4000)) % levels[1]).astype(np.int32)
    left[:100] = -1
    codings = [code_discrete([left, left[::-1]], levels[0]), code_discrete([right, right[::-1]], levels[1])]

    (joint,) = count_pairs(codings, continuous=False)

    cells = joint.cells("fixed")
    table = np.zeros(levels, dtype=np.int64)
    np.add.at(table, (left[100:], right[100:]), 1)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    whole = [codes[:, None] == np.unique(codes) for codes in (left, right)]
    shares = whole[0].T.astype(float) @ whole[1] / 4000
    margins = [shares.sum(axis=1), shares.sum(axis=0)]
    information = stats.entropy(shares.ravel(), np.outer(*margins).ravel())
    normalised = 2 * information / (stats.entropy(margins[0]) + stats.entropy(margins[1]))
    for number in range(2):
        assert cramers_v(cells, number, missing=False)[0] == pytest.approx(association(table))
        assert mutual_information(cells, number)[0] == pytest.approx(normalised)


def test_histograms_stay_small_and_hold_every_value() -> None:
    rng = np.random.default_rng(5)
    real, synthetic = np.sort(rng.standard_cauchy(5000)), np.sort(rng.standard_cauchy(400))

    histogram = draw_values(real, synthetic)

    assert histogram.edges is not None
    assert len(histogram.edges) == len(histogram.real) + 1 <= 41
    assert histogram.edges == sorted(histogram.edges)
    assert histogram.edges[0] == min(real[0], synthetic[0])
    assert histogram.edges[-1] == max(real[-1], synthetic[-1])
    assert sum(histogram.real) == pytest.approx(1)
    assert sum(histogram.synthetic) == pytest.approx(1)


def test_bins_of_whole_numbers_hold_one_number_each() -> None:
    real = np.sort(np.repeat(np.arange(5.0), [1, 2, 3, 4, 0]))

    histogram = draw_values(real, np.array([0.0, 4.0]))

    assert histogram.edges is not None
    assert [edge % 1 for edge in histogram.edges[1:-1]] == [0.5] * (len(histogram.edges) - 2)
    assert [share for share in histogram.real if share] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_histograms_of_levels_add_up_the_rest() -> None:
    levels = tuple(f"level {level:02}" for level in range(50))

    histogram = draw_levels(levels, np.arange(50), np.ones(50, dtype=np.int64))

    assert histogram.labels is not None
    assert (histogram.labels[0], len(histogram.labels)) == ("level 49", 30)
    assert histogram.other == pytest.approx((sum(range(20)) / sum(range(50)), 0.4))
