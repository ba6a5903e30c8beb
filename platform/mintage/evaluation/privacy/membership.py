"""Membership inference: can one tell from the synthetic rows who was in the training data?

The attacked rows are as many members (training rows) as non-members (holdout rows), drawn at random.
Values that occur on both sides are left out of both: they are members and non-members at once. A third
of the holdout is not attacked: it is what an attacker knows of the population, and its values are left out
as well, or a holdout that shares rows with train would give members away by them. What is learned on one
half of the attacked rows is tried on the other. (Were the known rows those of the other half, two rows
near each other would see the same distance, and a classifier would know non-members by it.) Four attacks:

* `closest`: how near the nearest synthetic row is;
* `density`: how much denser synthetic rows lie around it than fresh ones, from distances to the
  nearest of each (after B. van Breugel et al., Membership inference attacks against synthetic data
  through overfitting detection, AISTATS 2023: DOMIAS, with a nearest-neighbour density);
* `classifier`: boosted trees on all those distances, trained on rows with known membership: what the
  best-informed attacker could do;
* `outliers`: `density` on the tenth of the rows that are furthest from fresh ones. An average hides them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.intervals import auc_interval, normal
from mintage.evaluation.privacy.neighbours import nearest
from mintage.evaluation.privacy.rows import identify
from mintage.evaluation.privacy.space import Floats, Points
from mintage.evaluation.results import Interval, Membership

_NEIGHBOURS = 3
_OUTLIERS = 0.1
_FALSE_POSITIVES = 0.01
_FEWEST = 50
_NEARLY_ZERO = 1e-6
_WHOLE = ("closest", "density", "classifier")  # the attacks that try all rows

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Rows under attack, and what attacks made of them."""

    members: Flags
    scores: dict[str, Floats]
    """Greater means rather a member; NaN where an attack does not try."""


def measure_membership(
    synthetic: Points, real: Points, holdout: Points, *, rows: int, seed: int, threads: int
) -> Membership | None:
    """Attacks on at most `rows` members and as many non-members; None when there are too few of them.

    The advantage is that of the attack and of the threshold which did best on one half of the rows, measured
    on the other half, and the mean of both ways: with no leak it is 0 on average. In the same way, the
    area and the true positive rate are those of the attack on all rows that did best on the other half.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    order = rng.permutation(holdout.rows)
    known, rest = holdout.take(order[: holdout.rows // 3]), holdout.take(order[holdout.rows // 3 :])
    size = min(real.rows, rest.rows, rows)
    drawn = real.take(rng.permutation(real.rows)[:size]), rest.take(np.arange(size))
    members, outside = _apart(*(_without(points, known) for points in drawn))
    size = min(members.rows, outside.rows)
    if size < 2 * _FEWEST:
        return None
    targets = join(members.take(np.arange(size)), outside.take(np.arange(size)))
    features = _features(
        nearest(targets, synthetic, k=_NEIGHBOURS, threads=threads).distances,
        nearest(targets, known, k=_NEIGHBOURS, threads=threads).distances,
    )
    flags = np.arange(2 * size) < size
    halves = np.array_split(np.arange(size), 2)
    both = [np.concatenate([half, half + size]) for half in halves]
    return _judge(size, _score([(flags[half], features[half]) for half in both], seed))


def _apart(members: Points, outside: Points) -> tuple[Points, Points]:
    """Without the values that both have."""
    return _without(members, outside), _without(outside, members)


def _without(rows: Points, others: Points) -> Points:
    """The rows whose values are not among those of the others."""
    both = join(rows, others)
    ids = identify([*both.numbers.T, *both.codes.T])
    return rows.take(np.flatnonzero(~np.isin(ids[: rows.rows], ids[rows.rows :])))


def join(one: Points, other: Points) -> Points:
    """The points of both, one after the other."""
    return Points(
        numbers=np.concatenate([one.numbers, other.numbers]),
        codes=np.concatenate([one.codes, other.codes]),
        mismatch=one.mismatch,
    )


def _features(made: Floats, fresh: Floats) -> Floats:
    """float64 [rows, 2 k]: logarithms of the distances to synthetic and to fresh rows, the nearest first."""
    return np.log(np.hstack([made, fresh]) + _NEARLY_ZERO)


def _score(folds: list[tuple[Flags, Floats]], seed: int) -> list[Fold]:
    scored = []
    for i, (members, features) in enumerate(folds):
        made, fresh = features[:, :_NEIGHBOURS], features[:, _NEIGHBOURS:]
        density = fresh[:, 0] - made[:, 0]
        loneliness = fresh.mean(axis=1)
        lonely = loneliness >= np.quantile(loneliness, 1 - _OUTLIERS)
        scores = {
            "closest": -made[:, 0],
            "density": density,
            "classifier": _classify(*folds[1 - i], features, seed),
            "outliers": np.where(lonely, density, np.nan),
        }
        scored.append(Fold(members=members, scores=scores))
    return scored


def _classify(members: Flags, features: Floats, attacked: Floats, seed: int) -> Floats:
    """Scores of a classifier that learned on the other half."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=8, learning_rate=0.1, early_stopping=False, random_state=seed
    )
    model.fit(features, members)
    scores: Floats = model.predict_proba(attacked)[:, 1].astype(np.float64)
    return scores


def _judge(size: int, folds: list[Fold]) -> Membership:
    """What the attacks achieve, each figure with what did best on the other half."""
    areas = {name: _mean([_area(fold, name) for fold in folds]) for name in folds[0].scores}
    chosen = [_best(fold) for fold in folds[::-1]]
    strongest = [max(_WHOLE, key=lambda name: _area(fold, name).value) for fold in folds[::-1]]
    caught = [_true_positives(fold, name) for fold, name in zip(folds, strongest, strict=True)]
    return Membership(
        members=size,
        non_members=size,
        advantage=_mean(
            [_advantage(fold, *best) for fold, best in zip(folds, chosen, strict=True)], low=-1.0
        ),
        auc=_mean([_area(fold, name) for fold, name in zip(folds, strongest, strict=True)]),
        tpr_at_fpr_1=float(np.mean(caught)),
        attacks=areas,
    )


def _split(fold: Fold, name: str) -> tuple[Floats, Floats]:
    scores = fold.scores[name]
    tried = ~np.isnan(scores)
    return scores[tried & fold.members], scores[tried & ~fold.members]


def _area(fold: Fold, name: str) -> Interval:
    members, outside = _split(fold, name)
    if not len(members) or not len(outside):
        return Interval(value=0.5, low=0.0, high=1.0)
    return auc_interval(members, outside)


def _mean(parts: list[Interval], *, low: float = 0.0) -> Interval:
    """The mean of estimates from different rows."""
    errors = [(part.high - part.low) / 2 for part in parts]
    value = float(np.mean([part.value for part in parts]))
    error = sqrt(sum(error**2 for error in errors)) / len(parts)
    return Interval(value=value, low=max(low, value - error), high=min(1.0, value + error))


def _best(fold: Fold) -> tuple[str, float]:
    """The attack and the threshold with the greatest advantage that these rows are sure of."""
    found = []
    for name in fold.scores:
        members, outside = (np.sort(scores) for scores in _split(fold, name))
        if not len(members) or not len(outside):
            continue
        thresholds = np.unique(np.concatenate([members, outside]))
        true = 1 - np.searchsorted(members, thresholds) / len(members)
        false = 1 - np.searchsorted(outside, thresholds) / len(outside)
        error = np.sqrt(true * (1 - true) / len(members) + false * (1 - false) / len(outside))
        best = int((true - false - error).argmax())
        found.append((float((true - false - error)[best]), name, float(thresholds[best])))
    _, name, threshold = max(found)
    return name, threshold


def _advantage(fold: Fold, name: str, threshold: float) -> Interval:
    members, outside = _split(fold, name)
    if not len(members) or not len(outside):
        return Interval(value=0.0, low=-1.0, high=1.0)
    true, false = float((members >= threshold).mean()), float((outside >= threshold).mean())
    # A rate of 0 or 1 has an error too: one more success and one more failure (Agresti and Coull).
    variance = _variance(true, len(members)) + _variance(false, len(outside))
    return normal(true - false, sqrt(variance), low=-1.0)


def _variance(rate: float, count: int) -> float:
    fair = (rate * count + 1) / (count + 2)
    return fair * (1 - fair) / count


def _true_positives(fold: Fold, name: str) -> float:
    members, outside = _split(fold, name)
    return float((members > np.quantile(outside, 1 - _FALSE_POSITIVES, method="higher")).mean())
