"""The data of plots: small, and true to what was measured."""

from __future__ import annotations

import math

import pytest

from mintage.evaluation.report.charts import Series, bars, column_chart, dots, rounded, score_chart
from mintage.evaluation.results import ColumnFidelity, Histogram, Interval
from tests.unit.evaluation.report.sample_reports import make_fidelity


def column(histogram: Histogram, kind: str = "continuous") -> ColumnFidelity:
    return ColumnFidelity.model_validate(
        {
            "name": "x",
            "kind": kind,
            "statistic": "ks" if kind == "continuous" else "tvd",
            "score": 0.9,
            "missing_real": 0.0,
            "missing_synthetic": 0.0,
            "histogram": histogram,
        }
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, None], ids=str)
def test_what_is_no_number_becomes_a_gap(value: float | None) -> None:
    assert rounded(value) is None


@pytest.mark.parametrize(
    "edges",
    [[1.7e9, 1.7e9 + 60, 1.7e9 + 120], [1e-9, 2e-9, 3e-9], [-1e12, 0.0, 1e12], [2010.25, 2010.5, 2010.75]],
    ids=["far from zero", "tiny", "huge", "years"],
)
def test_rounding_keeps_edges_apart(edges: list[float]) -> None:
    chart = column_chart(column(Histogram(edges=edges, real=[0.5, 0.5], synthetic=[0.4, 0.6])), "numeric")
    shown = chart["edges"]
    assert isinstance(shown, list)
    assert shown == pytest.approx(edges, abs=1e-3 * (edges[-1] - edges[0]))
    assert len(set(shown)) == 3


@pytest.mark.parametrize(
    ("edges", "unit", "first"),
    [([1.3e15, 1.4e15], "date", 1.3e12), ([0.0, 8.64e10], "hours", 0), ([3.6e9, 7.2e9], "hours", 1)],
    ids=["dates", "a day", "hours"],
)
def test_times_are_shown_as_dates_or_hours(edges: list[float], unit: str, first: float) -> None:
    chart = column_chart(column(Histogram(edges=edges, real=[1.0], synthetic=[1.0])), "datetime")
    assert chart["unit"] == unit
    assert chart["edges"][0] == first  # type: ignore[index]  # a list


def test_levels_keep_their_labels_and_the_rest() -> None:
    histogram = Histogram(labels=["b", "a"], real=[0.6, 0.3], synthetic=[0.5, 0.3], other=(0.1, 0.2))
    chart = column_chart(column(histogram, "discrete"), "category")
    assert (chart["labels"], chart["other"]) == (["b", "a"], [0.1, 0.2])


def test_scores_of_all_pairs_are_counted_once() -> None:
    fidelity = make_fidelity(tuple(f"c{one}" for one in range(20)))
    chart = score_chart(fidelity)
    assert chart is not None
    for side in ("synthetic", "holdout"):
        values = chart[side]
        assert isinstance(values, list)
        assert sum(values) == pytest.approx(1, abs=0.01)
        assert len(values) == len(chart["edges"]) - 1  # type: ignore[arg-type]  # a list
    perfect = [pair.model_copy(update={"score_fixed_edges": 1.0}) for pair in fidelity.pairs]
    best = score_chart(fidelity.model_copy(update={"pairs": perfect}))
    assert best is not None
    assert best["synthetic"][-1] == 1  # type: ignore[index]  # a list


def test_one_pair_is_no_distribution() -> None:
    assert score_chart(make_fidelity(("a", "b"))) is None


def test_whiskers_are_there_only_with_intervals() -> None:
    interval = Interval(value=0.5, low=0.4, high=0.6)
    plain = bars(["a"], [Series(name="s", role="real", values=[1.0])], axis="x")
    both = [Series(name="s", role="real", values=[0.5, None], intervals=[interval, None])]
    whiskered = dots(["a", "b"], both, axis="x", mark=0.5, mark_text="guessing")
    assert "low" not in plain["series"][0]  # type: ignore[index]  # a list
    assert whiskered["series"] == [
        {"name": "s", "role": "real", "values": [0.5, None], "low": [0.4, None], "high": [0.6, None]}
    ]
