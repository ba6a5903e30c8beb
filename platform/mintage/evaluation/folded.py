"""Fidelity over all rows without reading them again: from the sketches that were made while minting.

    whole = FoldedTable(binning, shards)
    whole.add(shard, sketch)               for every shard, in any order
    fidelity_of_sketches(sketch_of(source, binning), whole.sketch, None, stretches=whole.stretches)

Definitions are those of the exact measurement (SDMetrics', with the real table's edges for both), but
for what a grid cannot know: continuous columns are compared at some thousand edges, rare levels are one
level, and the ten bins of mixed pairs lie between the outermost values that five real rows share. What
that may hide is bounded, and the bound is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import numpy.typing as npt

from mintage.errors import ProvenanceError
from mintage.evaluation._sketch_columns import FoldedColumn, fold_column
from mintage.evaluation._sketch_pairs import FoldedPair, fold_pair
from mintage.evaluation.binning import Binning
from mintage.evaluation.results import Accuracy, Ceiling, Fidelity, NotComputed
from mintage.evaluation.sketch import TableSketch

Counts = npt.NDArray[np.int64]

STRETCHES = 32
"""Parts of the shards, in their order, whose columns are compared with the whole."""
BASIS = "all rows, counted while minting"

_PROMISED = 0.001
_NAMED = 5


class FoldedTable:
    """The sketches of a table's shards, added up: as a whole, and by stretches of consecutive shards."""

    def __init__(self, binning: Binning, shards: int) -> None:
        self.sketch = TableSketch(binning)
        self._shards = shards
        self._stretches: dict[int, Counts] = {}

    @property
    def stretches(self) -> tuple[Counts, ...]:
        """The counts of all columns in each stretch, in order of the shards."""
        return tuple(self._stretches[number] for number in sorted(self._stretches))

    def add(self, shard: int, sketch: TableSketch) -> None:
        """Add the sketch of a shard, in [0, shards); each shard once."""
        if not 0 <= shard < self._shards:
            raise ProvenanceError(f"shard {shard} is not one of {self._shards}")
        self.sketch.merge(sketch)
        number = shard * min(STRETCHES, self._shards) // self._shards
        counts = sketch.all_counts()
        self._stretches[number] = self._stretches.get(number, np.zeros_like(counts)) + counts


def fidelity_of_sketches(
    real: TableSketch,
    synthetic: TableSketch,
    holdout: TableSketch | None = None,
    *,
    stretches: Sequence[Counts] = (),
) -> Fidelity | NotComputed:
    """The fidelity of the synthetic rows; all sketches must be of one grid.

    `stretches` are those of `FoldedTable`. SDMetrics' own-edge trend cannot be folded and is None, and
    so is what needs whole rows. Raises `ProvenanceError` for sketches of different grids.
    """
    binning = real.binning
    for sketch in (synthetic, holdout):
        if sketch is not None and sketch.binning.digest != binning.digest:
            raise ProvenanceError("sketches of different binnings cannot be compared")
    columns = [
        fold_column(place, real, synthetic, holdout, _parts(binning, place, stretches))
        for place in range(len(binning.columns))
    ]
    scored = [column for column in columns if column.scored]
    if not scored:
        return NotComputed(not_computed="no column has values in both tables")
    found = [fold_pair(place, real, synthetic, holdout) for place in range(len(binning.pairs))]
    pairs = [pair for pair in found if pair is not None]
    return Fidelity(
        basis=BASIS,
        rows_real=real.rows,
        rows_synthetic=synthetic.rows,
        shape_error=_error([column.fidelity.score for column in scored]),
        trend_error=None,
        trend_error_fixed_edges=_error([pair.fidelity.score_fixed_edges for pair in pairs])
        if pairs
        else None,
        error_bound=max(_mean([c.bound for c in scored]), _mean([p.bound for p in pairs])),
        ceiling=None if holdout is None else _ceiling(columns, pairs),
        accuracy=Accuracy(univariate=fmean(column.accuracy for column in columns)),
        columns=sorted((c.fidelity for c in columns), key=lambda column: (column.score, column.name)),
        pairs=sorted((p.fidelity for p in pairs), key=lambda p: (p.score_fixed_edges, p.left, p.right)),
        pair_count=len(pairs),
        notes=_notes(real, synthetic, columns, found),
    )


def _parts(binning: Binning, place: int, stretches: Sequence[Counts]) -> list[Counts]:
    start, stop = binning.column_offsets[place : place + 2]
    return [stretch[start:stop] for stretch in stretches]


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


def _error(scores: Sequence[float]) -> float:
    return 100 * (1 - fmean(scores))


def _ceiling(columns: Sequence[FoldedColumn], pairs: Sequence[FoldedPair]) -> Ceiling | None:
    shape = [c.fidelity.holdout_score for c in columns if c.holdout_scored]
    known = [score for score in shape if score is not None]
    if not known:
        return None
    trend = [p.fidelity.holdout_score_fixed_edges for p in pairs]
    trends = [score for score in trend if score is not None]
    accuracies = [c.holdout_accuracy for c in columns if c.holdout_accuracy is not None]
    return Ceiling(
        shape_error=_error(known),
        trend_error_fixed_edges=_error(trends) if trends else None,
        accuracy=Accuracy(univariate=fmean(accuracies)),
    )


def _notes(
    real: TableSketch,
    synthetic: TableSketch,
    columns: Sequence[FoldedColumn],
    pairs: Sequence[FoldedPair | None],
) -> list[str]:
    binning = real.binning
    notes = [
        "trend_error: SDMetrics cuts each table by its own extremes, which cannot be known while minting; "
        "trend_error_fixed_edges is counted on the real table's",
        "whole rows (duplicates, patterns of missing values) and mutual information are not counted while "
        "minting",
    ]
    if len(binning.pairs) < binning.all_pairs:
        notes.append(
            f"{len(binning.pairs)} of {binning.all_pairs} pairs were counted: the most strongly associated "
            "ones of the real table, and as many spread evenly over all columns"
        )
    if undefined := sum(pair is None for pair in pairs):
        notes.append(f"{undefined} pairs of continuous columns have no correlation: one side is constant")
    if empty := [column.fidelity.name for column in columns if not column.scored]:
        notes.append(f"left out of the mean, since one table has no values there: {_names(empty)}")
    if wide := [c.fidelity.name for c in columns if c.bound > _PROMISED]:
        notes.append(f"columns whose exact score may be more than {_PROMISED} lower: {_names(wide)}")
    if loose := [p.fidelity for p in pairs if p is not None and p.bound > _PROMISED]:
        named = _names([f"{pair.left} x {pair.right}" for pair in loose])
        notes.append(f"pairs whose exact score may be more than {_PROMISED} lower: {named}")
    notes.extend(_clipped(synthetic))
    return notes


def _clipped(synthetic: TableSketch) -> list[str]:
    """Columns with values so far out that the nearest that can be summed stood for them."""
    places = range(len(synthetic.binning.columns))
    found = [(synthetic.binning.columns[place].name, synthetic.moments(place)[3]) for place in places]
    return [
        f"column {name!r}: {values} synthetic values were too far out to be summed; its mean, deviation and "
        "correlations take the nearest value that was not"
        for name, values in found
        if values
    ]


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
