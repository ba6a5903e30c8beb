"""Models that predict the target: trained on real rows, on synthetic ones, and on both.

Utility scores these models, fairness looks at whom they treat how; so they are trained once:

    models = fit_target_models(tables, options)
    measure_utility(tables, options, models)
    measure_fairness(tables, options, models=models)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mintage.evaluation.boosting import Fitted, Task, predict_target
from mintage.evaluation.classifiers import side_by_side
from mintage.evaluation.features import Design, plan_features
from mintage.evaluation.options import Options
from mintage.evaluation.results import Feature, NotComputed
from mintage.evaluation.tables import Table, Tables
from mintage.evaluation.targets import FEWEST_ROWS, Known, Target, find_target, usable_holdout

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

CROSS_VALIDATED = "the real rows; models of real rows by 3-fold cross-validation"
_FOLDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetModels:
    """What models that differ only in their training rows predict for the same real rows."""

    target: str
    task: Task
    classes: tuple[str, ...]
    """Levels of a discrete target, in the order of the predictions' columns; none for numbers."""
    tested_on: str
    tested: Table
    """The real rows that are predicted: all that have a known target."""
    truth: Floats
    """Their targets: (rows,), numbers or positions in `classes`."""
    trained_rows: int
    """Rows that each of the two models was trained on (the hybrid: on twice as many)."""
    real: Floats | None
    """Predictions of the model trained on real rows: (rows,) numbers, or (rows, classes) probabilities."""
    synthetic: Floats | None
    hybrid: Floats | None
    importances_real: tuple[Feature, ...]
    importances_synthetic: tuple[Feature, ...]
    notes: tuple[str, ...]


def fit_target_models(tables: Tables, options: Options) -> TargetModels | NotComputed:
    """Train the models with one budget, and predict the holdout's targets.

    Each side trains on equally many rows, at most `options.max_rows`; rows without a target are left out.
    Without a usable holdout the real rows are predicted, by three-fold cross-validation where real rows
    are trained on. `NotComputed` tells why there is nothing to learn.
    """
    target = find_target(tables, options)
    if isinstance(target, NotComputed):
        return target
    notes: list[str] = []
    sides = _Sides(
        real=target.known(tables.real, notes),
        synthetic=target.known(tables.synthetic, notes),
        holdout=usable_holdout(target, tables.holdout, notes),
    )
    notes.extend(target.unseen(sides.synthetic, "synthetic"))
    design = plan_features(tables.all, (target.name,))
    if design.ranked:
        notes.append(
            f"columns with many levels were used as ranks of frequency: {', '.join(design.ranked[:10])}"
        )
    if design.width == 0:
        return NotComputed(not_computed=f"no column is left to predict the target {target.name!r} from")
    plan = _plan(target, design, sides, options)
    done = plan.run(options.threads)
    tested = sides.holdout or sides.real
    return TargetModels(
        target=target.name,
        task=target.task,
        classes=target.classes,
        tested_on="holdout" if sides.holdout else CROSS_VALIDATED,
        tested=tested.table,
        truth=tested.labels,
        trained_rows=plan.budget,
        real=done["real"].predictions,
        synthetic=done["synthetic"].predictions,
        hybrid=done["hybrid"].predictions,
        importances_real=tuple(design.by_column(done["real"].gains)),
        importances_synthetic=tuple(design.by_column(done["synthetic"].gains)),
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    real: Known
    synthetic: Known
    holdout: Known | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Predicted:
    predictions: Floats | None
    gains: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Which rows each model is trained on and predicts."""

    target: Target
    real: csr_array
    real_labels: Floats
    synthetic: csr_array
    synthetic_labels: Floats
    tested: csr_array
    folds: list[tuple[Rows, Rows]]
    """(real rows to train on, rows to predict); one, all and all, with a holdout."""
    budget: int
    seed: int

    def run(self, threads: int) -> dict[str, _Predicted]:
        """Train and predict; the models of real rows once per fold."""
        everything = np.arange(self.tested.shape[0])
        asked = {
            # The longest first, so that no thread waits for it at the end.
            "hybrid": self.folds,
            "synthetic": [(np.arange(0), everything)],
            "real": self.folds,
        }
        fits = [
            (name, test, partial(self._fit, name, train, test))
            for name, folds in asked.items()
            for train, test in folds
        ]
        done = side_by_side([fit for _, _, fit in fits], threads)
        made: dict[str, list[tuple[Rows, Fitted | None]]] = {name: [] for name in asked}
        for (name, test, _), fitted in zip(fits, done, strict=True):
            made[name].append((test, fitted))
        return {name: self._gather(parts) for name, parts in made.items()}

    def _fit(self, name: str, train: Rows, test: Rows) -> Fitted | None:
        from scipy.sparse import vstack

        if name != "real" and self.synthetic.shape[0] < FEWEST_ROWS:
            return None
        mine = train[_drawn(len(train), self.budget, self.seed, 0)]
        made = _drawn(self.synthetic.shape[0], self.budget, self.seed, 1)
        sources = {
            "real": [(self.real, self.real_labels, mine)],
            "synthetic": [(self.synthetic, self.synthetic_labels, made)],
        }
        sources["hybrid"] = [*sources["real"], *sources["synthetic"]]
        return predict_target(
            vstack([matrix[rows] for matrix, _, rows in sources[name]], format="csr"),
            np.concatenate([labels[rows] for _, labels, rows in sources[name]]),
            self.tested[test],
            classes=len(self.target.classes),
            seed=self.seed,
        )

    def _gather(self, parts: list[tuple[Rows, Fitted | None]]) -> _Predicted:
        classes = len(self.target.classes)
        rows = self.tested.shape[0]
        predictions = np.empty((rows, classes) if classes else rows)
        gains = np.zeros(self.tested.shape[1])
        for test, fitted in parts:
            if fitted is None:
                return _Predicted(predictions=None, gains=gains * 0)
            predictions[test] = fitted.predictions
            gains += fitted.gains
        return _Predicted(predictions=predictions, gains=gains)


def _plan(target: Target, design: Design, sides: _Sides, options: Options) -> _Plan:
    real, synthetic, holdout = sides.real, sides.synthetic, sides.holdout
    matrix = design.matrix(real.table)
    folds = _folds(real.labels, options.seed)
    if holdout is not None:
        folds = [(np.arange(real.table.rows), np.arange(holdout.table.rows))]
    budget = min(min(len(train) for train, _ in folds), options.max_rows)
    if synthetic.table.rows >= FEWEST_ROWS:
        budget = min(budget, synthetic.table.rows)
    return _Plan(
        target=target,
        real=matrix,
        real_labels=real.labels,
        synthetic=design.matrix(synthetic.table),
        synthetic_labels=synthetic.labels,
        tested=design.matrix(holdout.table) if holdout else matrix,
        folds=folds,
        budget=budget,
        seed=options.seed,
    )


def _drawn(rows: int, count: int, seed: int, stream: int) -> Rows:
    if rows <= count:
        return np.arange(rows)
    chosen = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,))).choice(
        rows, count, replace=False
    )
    return np.sort(chosen)


def _folds(labels: Floats, seed: int) -> list[tuple[Rows, Rows]]:
    """Shuffled folds with equal shares of each label, however rare it is."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    order = np.lexsort((rng.random(len(labels)), labels))
    fold = np.empty(len(labels), dtype=np.int64)
    fold[order] = np.arange(len(labels)) % _FOLDS
    return [(np.flatnonzero(fold != each), np.flatnonzero(fold == each)) for each in range(_FOLDS)]
