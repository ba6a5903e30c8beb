"""Gradient-boosted trees that predict a target: one set of parameters, whatever the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from mintage.evaluation.classifiers import gains_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]
Task = Literal["binary", "multiclass", "regression"]

DEPTH = 6
STOPPING_ROUNDS = 20
_TREES = 400
_FEWEST_ROUNDS = 40
_TOTAL_RATE = 20.0
_VALIDATION = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a model says of the rows that it is asked about."""

    predictions: Floats
    """(rows,) numbers, or (rows, classes) probabilities."""
    gains: Floats
    """Total gain of each feature."""


def predict_target(
    matrix: csr_array, labels: Floats, asked: csr_array, *, classes: int, seed: int
) -> Fitted | None:
    """Train XGBoost and predict the targets of the rows asked about; None when all labels are equal.

    `labels` are positions in 0 … classes - 1, or numbers when `classes` is 0. 200 rounds at a rate of .1
    (fewer and greater with more than two classes), depth 6; a tenth of the rows is kept aside, and training
    ends when they have not gained for 20 rounds. One thread.
    """
    import xgboost

    if labels.min() == labels.max():
        return None
    centre, scale = (0.0, 1.0) if classes else (float(labels.mean()), float(labels.std()) or 1.0)
    kept = _validation(labels, seed)
    data = xgboost.QuantileDMatrix(matrix[~kept], (labels[~kept] - centre) / scale, nthread=1)
    aside = xgboost.QuantileDMatrix(matrix[kept], (labels[kept] - centre) / scale, ref=data, nthread=1)
    rounds = max(_TREES // max(classes, 2), _FEWEST_ROUNDS)
    booster = xgboost.train(
        _parameters(labels, classes, rounds, seed),
        data,
        num_boost_round=rounds,
        evals=[(aside, "aside")],
        early_stopping_rounds=STOPPING_ROUNDS,
        verbose_eval=False,
    )
    booster = booster[: booster.best_iteration + 1]
    predictions = booster.predict(xgboost.DMatrix(asked, nthread=1)).astype(np.float64)
    if classes == 2:
        predictions = np.column_stack([1 - predictions, predictions])
    return Fitted(predictions=predictions * scale + centre, gains=gains_of(booster, matrix.shape[1]))


def _parameters(labels: Floats, classes: int, rounds: int, seed: int) -> dict[str, object]:
    shared: dict[str, object] = {
        "max_depth": DEPTH,
        "eta": min(_TOTAL_RATE / rounds, 0.3),
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed % 2**31,
    }
    if classes == 0:
        return {**shared, "objective": "reg:squarederror", "eval_metric": "rmse", "base_score": 0.0}
    if classes == 2:
        share = float(np.clip(labels.mean(), 1e-6, 1 - 1e-6))
        return {**shared, "objective": "binary:logistic", "eval_metric": "logloss", "base_score": share}
    # A class that these rows lack would have no logarithm as its own starting point.
    start = {"base_score": 0.5, "num_class": classes}
    return {**shared, "objective": "multi:softprob", "eval_metric": "mlogloss", **start}


def _validation(labels: Floats, seed: int) -> npt.NDArray[np.bool_]:
    """A tenth of the rows, spread evenly over the labels."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3,)))
    order = np.lexsort((rng.random(len(labels)), labels))
    kept = np.zeros(len(labels), dtype=np.bool_)
    kept[order[_VALIDATION // 2 :: _VALIDATION]] = True
    return kept
