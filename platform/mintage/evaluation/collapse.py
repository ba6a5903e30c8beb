"""Model collapse: what synthetic rows have lost of the spread and the support of the real ones.

A model that learns from what a model made loses the tails first and the variance next, generation after
generation (Shumailov et al. 2024, AI models collapse when trained on recursively generated data, Nature 631,
755-759), unless the real rows stay among what is learned from (Gerstgrasser et al. 2024, Is model collapse
inevitable?, arXiv 2404.01413). So a column is asked how much of its variance, its tails and its support is
left, and lineage how many generations lie between these rows and real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from mintage.evaluation.options import Options
from mintage.evaluation.remarks import Remarks
from mintage.evaluation.repetition import measure_repetition
from mintage.evaluation.results import Collapse, CollapseCeiling, ColumnCollapse, NotComputed
from mintage.evaluation.tables import Codes, Column, Floats, Table, Tables

_TAIL_SHARE = 0.01
_TAIL_ROWS = 5
_BINS = 100
_CONSTANT = "variance retention was not computed where the real column is constant"
_NO_TAIL = f"tail retention was not computed where fewer than {_TAIL_ROWS} real rows are that rare"
_UNMEASURED = "columns without a single real value were left out"
_EMPTY = "nothing is left of columns that hold no value in the synthetic table"
_FEW = "variance retention was not computed where the synthetic rows are too few to hold two real levels"
_BOUNDLESS = "variance retention was not computed where the synthetic variance is beyond what a float holds"

Counts = npt.NDArray[np.int64]


def measure_collapse(
    tables: Tables, options: Options, *, generation: int | None = None, real_fraction: float | None = None
) -> Collapse | NotComputed:
    """Measure what is left of every column, on all rows given.

    `generation` (0 is real) and `real_fraction` (in [0, 1]) come from lineage; None when it does not say.
    Medians are over the columns for which a figure exists. Not computed when no real column has a value.
    """
    remarks = Remarks()
    columns = _measure_columns(tables.real, tables.synthetic, options.seed, remarks)
    if not columns:
        return NotComputed(not_computed="no column of the real table has a value")
    notes = remarks.lines()
    if generation is None or real_fraction is None:
        notes.append("generation and real fraction are not known: the lineage of these rows does not say")
    return Collapse(
        variance_retention=_median([column.variance_retention for column in columns]),
        tail_retention=_median([column.tail_retention for column in columns]),
        support_coverage=_median_of([column.support_coverage for column in columns]),
        support_expected=_median([column.support_expected for column in columns]),
        distinct_share_ratio=_distinct_share_ratio(tables.real, tables.synthetic, options.seed),
        ceiling=_ceiling(tables, options.seed),
        generation=generation,
        real_fraction=real_fraction,
        columns=sorted(columns, key=_what_is_left),
        notes=notes,
    )


def _ceiling(tables: Tables, seed: int) -> CollapseCeiling | None:
    if tables.holdout is None:
        return None
    columns = _measure_columns(tables.real, tables.holdout, seed, Remarks())
    return CollapseCeiling(
        variance_retention=_median([column.variance_retention for column in columns]),
        tail_retention=_median([column.tail_retention for column in columns]),
        support_coverage=_median_of([column.support_coverage for column in columns]),
        distinct_share_ratio=_distinct_share_ratio(tables.real, tables.holdout, seed),
    )


def _measure_columns(real: Table, other: Table, seed: int, remarks: Remarks) -> list[ColumnCollapse]:
    pairs = zip(real.columns, other.columns, strict=True)
    measured = (_measure_column(mine, theirs, seed, remarks) for mine, theirs in pairs)
    return [column for column in measured if column is not None]


def _measure_column(real: Column, other: Column, seed: int, remarks: Remarks) -> ColumnCollapse | None:
    mine, theirs = real.values[~real.missing], other.values[~other.missing]
    if not len(mine):
        remarks.add(_UNMEASURED, real.name)
        return None
    if real.kind == "continuous":
        numbers, others = np.sort(cast("Floats", mine)), np.sort(cast("Floats", theirs))
        variance = _variance_retention(numbers, others, real.name, remarks)
        tail = _mass_retention(*_tails(numbers, others), real.name, remarks)
        edges = np.unique(numbers[np.arange(_BINS) * len(numbers) // _BINS])
        within = others[: np.searchsorted(others, numbers[-1], "right")]
        support = _support(_counts_in(edges, numbers), _counts_in(edges, within), len(theirs))
    else:
        before = np.bincount(cast("Codes", mine), minlength=len(real.levels))
        after = np.bincount(cast("Codes", theirs), minlength=len(real.levels))
        variance = _entropy_retention(before, after, seed, real.name, remarks)
        rare = (before > 0) & (before < _TAIL_SHARE * before.sum())
        tail = _mass_retention(
            (int(before[rare].sum()), len(mine)), (int(after[rare].sum()), len(theirs)), real.name, remarks
        )
        support = _support(before, after, len(theirs))
    if not len(theirs):
        remarks.add(_EMPTY, real.name)
    return ColumnCollapse(
        name=real.name,
        variance_retention=variance,
        tail_retention=tail,
        support_coverage=support[0],
        support_expected=support[1],
    )


# --- spread --------------------------------------------------------------------------------------


def _variance_retention(numbers: Floats, other: Floats, name: str, remarks: Remarks) -> float | None:
    """Ratio of the variances of sorted values, scaled alike so that no square of a real value overflows."""
    if numbers[0] == numbers[-1]:  # asked of the values: the variance of equal floats need not be 0
        remarks.add(_CONSTANT, name)
        return None
    if not len(other):
        return 0.0
    centre = numbers[len(numbers) // 2]
    with np.errstate(all="ignore"):
        scale = max(abs(numbers[0] / 2 - centre / 2), abs(numbers[-1] / 2 - centre / 2))
        before = np.var((numbers / 2 - centre / 2) / scale)
        retention = np.var((other / 2 - centre / 2) / scale) / before
    if not np.isfinite(retention):
        remarks.add(_BOUNDLESS, name)
        return None
    return float(retention)


def _entropy_retention(before: Counts, after: Counts, seed: int, name: str, remarks: Remarks) -> float | None:
    """Ratio of Shannon entropies, both of equally many rows: the fewer rows, the lower an entropy is."""
    if np.count_nonzero(before) < 2:
        remarks.add(_CONSTANT, name)
        return None
    if not after.sum():
        return 0.0
    rows = int(min(before.sum(), after.sum()))
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    real = _entropy(_draw(before, rows, rng))
    if real == 0:
        remarks.add(_FEW, name)
        return None
    return _entropy(_draw(after, rows, rng)) / real


def _draw(counts: Counts, rows: int, rng: np.random.Generator) -> Counts:
    """The counts of so many rows, drawn without replacement."""
    if counts.sum() == rows:
        return counts
    drawn: Counts = rng.multivariate_hypergeometric(counts, rows, method="marginals")
    return drawn


def _entropy(counts: Counts) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-np.sum(shares * np.log(shares)))


# --- tails and support ---------------------------------------------------------------------------


def _tails(numbers: Floats, other: Floats) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows beyond the real 1 % and 99 % quantiles, of how many: real, other.

    Both are sorted. Beyond means strictly: in a column that is 0 in most rows, 0 is no tail.
    """
    beyond = int(_TAIL_SHARE * len(numbers))
    low, high = numbers[beyond], numbers[len(numbers) - 1 - beyond]
    mine, others = (
        int(np.searchsorted(values, low, "left") + len(values) - np.searchsorted(values, high, "right"))
        for values in (numbers, other)
    )
    return (mine, len(numbers)), (others, len(other))


def _mass_retention(
    real: tuple[int, int], other: tuple[int, int], name: str, remarks: Remarks
) -> float | None:
    if real[0] < _TAIL_ROWS:
        remarks.add(_NO_TAIL, name)
        return None
    return (other[0] / other[1]) / (real[0] / real[1]) if other[1] else 0.0


def _counts_in(edges: Floats, ordered: Floats) -> Counts:
    """Rows in each bin from one edge up to the next; what lies below the first is in none."""
    return np.diff(np.searchsorted(ordered, edges, "left"), append=len(ordered))


def _support(before: Counts, after: Counts, rows: int) -> tuple[float, float]:
    """The real mass of what occurs, and the mass that as many fresh real rows would reach on average."""
    shares = before / before.sum()
    expected = np.sum(shares * -np.expm1(rows * np.log1p(-np.minimum(shares, 1 - 1e-16))))
    return min(1.0, float(shares[after > 0].sum())), min(1.0, float(expected))


# --- the whole -----------------------------------------------------------------------------------


def _distinct_share_ratio(real: Table, other: Table, seed: int) -> float:
    rows = min(real.rows, other.rows)
    shares = [measure_repetition(table, rows, seed).distinct_share for table in (other, real)]
    return shares[0] / shares[1]


def _what_is_left(column: ColumnCollapse) -> tuple[float, str]:
    """The least that a column kept of anything."""
    covered = column.support_coverage / (column.support_expected or 1.0)
    kept = [column.variance_retention, column.tail_retention, covered]
    return min(share for share in kept if share is not None), column.name


def _median(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return _median_of(known) if known else None


def _median_of(figures: Sequence[float]) -> float:
    return float(np.median(figures))
