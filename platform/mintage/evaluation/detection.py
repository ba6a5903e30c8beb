"""Detection: how well a classifier tells synthetic rows from real ones (C2ST, the two-sample test).

Protocol of the published tables (TabSyn, TabDiff, TabPC; they build on SDMetrics' detection metrics): as
many real as synthetic rows, three stratified shuffled folds, XGBoost with default parameters or SDMetrics'
logistic regression, and the mean over the folds of 1 - (2 max(.5, AUC) - 1). The same here: folds,
classifiers, scores, one-hot categories, all rows up to `options.max_rows`. What differs: integers that the
options call categories are one-hot too; a missing number stays missing for the trees, with a feature that
says so (SDMetrics puts the real mean in its place, and so does our logistic test); folds have a seed; a
level that train lacks is a level, not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mintage.evaluation.classifiers import (
    FOLDS,
    Floats,
    Fold,
    Labels,
    Rows,
    boosted_fold,
    indistinguishable,
    logistic_fold,
    mean_auc,
    side_by_side,
    stratified_folds,
)
from mintage.evaluation.features import Design, plan_features
from mintage.evaluation.options import Options
from mintage.evaluation.results import Detection, NotComputed
from mintage.evaluation.tables import Table, Tables

FEWEST_ROWS = 100
"""Rows of each side below which no classifier is asked."""
_DENSE_WIDTH = 512
"""One-hot features of the logistic regression, whose matrix is dense: 100,000 rows of them are 400 MB."""


def measure_detection(tables: Tables, options: Options) -> Detection | NotComputed:
    """Tell the synthetic rows from the training rows and from the holdout.

    `c2st_xgb` is the published figure: as many rows as there are on the smaller side. A holdout is often
    smaller than that, and fewer rows are harder to tell apart; so `c2st_xgb_matched` repeats the test
    against train with the holdout's number of rows. Compare `c2st_xgb_holdout` with that one.
    """
    rows = min(tables.real.rows, tables.synthetic.rows, options.max_rows)
    if rows < FEWEST_ROWS:
        return NotComputed(not_computed=f"{rows} rows on a side are too few; {FEWEST_ROWS} are needed")
    design = plan_features(tables.all)
    train, *others = asked = _comparisons(tables, rows, options.seed)
    dense = plan_features(tables.all, one_hot=_DENSE_WIDTH)
    fits = [fit for each in asked for fit in _boosted_fits(design, each)]
    folds = side_by_side([*_logistic_fits(dense, train), *fits], options.threads)
    logistic, by_train, *rest = [folds[start : start + FOLDS] for start in range(0, len(folds), FOLDS)]
    holdout = rest[0] if rest else None
    matched = (rest[1] if len(rest) > 1 else by_train) if holdout else None
    return Detection(
        rows=rows,
        c2st_xgb=indistinguishable(by_train),
        c2st_xgb_holdout=indistinguishable(holdout) if holdout else None,
        c2st_xgb_matched=indistinguishable(matched) if matched else None,
        rows_holdout=others[0].rows if others else None,
        c2st_logistic=indistinguishable(logistic),
        auc_xgb=mean_auc(by_train),
        auc_xgb_holdout=mean_auc(holdout) if holdout else None,
        auc_xgb_matched=mean_auc(matched) if matched else None,
        features=design.by_column(np.sum([fold.gains for fold in by_train], axis=0)),
        notes=[
            *_row_notes(tables, options, asked),
            *_fit_notes(design, dense, by_train, logistic),
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """As many real rows as synthetic ones; stacked in this order."""

    real: Table
    synthetic: Table
    labels: Labels
    """True where real."""
    folds: list[tuple[Rows, Rows]]

    @property
    def rows(self) -> int:
        """Rows of each side."""
        return self.real.rows


def _comparisons(tables: Tables, rows: int, seed: int) -> list[_Comparison]:
    """Against train; against the holdout; against as many training rows when the holdout has fewer."""
    asked = [(tables.real, rows)]
    if tables.holdout is not None and tables.holdout.rows >= FEWEST_ROWS:
        fewer = min(rows, tables.holdout.rows)
        asked.append((tables.holdout, fewer))
        if fewer < rows:
            asked.append((tables.real, fewer))
    return [_comparison(real, tables.synthetic, count, seed) for real, count in asked]


def _comparison(real: Table, synthetic: Table, rows: int, seed: int) -> _Comparison:
    # Two seeds: were the same positions drawn, copies in the order of the training rows would all meet.
    other = int(np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(1)[0])
    labels = np.arange(2 * rows) < rows
    return _Comparison(
        real=real.sample(rows, seed),
        synthetic=synthetic.sample(rows, other),
        labels=labels,
        folds=stratified_folds(labels, seed),
    )


def _boosted_fits(design: Design, comparison: _Comparison) -> list[Callable[[], Fold]]:
    from scipy.sparse import vstack

    matrix = vstack(
        [design.matrix(comparison.real), design.matrix(comparison.synthetic)], format="csr", dtype=np.float32
    )
    return [partial(boosted_fold, matrix, comparison.labels, *fold) for fold in comparison.folds]


def _logistic_fits(design: Design, comparison: _Comparison) -> list[Callable[[], Fold]]:
    """SDMetrics' test: no features for what is missing, the real mean in its place."""
    shown = ~design.indicators
    sides = [
        design.matrix(side).toarray()[:, shown].astype(np.float64)
        for side in (comparison.real, comparison.synthetic)
    ]
    known = ~np.isnan(sides[0])
    means = np.sum(sides[0], axis=0, where=known) / np.maximum(known.sum(axis=0), 1)
    matrix: Floats = np.concatenate(sides)
    np.copyto(matrix, means, where=np.isnan(matrix))
    return [partial(logistic_fold, matrix, comparison.labels, *fold) for fold in comparison.folds]


def _row_notes(tables: Tables, options: Options, asked: Sequence[_Comparison]) -> list[str]:
    train, *others = asked
    notes: list[str] = []
    if not tables.real.rows == tables.synthetic.rows == train.rows:
        notes.append(
            f"{train.rows} rows of each side were used, of {tables.real.rows} real and "
            f"{tables.synthetic.rows} synthetic rows (at most {options.max_rows})"
        )
    if tables.holdout is not None and not others:
        notes.append(
            f"the holdout has {tables.holdout.rows} rows; {FEWEST_ROWS} are needed to test against it"
        )
    if len(others) > 1:
        notes.append(
            f"the test against the holdout has {others[0].rows} rows a side, the one against train "
            f"{train.rows}: compare it with c2st_xgb_matched, which has as many"
        )
    return notes


def _fit_notes(
    design: Design, dense: Design, by_train: Sequence[Fold], logistic: Sequence[Fold]
) -> list[str]:
    notes: list[str] = []
    if mean_auc(by_train).high < 0.5:
        notes.append(
            "the trees do worse than chance against train: synthetic rows repeat training rows, which are "
            "then labelled both ways"
        )
    if stopped := sum(not fold.converged for fold in logistic):
        notes.append(
            f"the logistic regression stopped at its iteration limit in {stopped} of {len(logistic)} folds, "
            "as SDMetrics' does"
        )
    for which, ranked in (("the trees", design.ranked), ("the logistic regression", dense.ranked)):
        if ranked:
            notes.append(
                f"{len(ranked)} columns with many levels were given to {which} as ranks of frequency, "
                f"not one-hot: {', '.join(ranked[:10])}"
            )
    return notes
