"""How pairs of columns go together: what SDMetrics calls column pair trends, and what it leaves out.

As in SDMetrics 0.32, with its thresholds at 0 and all rows:

* two continuous columns score 1 - |r - r'| / 2 with Pearson's r over the rows where both have a value.
  The pair is left out of the mean when either column has a single value in either table, when fewer than
  two rows are complete, when r is undefined, and when the real r is exactly 0;
* other pairs score 1 - the total variation distance of their joint distributions. A continuous column is
  cut in ten equal-width bins between its least and greatest value *in its own table*, so that one
  outlier moves every bin of one table; the greatest value gets an eleventh bin, which also holds the
  missing ones. Missing levels are a level. A pair is left out when a column cannot be cut in ten, as a
  date that is always the same: there are no ten floats around its nanoseconds.

The same with fixed edges cuts both tables at the real table's edges, with the outer bins open and the
missing values in a bin of their own.

SDMetrics' report by itself draws 50,000 rows for each joint count, and since it has thresholds it only
takes the mean over pairs with a real |r| above .5 or a real Cramér's V (of what it counted) above .3:
`associated` says which these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mintage.evaluation.association import (
    correlation_ratios,
    correlations,
    cramers_v,
    mutual_information,
)
from mintage.evaluation.joint import Cells, Joint, count_pairs
from mintage.evaluation.shape import MeasuredColumn
from mintage.evaluation.tables import Floats, Tables

CORRELATION_THRESHOLD = 0.5
ASSOCIATION_THRESHOLD = 0.3
_NOTHING = 1e-14
"""A correlation below this is what rounding leaves of 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScores:
    """Figures of all pairs: matrices of columns x columns of which the upper triangle is filled.

    NaN stands for what is undefined or was not asked for. Lists have one matrix for each table that is
    compared with the real one (synthetic, holdout), or for each table.
    """

    own: list[Floats]
    fixed: list[Floats]
    accuracy: list[Floats]
    association: list[Floats]
    """Pearson's r, Cramér's V over complete rows, or correlation ratio; real, then synthetic."""
    information: list[Floats]
    """Normalised mutual information on the fixed edges, of each table."""
    strength: Floats
    """Of the real table, what SDMetrics compares with its thresholds: |r|, or V with missing as a level."""
    continuous: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """Which columns are continuous."""

    @property
    def associated(self) -> npt.NDArray[np.bool_]:
        """Which pairs SDMetrics' report takes by itself."""
        threshold = np.where(_both_continuous(self), CORRELATION_THRESHOLD, ASSOCIATION_THRESHOLD)
        with np.errstate(invalid="ignore"):
            return np.asarray(self.strength > threshold)


def score_pairs(tables: Tables, columns: Sequence[MeasuredColumn], *, everything: bool) -> PairScores:
    """Score all pairs; without `everything` only what the two trend errors need."""
    scores = _empty(columns, len(tables.all))
    _score_continuous(tables, columns, scores)
    for joint in count_pairs([column.coding for column in columns], continuous=everything):
        _score_joint(joint, scores, everything=everything)
    for number, own in enumerate(scores.own, start=1):
        uncut = np.array([not (column.coding.cut[0] and column.coding.cut[number]) for column in columns])
        own[np.logical_or.outer(uncut, uncut) & ~_both_continuous(scores)] = np.nan
    if everything:
        _relate_mixed(tables, columns, scores)
    return scores


def _both_continuous(scores: PairScores) -> npt.NDArray[np.bool_]:
    both: npt.NDArray[np.bool_] = np.logical_and.outer(scores.continuous, scores.continuous)
    return both


def _empty(columns: Sequence[MeasuredColumn], tables: int) -> PairScores:
    def matrices(number: int) -> list[Floats]:
        return [np.full((len(columns), len(columns)), np.nan) for _ in range(number)]

    return PairScores(
        own=matrices(tables - 1),
        fixed=matrices(tables - 1),
        accuracy=matrices(tables - 1),
        association=matrices(2),
        information=matrices(tables),
        strength=matrices(1)[0],
        continuous=np.array([column.coding.kind == "continuous" for column in columns], dtype=bool),
    )


def _score_continuous(tables: Tables, columns: Sequence[MeasuredColumn], scores: PairScores) -> None:
    chosen = [column for column in columns if column.scales]
    if len(chosen) < 2:
        return
    found = [
        correlations(table.of_kind("continuous"), [column.scales[number] for column in chosen])
        for number, table in enumerate(tables.all)
    ]
    varies = np.array([[not one for one in column.constant] for column in chosen])  # columns x tables
    places = np.flatnonzero(scores.continuous)
    block = np.ix_(places, places)
    upper = np.triu(np.ones(found[0].shape, dtype=bool), 1)
    for number, other in enumerate(found[1:], start=1):
        both = varies[:, 0] & varies[:, number]
        score = np.where(np.logical_and.outer(both, both) & upper, 1 - np.abs(found[0] - other) / 2, np.nan)
        with np.errstate(invalid="ignore"):
            score[np.abs(found[0]) <= _NOTHING] = np.nan
        scores.own[number - 1][block] = score
        scores.fixed[number - 1][block] = score
    for number in range(2):
        scores.association[number][block] = np.where(upper, found[number], np.nan)
    scores.strength[block] = np.where(upper, np.abs(found[0]), np.nan)


def _score_joint(joint: Joint, scores: PairScores, *, everything: bool) -> None:
    left, right = np.array(joint.pairs, dtype=np.int64).T
    place = (np.minimum(left, right), np.maximum(left, right))
    counted = ~(scores.continuous[left] & scores.continuous[right])
    chosen = (place[0][counted], place[1][counted])
    own, fixed = joint.cells("own"), joint.cells("fixed")
    for view, found in ((own, scores.own), (fixed, scores.fixed)):
        for number, score in enumerate(_similarities(view)):
            found[number][chosen] = score[counted]
    scores.strength[chosen] = cramers_v(own, 0, missing=True)[counted]
    if everything:
        _score_rest(joint, fixed, place, scores)


def _score_rest(
    joint: Joint, fixed: Cells, place: tuple[npt.NDArray[np.int64], ...], scores: PairScores
) -> None:
    for number, score in enumerate(_similarities(joint.cells("accuracy"))):
        scores.accuracy[number][place] = score
    for number, information in enumerate(scores.information):
        information[place] = mutual_information(fixed, number)
    levels = ~(scores.continuous[place[0]] | scores.continuous[place[1]])
    if levels.any():
        for number in range(2):
            chosen = (place[0][levels], place[1][levels])
            scores.association[number][chosen] = cramers_v(fixed, number, missing=False)[levels]


def _similarities(cells: Cells) -> list[Floats]:
    """1 - total variation distance of each pair between the first and each other table."""
    rows = cells.counts.sum(axis=1) / len(cells.right_sizes)
    shares = cells.counts / rows[:, None]
    return [np.maximum(0, 1 - cells.sums(np.abs(shares[0] - other)) / 2) for other in shares[1:]]


def _relate_mixed(tables: Tables, columns: Sequence[MeasuredColumn], scores: PairScores) -> None:
    continuous = [column for column in columns if column.scales]
    discrete = [column for column in columns if not column.scales]
    if not continuous or not discrete:
        return
    places = np.flatnonzero(~scores.continuous), np.flatnonzero(scores.continuous)
    place = (np.minimum.outer(*places), np.maximum.outer(*places))
    for number, table in enumerate((tables.real, tables.synthetic)):
        scores.association[number][place] = correlation_ratios(
            table.of_kind("continuous"),
            [column.scales[number] for column in continuous],
            [column.coding.tables[number] for column in discrete],
        )
