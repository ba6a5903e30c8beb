"""Columns as small integers: every way of cutting a column, kept in one code per row.

Trend, accuracy and mutual information cut a column differently, and SDMetrics cuts each table by itself.
Counting pairs once for each way would be slow. So a column is cut at the edges of all the ways at once;
a view then says which code of its own each fine code belongs to, and joint counts are taken once.

The views, and their codes (a missing value is the last one, but for `own`):

* `own`: SDMetrics' ten equal-width bins between this table's least and greatest value. Its digitising
  puts the greatest value in an eleventh bin, and the missing ones with it. Levels stay what they are.
* `fixed`: ten equal-width bins between the real table's least and greatest value, the outer two open.
  Levels stay what they are.
* `accuracy`: the real table's deciles, or its ten most frequent levels and the rest as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mintage.evaluation.tables import Codes, Floats

View = Literal["own", "fixed", "accuracy"]
VIEWS: tuple[View, ...] = ("own", "fixed", "accuracy")
Integers = npt.NDArray[np.int64]
Small = npt.NDArray[np.integer]

BINS = 10
TOP_LEVELS = 10
_GRID = 4096
_BLOCK = 2**14
_FEW_VALUES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """One column of one table."""

    codes: Small
    """A fine code for each row."""
    size: int
    """Fine codes are below this."""
    views: dict[View, Integers]
    """For each view, the code that a fine code belongs to."""

    def counts(self, view: View, size: int) -> Integers:
        """Rows of each code of a view."""
        fine = np.bincount(self.codes, minlength=self.size)
        return np.bincount(self.views[view], weights=fine, minlength=size).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """One column in all tables; the sizes of its views are the same in all of them."""

    kind: Literal["continuous", "discrete"]
    sizes: dict[View, int]
    tables: tuple[Coded, ...]
    cut: tuple[bool, ...]
    """Of each table, whether NumPy, and so SDMetrics, can cut it in ten; discrete ones need no cut."""

    @property
    def size(self) -> int:
        """The greatest number of fine codes."""
        return max(coded.size for coded in self.tables)


def code_continuous(values: Sequence[Floats], ordered: Sequence[Floats]) -> Coding:
    """Cut a continuous column; `ordered` holds the same values without the missing ones, ascending.

    The first table is the real one.
    """
    fixed = equal_width_edges(ordered[0])[1:-1]
    deciles = _deciles(ordered[0])
    sizes: dict[View, int] = {"own": BINS + 1, "fixed": BINS + 1, "accuracy": len(deciles) + 2}
    tables = tuple(
        _cut(column, present, fixed, deciles) for column, present in zip(values, ordered, strict=True)
    )
    cut = tuple(_can_be_cut(present) for present in ordered)
    return Coding(kind="continuous", sizes=sizes, tables=tables, cut=cut)


def code_discrete(codes: Sequence[Codes], levels: int) -> Coding:
    """Make the codes of a discrete column (-1 where missing) into ours; the first table is the real one."""
    kind = np.uint8 if levels < 2**8 else np.uint16 if levels < 2**16 else np.int32
    fine: list[Small] = [np.where(column < 0, levels, column).astype(kind) for column in codes]
    same = np.arange(levels + 1, dtype=np.int64)
    top = _most_frequent(np.bincount(fine[0], minlength=levels + 1)[:levels])
    views: dict[View, Integers] = {"own": same, "fixed": same, "accuracy": top}
    sizes: dict[View, int] = {"own": levels + 1, "fixed": levels + 1, "accuracy": TOP_LEVELS + 2}
    tables = tuple(Coded(codes=column, size=levels + 1, views=views) for column in fine)
    return Coding(kind="discrete", sizes=sizes, tables=tables, cut=(True,) * len(tables))


def equal_width_edges(ordered: Floats) -> Floats:
    """The eleven edges of ten bins, as `numpy.histogram_bin_edges` chooses them; none without values.

    Where it cannot, as between two floats with no ten others in between, the first bin holds everything.
    """
    if not len(ordered):
        return np.empty(0)
    ends = ordered[[0, -1]]
    if not _can_be_cut(ordered):
        return np.append(ends[0], np.full(BINS, np.nextafter(ends[1], np.inf)))
    half = ends / 2
    if half[1] - half[0] > np.finfo(np.float64).max / 2:  # the span is more than a float holds
        return 2 * np.linspace(half[0], half[1], BINS + 1)
    edges: Floats = np.histogram_bin_edges(ends, BINS)
    return edges


def _can_be_cut(ordered: Floats) -> bool:
    """Whether ten bins of equal width have edges that differ, as `numpy.histogram_bin_edges` asks."""
    if not len(ordered):
        return True
    low, high = ordered[[0, -1]] if ordered[0] < ordered[-1] else ordered[[0, -1]] + [-0.5, 0.5]
    edges = 2 * np.linspace(low / 2, high / 2, BINS + 1)  # the span may be more than a float holds
    return bool(np.all(np.diff(edges) > 0))


def quantiles(ordered: Floats, shares: Sequence[float]) -> Floats:
    """Quantiles of ascending values, interpolated as `numpy.quantile` does by default.

    >>> quantiles(np.array([0.0, 1.0, 4.0]), [0.5, 0.75])
    array([1. , 2.5])
    """
    at = np.asarray(shares) * (len(ordered) - 1)
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, len(ordered) - 1)
    part = at - below
    found: Floats = ordered[below] * (1 - part) + ordered[above] * part
    return found


def _deciles(ordered: Floats) -> Floats:
    rows = len(ordered)
    return np.unique(ordered[np.arange(1, BINS) * rows // BINS]) if rows else np.empty(0)


def _most_frequent(counts: Integers) -> Integers:
    """0 to 9 for the most frequent levels, 10 for the others, 11 for the missing value that follows them."""
    view = np.full(len(counts) + 1, TOP_LEVELS, dtype=np.int64)
    frequent = np.argsort(-counts, kind="stable")[: min(TOP_LEVELS, int(np.count_nonzero(counts)))]
    view[frequent] = np.arange(len(frequent))
    view[-1] = TOP_LEVELS + 1
    return view


def _cut(values: Floats, ordered: Floats, fixed: Floats, deciles: Floats) -> Coded:
    own = equal_width_edges(ordered)
    edges = np.unique(np.concatenate([own, fixed, deciles]))
    size = len(edges) + 2
    lower = np.concatenate([[-np.inf], edges])
    views: dict[View, Integers] = {
        "own": np.append(np.clip(np.searchsorted(own, lower, "right") - 1, 0, BINS), BINS),
        "fixed": np.append(np.searchsorted(fixed, lower, "right"), BINS),
        "accuracy": np.append(np.searchsorted(deciles, lower, "right"), len(deciles) + 1),
    }
    codes = np.full(len(values), size - 1, dtype=np.uint8)
    if len(ordered) == len(values):
        codes = _digitize(values, edges, ordered)
    elif len(ordered):
        present = ~np.isnan(values)
        codes[present] = _digitize(values[present], edges, ordered)
    return Coded(codes=codes, size=size, views=views)


def _digitize(values: Floats, edges: Floats, ordered: Floats) -> npt.NDArray[np.uint8]:
    """How many edges are at or below each value: `numpy.searchsorted(edges, values, "right")`, but fast.

    A grid of equal cells answers for all values but those in a cell that holds an edge; these are looked
    up. It is exact, because the cell of a value never falls while the value grows.
    """
    least, greatest = float(ordered[0]), float(ordered[-1])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        scale = np.float64(_GRID) / (greatest - least)
        if len(values) < _FEW_VALUES or not np.isfinite(scale) or scale <= 0:
            return np.searchsorted(edges, values, "right").astype(np.uint8)
        at = np.clip((edges - least) * scale, -1, _GRID + 1)
    edge_cells = np.where(edges < least, -1, np.trunc(at)).astype(np.int64)
    table = np.searchsorted(edge_cells, np.arange(_GRID + 2), "left").astype(np.uint8)
    holds_edge = np.zeros(_GRID + 2, dtype=bool)
    holds_edge[edge_cells[edge_cells >= 0]] = True
    codes = np.empty(len(values), dtype=np.uint8)
    for start in range(0, len(values), _BLOCK):  # what is in between stays in the processor's cache
        block = values[start : start + _BLOCK]
        cells = ((block - least) * scale).astype(np.int64)
        found = table[cells]
        unsure = np.flatnonzero(holds_edge[cells])
        found[unsure] = np.searchsorted(edges, block[unsure], "right")
        codes[start : start + _BLOCK] = found
    return codes
