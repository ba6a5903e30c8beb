"""The data of the plots, as small as it can be without changing what one sees.

Layout and colours belong to the page's script; a chart here names its kind and holds numbers, rounded to
four or five significant digits. Labels are the data's own text: the script escapes them for the plot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mintage.evaluation.results import ColumnFidelity, Fidelity, Interval

Role = Literal["real", "synthetic", "holdout", "neutral", "first", "second", "third"]
"""Whose a number is, or which of three measures; the page gives each role one colour and one shape."""

Unit = Literal["number", "hours", "date"]

Chart = dict[str, object]

_DIGITS = 4
BARS = 15
"""Bars that a plot shows of a longer list."""
_LEVELS = 8
"""Levels of a discrete column that its plot shows one by one; the table beside it shows all."""
DAY = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Numbers of one role, one for each label; with intervals where there are any."""

    name: str
    role: Role
    values: Sequence[float | None]
    intervals: Sequence[Interval | None] = ()


def rounded(value: float | None, digits: int = _DIGITS) -> float | int | None:
    """A number with so many significant digits, as the shortest JSON number.

    >>> rounded(0.123456), rounded(3.0), rounded(None)
    (0.1235, 3, None)
    """
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 2**53 else short


def column_chart(column: ColumnFidelity, semantics: str) -> Chart:
    """How a column is spread, real and synthetic."""
    histogram = column.histogram
    shares = {
        "real": [rounded(value) for value in histogram.real],
        "synthetic": [rounded(value) for value in histogram.synthetic],
    }
    if histogram.edges is not None:
        edges, unit = _axis(histogram.edges, semantics)
        return {"kind": "spread", "edges": edges, "unit": unit, **shares}
    chart: Chart = {"kind": "levels", "labels": list(histogram.labels or []), "shown": _LEVELS, **shares}
    if histogram.other is not None and max(histogram.other) > 0:
        chart["other"] = [rounded(value) for value in histogram.other]
    return chart


def time_unit(edges: Sequence[float], semantics: str) -> Unit:
    """How to show the values of a column: times come as microseconds since 1970, or since midnight."""
    if semantics != "datetime" or not edges:
        return "number"
    return "hours" if max(abs(edges[0]), abs(edges[-1])) <= 2 * DAY else "date"


def _axis(edges: Sequence[float], semantics: str) -> tuple[list[float | int | None], Unit]:
    """Edges as the axis shows them: dates in milliseconds since 1970, times of day in hours."""
    unit = time_unit(edges, semantics)
    scale = {"number": 1.0, "hours": DAY / 24, "date": 1000.0}[unit]
    scaled = [edge / scale for edge in edges]
    span = scaled[-1] - scaled[0] if scaled else 0.0
    places = 4 - math.floor(math.log10(span)) if span > 0 and math.isfinite(span) else 6
    return [rounded(round(edge, places), 15) for edge in scaled], unit


def bars(
    labels: Sequence[str], series: Sequence[Series], *, axis: str, base: float = 0.0, shown: int = BARS
) -> Chart:
    """Horizontal bars that begin at `base`; the plot shows the first `shown`, the table beside it all."""
    return {
        "kind": "bars",
        "labels": list(labels),
        "series": _series(series),
        "axis": axis,
        "base": base,
        "shown": shown,
    }


def dots(
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    axis: str,
    mark: float | None = None,
    mark_text: str = "",
) -> Chart:
    """Dots with whiskers, one line for each label, and a line at `mark` that means something."""
    chart: Chart = {"kind": "dots", "labels": list(labels), "series": _series(series), "axis": axis}
    if mark is not None:
        chart |= {"mark": mark, "mark_text": mark_text}
    return chart


def lines(
    across: Sequence[float],
    series: Sequence[Series],
    *,
    axis: str,
    mark: float,
    mark_text: str,
    across_axis: str = "",
) -> Chart:
    """Lines over the numbers `across`, and an upright line at `mark` that means something."""
    return {
        "kind": "lines",
        "across": [rounded(value, 9) for value in across],
        "across_axis": across_axis,
        "series": _series(series),
        "axis": axis,
        "mark": mark,
        "mark_text": mark_text,
    }


def _series(series: Sequence[Series]) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    for one in series:
        entry: dict[str, object] = {"name": one.name, "role": one.role}
        entry["values"] = [rounded(value) for value in one.values]
        if any(one.intervals):
            entry["low"] = [rounded(at.low) if at else None for at in one.intervals]
            entry["high"] = [rounded(at.high) if at else None for at in one.intervals]
        made.append(entry)
    return made


def score_chart(fidelity: Fidelity) -> Chart | None:
    """How the scores of all pairs are spread, beside the holdout's; None without pairs."""
    scores = [pair.score_fixed_edges for pair in fidelity.pairs]
    if len(scores) < 2:
        return None
    fresh = [pair.holdout_score_fixed_edges for pair in fidelity.pairs]
    known = [value for value in fresh if value is not None]
    low = min([*scores, *known])
    step = next(step for step in (0.002, 0.005, 0.01, 0.02, 0.05) if (1 - low) / step <= 40 or step == 0.05)
    bins = max(1, math.ceil((1 - low) / step - 1e-9))
    chart: Chart = {
        "kind": "spread",
        "edges": [round(1 - step * (bins - position), 4) for position in range(bins + 1)],
        "unit": "score",
        "synthetic": _binned(scores, step, bins),
    }
    if known:
        chart["holdout"] = _binned(known, step, bins)
    return chart


def _binned(scores: Sequence[float], step: float, bins: int) -> list[float | int | None]:
    """Shares of scores in bins of width `step` that end at 1."""
    counts = [0] * bins
    for value in scores:
        counts[min(bins - 1, max(0, bins - 1 - math.floor((1 - value) / step + 1e-9)))] += 1
    return [rounded(amount / len(scores)) for amount in counts]


def pair_data(fidelity: Fidelity, names: Sequence[str]) -> Chart:
    """All pairs, column by column of their table; columns by their position in `names`."""
    place = {name: position for position, name in enumerate(names)}
    pairs = fidelity.pairs
    return {
        "names": list(names),
        "left": [place[pair.left] for pair in pairs],
        "right": [place[pair.right] for pair in pairs],
        "kind": [pair.kind[0] for pair in pairs],
        "score": [rounded(pair.score) for pair in pairs],
        "fixed": [rounded(pair.score_fixed_edges) for pair in pairs],
        "holdout": [rounded(pair.holdout_score_fixed_edges) for pair in pairs],
        "real": [rounded(pair.association_real) for pair in pairs],
        "synthetic": [rounded(pair.association_synthetic) for pair in pairs],
    }


def association_chart(key: str, which: Literal["real", "synthetic", "difference"]) -> Chart:
    """A heat map of the associations in `pairs[key]` of the page's data."""
    return {"kind": "associations", "pairs": key, "which": which}
