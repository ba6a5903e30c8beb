"""Joint shares of every pair of columns, whether one clique holds both or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mintage_generators.tabular.dp_marginals.junction_tree import Columns, JunctionTree


@dataclass(frozen=True, slots=True)
class _Joint:
    """Shares by the column asked for (axis 0) and by those of one clique, `columns`."""

    columns: Columns
    table: np.ndarray


def pair_shares(tree: JunctionTree, beliefs: Sequence[np.ndarray], column: int) -> dict[int, np.ndarray]:
    """Shares of `column` and each other one by number, shape (tokens of it, tokens of the other).

    Its joint with one clique is carried from clique to clique, since given what two neighbours share
    they are independent.
    """
    found: dict[int, np.ndarray] = {}
    stack = [(tree.home((column,)), -1, _within(tree, beliefs, tree.home((column,)), column))]
    while stack:
        clique, origin, joint = stack.pop()
        for axis, other in enumerate(joint.columns, start=1):
            if other not in found:
                found[other] = _summed(joint.table, (0, axis))
        for near in tree.near(clique):
            if near != origin:
                if column in tree.cliques[near]:
                    stack.append((near, clique, _within(tree, beliefs, near, column)))
                else:
                    stack.append((near, clique, _onward(tree, beliefs, near, joint)))
    return found


def _within(tree: JunctionTree, beliefs: Sequence[np.ndarray], clique: int, column: int) -> _Joint:
    columns = tree.cliques[clique]
    table = np.moveaxis(np.exp(beliefs[clique]), columns.index(column), 0)
    return _Joint(tuple(c for c in columns if c != column), table)


def _onward(tree: JunctionTree, beliefs: Sequence[np.ndarray], near: int, joint: _Joint) -> _Joint:
    shared = tuple(c for c in tree.cliques[near] if c in joint.columns)
    new = tuple(c for c in tree.cliques[near] if c not in shared)
    before = _summed(joint.table, (0, *(1 + joint.columns.index(c) for c in shared)))
    given = np.exp(tree.given(beliefs[near], near, (shared, new)))
    given /= given.sum(axis=1, keepdims=True)
    table = before.reshape(len(before), -1, 1) * given[None]
    columns = (*shared, *new)
    return _Joint(columns, table.reshape(len(before), *(tree.sizes[c] for c in columns)))


def _summed(table: np.ndarray, kept: Columns) -> np.ndarray:
    """Summed over all axes but `kept`, which come in that order."""
    summed = table.sum(axis=tuple(axis for axis in range(table.ndim) if axis not in kept))
    ascending = sorted(kept)
    return np.asarray(summed.transpose([ascending.index(axis) for axis in kept]))
