"""Groups of people or things: the values of protected columns, made comparable between tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mintage.contracts import Semantics
from mintage.evaluation.tables import Column, Table

Positions = npt.NDArray[np.int64]

MOST_LEVELS = 20
"""Levels of a protected column that are groups of their own; the others are one group."""
OTHER = "(other)"
MISSING = "(missing)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A column cut into groups; the cuts are the real table's."""

    column: str
    labels: tuple[str, ...]
    edges: npt.NDArray[np.float64] | None = None
    """Continuous: quartiles; a value on an edge belongs to the group above it."""
    positions: Positions | None = None
    """Discrete: group of each level and, at the end, of missing."""

    def groups(self, table: Table) -> Positions:
        """The group of each row: positions in `labels`, (rows,)."""
        column = table.column(self.column)
        if self.positions is not None:
            return self.positions[column.values.astype(np.int64)]
        cut = np.searchsorted(np.zeros(0) if self.edges is None else self.edges, column.values, side="right")
        return np.where(column.missing, len(self.labels) - 1, cut).astype(np.int64)


def group_column(real: Column) -> Grouping:
    """Levels as groups (the 20 most frequent), or quartiles of numbers; missing is a group of its own."""
    if real.kind == "continuous":
        return _quartiles(real)
    codes = real.values.astype(np.int64)
    levels = len(real.levels)
    counts = np.bincount(codes[codes >= 0], minlength=levels)
    order = np.argsort(-counts, kind="stable")
    kept = [int(level) for level in order[:MOST_LEVELS] if counts[level]]
    positions = np.full(levels + 1, len(kept), dtype=np.int64)
    positions[kept] = np.arange(len(kept))
    positions[levels] = len(kept) + 1
    labels = (*(real.levels[level] for level in kept), OTHER, MISSING)
    return Grouping(column=real.name, labels=labels, positions=positions)


def crossed(groupings: Sequence[Grouping], table: Table) -> Positions:
    """The group of each row in the product of the groupings; the last one varies fastest."""
    groups: Positions = np.zeros(table.rows, dtype=np.int64)
    for grouping in groupings:
        groups = groups * len(grouping.labels) + grouping.groups(table)
    return groups


def crossed_labels(groupings: Sequence[Grouping]) -> list[str]:
    """The names of those groups, in the order of their positions.

    >>> sex = Grouping(column="sex", labels=("F", "M"))
    >>> crossed_labels([sex, Grouping(column="race", labels=("a", "b"))])
    ['F, a', 'F, b', 'M, a', 'M, b']
    """
    labels = [""]
    for grouping in groupings:
        labels = [f"{before}, {label}" if before else label for before in labels for label in grouping.labels]
    return labels


def _quartiles(real: Column) -> Grouping:
    present = real.values[~real.missing].astype(np.float64)
    edges = np.unique(np.quantile(present, [0.25, 0.5, 0.75])) if present.size else np.zeros(0)
    shown = [_shown(edge, real.semantics) for edge in edges]
    between = [f"{low} to below {high}" for low, high in pairwise(shown)]
    ends = (f"below {shown[0]}", *between, f"{shown[-1]} or more") if shown else ("any",)
    return Grouping(column=real.name, labels=(*ends, MISSING), edges=edges)


def _shown(edge: float, semantics: Semantics) -> str:
    if semantics is not Semantics.DATETIME:
        return f"{edge:g}"
    return str(np.datetime64(int(edge), "us").astype("datetime64[s]")).removesuffix("T00:00:00")
