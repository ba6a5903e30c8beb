"""The outcome that fairness is about: what counts as favourable, who has it, and whom models give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.errors import SpecError
from mintage.evaluation.groups import Grouping, crossed
from mintage.evaluation.options import Options
from mintage.evaluation.results import NotComputed
from mintage.evaluation.tables import Column, Table, Tables
from mintage.evaluation.target_models import TargetModels

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FEWEST = 10
"""Rows (or positives, or negatives) of a group below which nothing is said of its rates."""
THRESHOLD = 0.5
"""Probability from which the favourable outcome is predicted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What counts as the outcome of a row."""

    target: str
    level: int | None
    """Code of the favourable level; None when the outcome is the number itself."""
    favourable: str | None

    def values(self, table: Table) -> Floats:
        """1 where favourable and 0 elsewhere, or the number; NaN where the target is missing: (rows,)."""
        column = table.column(self.target)
        values = column.values.astype(np.float64)
        outcome = values if self.level is None else (values == self.level).astype(np.float64)
        return np.where(column.missing, np.nan, outcome)

    def rates(self, table: Table, groups: npt.NDArray[np.int64], count: int) -> Floats:
        """Mean outcome of each of `count` groups; NaN where too few rows have a known target."""
        values = self.values(table)
        known = ~np.isnan(values)
        return _means(values[known], groups[known], count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Whom the models give the favourable outcome, and who has it."""

    table: Table
    truth: Flags
    real: Flags | None
    """Predicted by the model of real rows: (rows,)."""
    synthetic: Flags | None

    def odds(self, groupings: list[Grouping], count: int) -> tuple[Floats, Floats]:
        """True and false positive rates, each (real and synthetic model, groups); NaN where not told."""
        groups = crossed(groupings, self.table)
        made: list[Floats] = []
        for asked in (self.truth, ~self.truth):
            rates = np.full((2, count), np.nan)
            for row, predicted in enumerate((self.real, self.synthetic)):
                if predicted is not None:
                    rates[row] = _means(predicted[asked].astype(np.float64), groups[asked], count)
            made.append(rates)
        return made[0], made[1]


def find_outcome(tables: Tables, options: Options, notes: list[str]) -> Outcome | None:
    """The favourable level of the target (the rarer of two when none is named), or its number.

    None, with a note, when there is none. Raises `SpecError` when the options name an unknown level.
    """
    target = options.target
    if target is None:
        notes.append("no target was named (--target), so outcomes are not compared")
        return None
    column = tables.real.column(target)
    if column.kind == "continuous":
        notes.append("the target is a number: its means are compared, and there are no equalised odds")
        return Outcome(target=target, level=None, favourable=None)
    if options.favourable is not None and options.favourable not in column.levels:
        raise SpecError(
            f"{options.favourable!r} is not a level of the target {target!r}",
            f"name one of: {', '.join(column.levels[:20])}",
        )
    favourable = options.favourable or _rarer(column)
    if favourable is None:
        notes.append(f"the target {target!r} has not two levels; name the favourable one to compare outcomes")
        return None
    return Outcome(target=target, level=column.levels.index(favourable), favourable=favourable)


def judge(models: TargetModels | NotComputed, outcome: Outcome, notes: list[str]) -> Judged | None:
    """Whom the models give the favourable outcome; None, with a note, when they cannot say."""
    if isinstance(models, NotComputed):
        notes.append(f"equalised odds were not computed: {models.not_computed}")
        return None
    if outcome.favourable not in models.classes:
        notes.append(f"equalised odds were not computed: no real row has the level {outcome.favourable!r}")
        return None
    notes.append(f"equalised odds were tested on: {models.tested_on}")
    position = models.classes.index(outcome.favourable)
    real, synthetic = (
        None if each is None else each[:, position] >= THRESHOLD for each in (models.real, models.synthetic)
    )
    for side, given in (("real", real), ("synthetic", synthetic)):
        if given is None:
            notes.append(f"no model was trained on {side} rows, so it has no odds")
        elif given.all() or not given.any():
            whom = "everybody" if given.all() else "nobody"
            notes.append(
                f"the model of {side} rows gives {whom} the favourable outcome: its gap of 0 says nothing"
            )
    return Judged(table=models.tested, truth=models.truth == position, real=real, synthetic=synthetic)


def _rarer(target: Column) -> str | None:
    """The rarer of two levels (the first of equals); None when the real rows have not two."""
    codes = target.values.astype(np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(target.levels))
    held = np.flatnonzero(counts)
    return target.levels[int(held[np.argmin(counts[held])])] if len(held) == 2 else None


def _means(values: Floats, groups: npt.NDArray[np.int64], count: int) -> Floats:
    rows = np.bincount(groups, minlength=count)
    sums = np.bincount(groups, weights=values, minlength=count)
    return np.where(rows >= FEWEST, sums / np.maximum(rows, 1), np.nan)
