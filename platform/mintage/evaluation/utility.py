"""Utility: does a model that learned from synthetic rows serve on real ones?

Train on synthetic, test on real (TSTR: Esteban, Hyland and Rätsch 2017) beside the same model trained on
real rows (TRTR), and on both together. The test is the area under the ROC curve for a discrete target (with
more than two classes the mean of each class against the rest), the root mean squared error for numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mintage.evaluation.classifiers import auc_with_variance
from mintage.evaluation.options import Options
from mintage.evaluation.results import Feature, NotComputed, Utility
from mintage.evaluation.tables import Tables
from mintage.evaluation.target_models import TargetModels, fit_target_models

Floats = npt.NDArray[np.float64]


def measure_utility(
    tables: Tables, options: Options, models: TargetModels | NotComputed | None = None
) -> Utility | NotComputed:
    """Score the models that predict `options.target`; they are trained here unless they are given."""
    models = models or fit_target_models(tables, options)
    if isinstance(models, NotComputed):
        return models
    agreement, notes = _agreement(models.importances_real, models.importances_synthetic)
    regression = models.task == "regression"
    return Utility(
        target=models.target,
        task=models.task,
        metric="rmse" if regression else "auc",
        tested_on=models.tested_on,
        rows=models.trained_rows,
        rows_tested=models.tested.rows,
        tstr=_score(models, models.synthetic),
        trtr=_score(models, models.real),
        hybrid=_score(models, models.hybrid),
        tstr_r2=_explained(models.truth, models.synthetic) if regression else None,
        trtr_r2=_explained(models.truth, models.real) if regression else None,
        importance_agreement=agreement,
        importances_real=list(models.importances_real),
        importances_synthetic=list(models.importances_synthetic),
        notes=[*models.notes, *_notes(models), *notes],
    )


def _score(models: TargetModels, predictions: Floats | None) -> float | None:
    if predictions is None:
        return None
    if models.task == "regression":
        return float(np.sqrt(np.mean((predictions - models.truth) ** 2)))
    asked = [1] if models.task == "binary" else range(len(models.classes))
    scores = []
    for position in asked:
        held = models.truth == position
        if held.any() and not held.all():
            scores.append(auc_with_variance(held, predictions[:, position])[0])
    return float(np.mean(scores))


def _explained(truth: Floats, predictions: Floats | None) -> float | None:
    """Share of the variance that is explained (R2); negative when worse than the mean."""
    if predictions is None:
        return None
    return 1 - float(np.mean((predictions - truth) ** 2) / np.var(truth))


def _agreement(real: Sequence[Feature], synthetic: Sequence[Feature]) -> tuple[float | None, list[str]]:
    """Spearman's rank correlation of two importances of the same columns."""
    from scipy.stats import spearmanr

    other = {feature.name: feature.importance for feature in synthetic}
    pairs = np.array([(feature.importance, other.get(feature.name, 0.0)) for feature in real])
    if len(pairs) < 3 or np.ptp(pairs, axis=0).min() == 0:
        return None, ["feature importances cannot be ranked against each other: too few columns differ"]
    return float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic), []


def _notes(models: TargetModels) -> list[str]:
    absent = [name for name in ("real", "synthetic", "hybrid") if getattr(models, name) is None]
    notes = [
        f"no model was trained on {name} rows: their target has one value or too few rows" for name in absent
    ]
    semantics = models.tested.column(models.target).semantics.value
    if models.task == "regression" and semantics == "datetime":
        notes.append("errors are in microseconds, the unit of dates and times")
    return notes
