"""The graphical model that is nearest to noisy marginals: mirror descent over its potentials.

As Private-PGM does (McKenna, Sheldon and Miklau, 2019): among all distributions of the tree, the one
whose marginals miss the measured ones least, each miss in units of its noise. What is estimated sees
only noisy counts, so it costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mintage_generators.tabular.dp_marginals.junction_tree import JunctionTree

STEPS = 150
_HALVINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Noisy rows by token (or pair of tokens) of `columns`, ascending; `deviation` is that of the noise."""

    columns: tuple[int, ...]
    noisy: np.ndarray
    deviation: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """Potentials of a tree, and the calibrated beliefs that follow, both logarithms."""

    tree: JunctionTree
    potentials: list[np.ndarray]
    beliefs: list[np.ndarray]


def estimate(
    tree: JunctionTree,
    measured: Sequence[Measurement],
    *,
    rows: float,
    start: Fitted | None = None,
    steps: int = STEPS,
) -> Fitted:
    """Potentials fitted to what was measured, from those of `start` on, whose tree may be another."""
    problem = _Problem(tree, measured, rows)
    potentials = _carried_over(tree, start)
    beliefs = tree.calibrate(potentials)
    loss, slopes = problem.loss(beliefs)
    step = 1.0 / max(problem.weight * rows, 1e-12)
    for _ in range(steps):
        step *= 2.0
        for _ in range(_HALVINGS):
            tried = [p - step * s for p, s in zip(potentials, slopes, strict=True)]
            found = tree.calibrate(tried)
            lower, next_slopes = problem.loss(found)
            pairs = zip(slopes, beliefs, found, strict=True)
            fallen = sum(float((slope * (np.exp(old) - np.exp(new))).sum()) for slope, old, new in pairs)
            if lower <= loss - 0.5 * rows * fallen:
                break
            step /= 2.0
        else:
            break
        done = loss - lower <= 1e-7 * loss
        potentials, beliefs, loss, slopes = tried, found, lower, next_slopes
        if done:
            break
    return Fitted(tree, potentials, beliefs)


class _Problem:
    """The loss, half the sum of squared misses over their variances, and its slopes by clique."""

    def __init__(self, tree: JunctionTree, measured: Sequence[Measurement], rows: float) -> None:
        self.tree, self.measured, self.rows = tree, measured, rows
        self.homes = [tree.home(m.columns) for m in measured]
        self.weight = sum(1 / m.deviation**2 for m in measured)

    def loss(self, beliefs: Sequence[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        total, slopes = 0.0, [np.zeros(belief.shape) for belief in beliefs]
        shares = [np.exp(belief) for belief in beliefs]
        for home, measured in zip(self.homes, self.measured, strict=True):
            clique = self.tree.cliques[home]
            axes = tuple(axis for axis, column in enumerate(clique) if column not in measured.columns)
            miss = self.rows * shares[home].sum(axis=axes) - measured.noisy
            total += float((miss * miss).sum()) / (2 * measured.deviation**2)
            slopes[home] += np.expand_dims(miss / measured.deviation**2, axes)
        return total, slopes


def _carried_over(tree: JunctionTree, start: Fitted | None) -> list[np.ndarray]:
    """The same distribution as that of `start` on another tree, whose cliques hold those of the old one."""
    potentials = [np.zeros(tree.shape(number)) for number in range(len(tree.cliques))]
    if start is not None:
        for clique, table in zip(start.tree.cliques, start.potentials, strict=True):
            home = tree.home(clique)
            columns = tree.cliques[home]
            potentials[home] += table.reshape([tree.sizes[c] if c in clique else 1 for c in columns])
    return potentials
