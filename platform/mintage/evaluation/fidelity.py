"""Fidelity: how close a synthetic table is to the real one, over all rows and all pairs of columns.

    fidelity = measure_fidelity(tables, options)
    fidelity.shape_error, fidelity.trend_error, fidelity.trend_error_fixed_edges

Shape and trend are SDMetrics' definitions (see `shape` and `trend`), each beside what fresh real rows,
the holdout, reach. Only the draw of column triples and of rows to count repetitions depends on the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mintage.evaluation.accuracy import Accuracies, measure_accuracy
from mintage.evaluation.missingness import measure_missingness
from mintage.evaluation.options import Options
from mintage.evaluation.repetition import measure_repetition
from mintage.evaluation.results import Ceiling, Fidelity, PairFidelity
from mintage.evaluation.shape import MeasuredColumn, measure_column
from mintage.evaluation.tables import Floats, Tables
from mintage.evaluation.trend import PairScores, score_pairs

MAX_PAIRS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeAndTrend:
    """The figures that SDMetrics' QualityReport has too; percentages, None where no pair can be scored."""

    shape_error: float
    trend_error: float | None
    trend_error_fixed_edges: float | None


def measure_fidelity(tables: Tables, options: Options) -> Fidelity:
    """Measure everything that two tables (and a holdout) say about fidelity; `drift` needs shards."""
    columns = _measure_columns(tables, options)
    pairs = score_pairs(tables, columns, everything=True)
    names = [column.fidelity.name for column in columns]
    accuracies = measure_accuracy([column.coding for column in columns], names, pairs, options.seed)
    errors = _errors(columns, pairs, 0)
    same = min(tables.real.rows, tables.synthetic.rows)
    real, synthetic = (
        measure_repetition(table, same, options.seed) for table in (tables.real, tables.synthetic)
    )
    return Fidelity(
        basis="all rows",
        rows_real=tables.real.rows,
        rows_synthetic=tables.synthetic.rows,
        shape_error=errors.shape_error,
        trend_error=errors.trend_error,
        trend_error_fixed_edges=errors.trend_error_fixed_edges,
        trend_error_associated=_error(pairs.own[0][pairs.associated]),
        error_bound=0.0,
        ceiling=_ceiling(columns, pairs, accuracies) if tables.holdout else None,
        accuracy=accuracies.found[0],
        weighted_nmi=_weighted_nmi(pairs, 1),
        columns=sorted((column.fidelity for column in columns), key=lambda column: column.score),
        pairs=_list_pairs(names, pairs),
        pair_count=int(np.isfinite(pairs.fixed[0]).sum()),
        missingness=measure_missingness(tables.real, tables.synthetic),
        distinct_share_real=real.distinct_share,
        distinct_share_synthetic=synthetic.distinct_share,
        top_row_share_real=real.top_row_share,
        top_row_share_synthetic=synthetic.top_row_share,
        notes=_notes(columns, pairs, accuracies),
    )


def measure_shape_and_trend(tables: Tables, options: Options) -> ShapeAndTrend:
    """Only the three errors, at a fraction of the time."""
    columns = _measure_columns(tables, options)
    return _errors(columns, score_pairs(tables, columns, everything=False), 0)


def _measure_columns(tables: Tables, options: Options) -> list[MeasuredColumn]:
    """Threads help: numpy sorts and searches without holding the interpreter's lock."""
    by_column = zip(*(table.columns for table in tables.all), strict=True)
    with ThreadPoolExecutor(max(1, options.threads)) as pool:
        return list(pool.map(measure_column, by_column))


def _errors(columns: Sequence[MeasuredColumn], pairs: PairScores, other: int) -> ShapeAndTrend:
    """The errors of the synthetic (0) or the holdout (1) table."""
    scores = [_shape_score(column, other) for column in columns]
    scored = [score for score, counts in scores if counts]
    trend = pairs.own[other]
    return ShapeAndTrend(
        shape_error=100 * (1 - float(np.mean(scored or [score for score, _ in scores]))),
        trend_error=_error(trend),
        trend_error_fixed_edges=_error(pairs.fixed[other]),
    )


def _shape_score(column: MeasuredColumn, other: int) -> tuple[float, bool]:
    if other == 0:
        return column.fidelity.score, column.scored
    return column.fidelity.holdout_score or 0.0, column.holdout_scored


def _error(scores: Floats) -> float | None:
    known = scores[np.isfinite(scores)]
    return 100 * (1 - float(known.mean())) if len(known) else None


def _ceiling(columns: Sequence[MeasuredColumn], pairs: PairScores, accuracies: Accuracies) -> Ceiling:
    errors = _errors(columns, pairs, 1)
    return Ceiling(
        shape_error=errors.shape_error,
        trend_error=errors.trend_error,
        trend_error_fixed_edges=errors.trend_error_fixed_edges,
        accuracy=accuracies.found[1],
        weighted_nmi=_weighted_nmi(pairs, 2),
    )


def _weighted_nmi(pairs: PairScores, table: int) -> float | None:
    """1 - the mean difference of normalised mutual information, weighted by the sum of the two.

    From Scassola et al. 2026 (arXiv 2603.23016), on the real table's ten equal-width bins, which are open
    at the ends here; None when no pair of columns has information about each other in either table.
    """
    upper = np.triu_indices(len(pairs.continuous), 1)
    real, other = pairs.information[0][upper], pairs.information[table][upper]
    weight = real + other
    if not weight.sum() > 0:
        return None
    return 1 - float((weight * np.abs(real - other)).sum() / weight.sum())


def _list_pairs(names: Sequence[str], pairs: PairScores) -> list[PairFidelity]:
    lefts, rights = np.nonzero(np.isfinite(pairs.fixed[0]))
    worst = np.argsort(pairs.fixed[0][lefts, rights], kind="stable")[:MAX_PAIRS]
    return [_pair(names, pairs, int(lefts[number]), int(rights[number])) for number in worst]


def _pair(names: Sequence[str], pairs: PairScores, left: int, right: int) -> PairFidelity:
    continuous = int(pairs.continuous[left]) + int(pairs.continuous[right])
    return PairFidelity(
        left=names[left],
        right=names[right],
        kind=("discrete", "mixed", "continuous")[continuous],
        score=_known(pairs.own[0], left, right),
        score_fixed_edges=float(pairs.fixed[0][left, right]),
        holdout_score_fixed_edges=_known(pairs.fixed[1], left, right) if len(pairs.fixed) > 1 else None,
        association_real=_known(pairs.association[0], left, right),
        association_synthetic=_known(pairs.association[1], left, right),
    )


def _known(figures: Floats, left: int, right: int) -> float | None:
    figure = float(figures[left, right])
    return figure if np.isfinite(figure) else None


def _notes(columns: Sequence[MeasuredColumn], pairs: PairScores, accuracies: Accuracies) -> list[str]:
    notes = []
    if empty := [column.fidelity.name for column in columns if not column.scored]:
        notes.append(f"without values in one of the tables, and left out of the shape error: {_some(empty)}")
    lost = [column.fidelity.name for column in columns if column.constant[1] and not column.constant[0]]
    if lost:
        notes.append(f"a single value in the synthetic table, but not in the real one: {_some(lost)}")
    size = len(columns)
    if size < 2:
        notes.append("a single column is measured: there are no pairs")
    if left_out := size * (size - 1) // 2 - int(np.isfinite(pairs.fixed[0]).sum()):
        notes.append(
            f"{left_out} pairs of continuous columns are left out of the trend errors: a column has a single "
            "value, fewer than two rows have both values, or the real correlation is exactly 0"
        )
    if accuracies.triples < accuracies.all_triples:
        notes.append(
            f"the trivariate accuracy is of {accuracies.triples} triples of columns, "
            f"drawn from {accuracies.all_triples}"
        )
    return notes


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown
