"""Classifiers that tell two tables apart, fitted so that threads change nothing, and their AUC.

Each fit uses one thread; several fits run side by side. So a score is the same on one core and on sixteen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from mintage.evaluation.results import Interval

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from xgboost import Booster

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Made = TypeVar("Made")

FOLDS = 3
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A classifier that was trained on the other folds, judged on this one."""

    auc: float
    variance: float
    """Of the AUC, after DeLong."""
    gains: Floats
    """Total gain of each feature; empty when the classifier has none."""
    converged: bool = True


def side_by_side(fits: Sequence[Callable[[], Made]], threads: int) -> list[Made]:
    """Run the fits in at most `threads` threads; the results are in the order of the fits.

    That a regression stopped before it converged is no warning here: its fold says so.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no types

    # Both are settings of the whole process, so they are made here and not in each thread.
    with (
        warnings.catch_warnings(),
        threadpool_limits(1),
        ThreadPoolExecutor(max_workers=max(threads, 1)) as pool,
    ):
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [future.result() for future in [pool.submit(fit) for fit in fits]]


def stratified_folds(labels: npt.NDArray[Any], seed: int, folds: int = FOLDS) -> list[tuple[Rows, Rows]]:
    """Shuffled folds with equal shares of each label: (rows to train on, rows to test on)."""
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed % 2**32)
    return list(splitter.split(np.zeros((len(labels), 1)), labels))


def boosted_fold(matrix: csr_array, labels: Labels, train: Rows, test: Rows) -> Fold:
    """XGBoost's classifier with its default parameters and `random_state=0`: the published C2ST."""
    from xgboost import XGBClassifier

    model = XGBClassifier(random_state=0, n_jobs=1)
    model.fit(matrix[train], labels[train])
    auc, variance = auc_with_variance(labels[test], model.predict_proba(matrix[test])[:, 1])
    return Fold(
        auc=auc,
        variance=variance,
        gains=gains_of(model.get_booster(), matrix.shape[1]),
    )


def logistic_fold(matrix: Floats, labels: Labels, train: Rows, test: Rows) -> Fold:
    """SDMetrics' `LogisticDetection`: RobustScaler, LogisticRegression (lbfgs); a matrix without NaN.

    It may stop after its 100 iterations, as SDMetrics' does, without having converged; the fold says so.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import RobustScaler

    classifier = LogisticRegression(solver="lbfgs")
    model = make_pipeline(RobustScaler(copy=False), classifier)
    model.fit(matrix[train], labels[train])
    auc, variance = auc_with_variance(labels[test], model.predict_proba(matrix[test])[:, 1])
    converged = bool(np.max(classifier.n_iter_) < classifier.max_iter)
    return Fold(auc=auc, variance=variance, gains=np.zeros(0), converged=converged)


def gains_of(booster: Booster, width: int) -> Floats:
    """Total gain of each of `width` features of an XGBoost booster that was trained without names."""
    gains = np.zeros(width)
    for name, gain in booster.get_score(importance_type="total_gain").items():
        gains[int(name[1:])] = gain
    return gains


def auc_with_variance(labels: Labels, scores: npt.NDArray[Any]) -> tuple[float, float]:
    """Area under the ROC curve, ties counting half, and its variance.

    DeLong, DeLong and Clarke-Pearson (1988), computed by ranks as in Sun and Xu (2014). Needs both labels;
    the variance of a label with one row is taken as 0.

    >>> auc_with_variance(np.array([True, True, False, False]), np.array([0.9, 0.4, 0.4, 0.1]))
    (0.875, 0.03125)
    """
    from scipy.stats import rankdata

    positive, negative = scores[labels], scores[~labels]
    ranks = rankdata(scores)
    above = (ranks[labels] - rankdata(positive)) / len(negative)
    below = 1 - (ranks[~labels] - rankdata(negative)) / len(positive)
    parts = [float(np.var(part, ddof=1)) / len(part) if len(part) > 1 else 0.0 for part in (above, below)]
    return float(above.mean()), sum(parts)


def mean_auc(folds: Sequence[Fold]) -> Interval:
    """Mean AUC of the folds with its 95 % interval.

    The folds' test rows are disjoint, so their variances add up: LeDell, Petersen and van der Laan,
    Computationally efficient confidence intervals for cross-validated area under the ROC curve
    estimates (2015).
    """
    value = float(np.mean([fold.auc for fold in folds]))
    spread = _NORMAL_95 * float(np.sqrt(np.sum([fold.variance for fold in folds]))) / len(folds)
    return Interval(value=value, low=max(value - spread, 0.0), high=min(value + spread, 1.0))


def indistinguishable(folds: Sequence[Fold]) -> float:
    """The mean over folds of 1 - (2 max(.5, AUC) - 1): 1 when no fold tells the two apart."""
    return 1 - float(np.mean([2 * max(0.5, fold.auc) - 1 for fold in folds]))
