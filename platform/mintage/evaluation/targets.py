"""The target column: what there is to predict, and the rows in which it is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.boosting import Task
from mintage.evaluation.options import Options
from mintage.evaluation.results import NotComputed
from mintage.evaluation.tables import Column, Table, Tables

Floats = npt.NDArray[np.float64]

FEWEST_ROWS = 100
"""Rows with a known target below which nothing is trained or tested."""
MOST_CLASSES = 20
"""Levels of a target that are told apart; the less frequent ones are one class together."""
OTHER = "(other)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The rows of a table whose target is known."""

    table: Table
    labels: Floats
    """(rows,): numbers, or positions in the target's classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A column that can be predicted."""

    name: str
    task: Task
    classes: tuple[str, ...] = ()
    """Levels of a discrete target, the rare ones as one; none for numbers."""
    positions: npt.NDArray[np.int64] | None = None
    """Class of each level; -1 for a level that no real row has, and (at the end) for missing."""

    def known(self, table: Table, notes: list[str]) -> Known:
        """The rows to train and test on; a note is added on rows whose level is in no real row."""
        column = table.column(self.name)
        if self.positions is None:
            labels = column.values.astype(np.float64)
            usable = ~column.missing
        else:
            labels = self.positions[column.values.astype(np.int64)].astype(np.float64)
            usable = labels >= 0
        if strange := int(np.count_nonzero(~usable & ~column.missing)):
            notes.append(f"{strange} rows were left out: no real row has their level of {self.name!r}")
        if usable.all():
            return Known(table=table, labels=labels)
        return Known(table=table.take(np.flatnonzero(usable)), labels=labels[usable])

    def unseen(self, known: Known, side: str) -> list[str]:
        """A note on the classes that one side lacks."""
        held = set(known.labels.astype(np.int64).tolist()) if self.classes else set()
        lacking = [name for position, name in enumerate(self.classes) if position not in held]
        shown = ", ".join(repr(name) for name in lacking[:10])
        return [f"no {side} row has these levels of the target: {shown}"] if lacking else []


def find_target(tables: Tables, options: Options) -> Target | NotComputed:
    """The target that the options name, or why there is nothing to learn."""
    name = options.target
    if name is None:
        return NotComputed(not_computed="no target was named; give --target")
    if tables.synthetic.rows < FEWEST_ROWS:
        return NotComputed(
            not_computed=f"{tables.synthetic.rows} synthetic rows are too few; {FEWEST_ROWS} are needed"
        )
    column = tables.real.column(name)
    present = column.values[~column.missing]
    if len(present) < FEWEST_ROWS:
        return NotComputed(
            not_computed=f"{len(present)} real rows have a known target {name!r}; {FEWEST_ROWS} are needed"
        )
    if present.min() == present.max():
        only = column.levels[int(present[0])] if column.levels else f"{present[0]:g}"
        return NotComputed(not_computed=f"the target {name!r} has one value in all real rows: {only}")
    if column.kind == "continuous":
        return Target(name=name, task="regression")
    return _classes(column, options.favourable)


def _classes(column: Column, favourable: str | None) -> Target:
    """The most frequent real levels (and the favourable one) as classes, the other real ones together."""
    codes = column.values.astype(np.int64)
    levels = len(column.levels)
    counts = np.bincount(codes[codes >= 0], minlength=levels)
    frequent = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    kept = sorted(
        level
        for level in range(levels)
        if counts[level] and (level in frequent or column.levels[level] == favourable)
    )
    positions = np.full(levels + 1, -1, dtype=np.int64)
    positions[:-1][counts > 0] = len(kept)
    positions[kept] = np.arange(len(kept))
    names = [column.levels[level] for level in kept]
    if len(kept) < np.count_nonzero(counts):
        names.append(OTHER)
    return Target(
        name=column.name,
        task="binary" if len(names) == 2 else "multiclass",
        classes=tuple(names),
        positions=positions,
    )


def usable_holdout(target: Target, holdout: Table | None, notes: list[str]) -> Known | None:
    """The holdout's rows with a known target, unless there are too few to test on."""
    if holdout is None:
        return None
    known = target.known(holdout, notes)
    if known.table.rows < FEWEST_ROWS:
        notes.append(
            f"{known.table.rows} holdout rows have a known target; {FEWEST_ROWS} are needed to test on them"
        )
        return None
    if known.labels.min() == known.labels.max():
        notes.append("all holdout rows have the same target, so the real rows are tested on")
        return None
    notes.extend(target.unseen(known, "holdout"))
    return known
