"""A junction tree over columns of tokens: exact marginals, conditions and draws, all in numpy.

The cliques of a triangulated graph, joined so that each column's cliques hang together (Lauritzen and
Spiegelhalter, 1988). All tables are logarithms; a clique's axes are its columns in ascending order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from mintage_generators.tabular.dp_marginals.triangulation import triangulate

FORBIDDEN = -1e9
"""Logarithm of what cannot be: its exponential is 0, and unlike an infinity it can be subtracted."""

_LAST = 1 - 1e-9

Table = np.ndarray
Columns = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JunctionTree:
    """`cliques`, parents before children; `parents[0]` is -1; `sizes` are the tokens of each column."""

    sizes: tuple[int, ...]
    cliques: tuple[Columns, ...]
    parents: tuple[int, ...]

    @classmethod
    def of(cls, sizes: Sequence[int], sets: Sequence[Columns]) -> JunctionTree:
        """A tree with a clique around each of `sets`, and all columns in some clique."""
        cliques = triangulate(sizes, sets)
        order, parents = [0], [-1]
        left = set(range(1, len(cliques)))
        while left:
            # Prim's algorithm: the widest separator next, which makes it a junction tree.
            joints = [(clique, place) for clique in sorted(left) for place in range(len(order))]
            shared = [len(set(cliques[clique]) & set(cliques[order[place]])) for clique, place in joints]
            clique, place = joints[int(np.argmax(shared))]
            order.append(clique)
            parents.append(place)
            left.remove(clique)
        return cls(sizes=tuple(sizes), cliques=tuple(cliques[i] for i in order), parents=tuple(parents))

    def valid(self) -> bool:
        """Whether it is a junction tree of all columns.

        What a clique shares with earlier ones, its parent must have.
        """
        seen: set[int] = set()
        if not self.cliques or len(self.parents) != len(self.cliques) or self.parents[0] != -1:
            return False
        for number, clique in enumerate(self.cliques):
            if list(clique) != sorted(set(clique)) or not set(clique) <= set(range(len(self.sizes))):
                return False
            if number and not (0 <= self.parents[number] < number):
                return False
            if number and not (seen & set(clique)) <= set(self.cliques[self.parents[number]]):
                return False
            seen |= set(clique)
        return seen == set(range(len(self.sizes)))

    def shape(self, clique: int) -> tuple[int, ...]:
        """Shape of a clique's table."""
        return tuple(self.sizes[column] for column in self.cliques[clique])

    def separator(self, clique: int) -> Columns:
        """Columns shared with the parent."""
        if not clique:
            return ()
        parent = self.cliques[self.parents[clique]]
        return tuple(column for column in self.cliques[clique] if column in parent)

    @property
    def cells(self) -> int:
        """Cells of all tables."""
        return sum(prod(self.shape(clique)) for clique in range(len(self.cliques)))

    def home(self, columns: Columns) -> int:
        """A clique that holds all these columns, the smallest table first; -1 when there is none."""
        holding = [i for i, clique in enumerate(self.cliques) if set(columns) <= set(clique)]
        return min(holding, key=lambda i: (prod(self.shape(i)), i), default=-1)

    def calibrate(self, potentials: Sequence[Table]) -> list[Table]:
        """Logarithms of each clique's marginal, normalised: two passes of messages."""
        beliefs = [table.copy() for table in potentials]
        upward: list[Table] = [np.zeros(())] * len(beliefs)
        for child in range(len(beliefs) - 1, 0, -1):
            upward[child] = self._onto(beliefs[child], child)
            parent = self.parents[child]
            beliefs[parent] += self._spread(upward[child], child, parent)
        beliefs[0] -= _log_sum(beliefs[0], tuple(range(beliefs[0].ndim)))
        for child in range(1, len(beliefs)):
            parent, separator = self.parents[child], self.separator(child)
            axes = tuple(i for i, column in enumerate(self.cliques[parent]) if column not in separator)
            message = _log_sum(beliefs[parent], axes) - upward[child]
            beliefs[child] += self._spread(message, child, child)
        return beliefs

    def restrict(self, potentials: Sequence[Table], allowed: Mapping[int, np.ndarray]) -> list[Table]:
        """Potentials under which only tokens allowed (bool by column) can be."""
        limited = list(potentials)
        for column, mask in allowed.items():
            clique = self.home((column,))
            shape = [self.sizes[c] if c == column else 1 for c in self.cliques[clique]]
            limited[clique] = limited[clique] + np.where(mask, 0.0, FORBIDDEN).reshape(shape)
        return limited

    def draw(self, beliefs: Sequence[Table], uniform: Table) -> np.ndarray:
        """Tokens, int32 of shape (columns, rows), from calibrated beliefs; uniform: (cliques, rows)."""
        tokens = np.zeros((len(self.sizes), uniform.shape[1]), np.int32)
        for number, clique in enumerate(self.cliques):
            separator = self.separator(number)
            new = tuple(column for column in clique if column not in separator)
            if not new:
                continue
            state = np.zeros(uniform.shape[1], np.int64)
            if separator:
                sizes = tuple(self.sizes[column] for column in separator)
                state = np.asarray(np.ravel_multi_index(tuple(tokens[column] for column in separator), sizes))
            drawn = _pick(self.given(beliefs[number], number, (separator, new)), state, uniform[number])
            found = np.unravel_index(drawn, [self.sizes[column] for column in new])
            for column, token in zip(new, found, strict=True):
                tokens[column] = token
        return tokens

    def given(self, belief: Table, clique: int, columns: tuple[Columns, Columns]) -> Table:
        """The belief as a matrix of log weights: a row for each state of the first columns, given it."""
        first, second = columns
        axes = [self.cliques[clique].index(column) for column in (*first, *second)]
        rows = int(np.prod([self.sizes[column] for column in first]))
        matrix = belief.transpose(axes).reshape(rows, -1)
        return np.asarray(matrix - matrix.max(axis=1, keepdims=True))

    def near(self, clique: int) -> list[int]:
        """Numbers of the cliques next to it."""
        children = [child for child, parent in enumerate(self.parents) if parent == clique and child]
        return children + ([self.parents[clique]] if clique else [])

    def _onto(self, table: Table, child: int) -> Table:
        separator = self.separator(child)
        axes = tuple(i for i, column in enumerate(self.cliques[child]) if column not in separator)
        return _log_sum(table, axes)

    def _spread(self, message: Table, child: int, clique: int) -> Table:
        separator = self.separator(child)
        shape = [self.sizes[column] if column in separator else 1 for column in self.cliques[clique]]
        return message.reshape(shape)


def _pick(given: Table, state: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """For each row a column of `given` (log weights), by the row of `given` that its state names."""
    steps = np.cumsum(np.exp(given), axis=1)
    steps /= steps[:, -1:]
    states, width = steps.shape
    flat = (steps + np.arange(states)[:, None]).ravel()
    place = np.searchsorted(flat, state + np.minimum(uniform, _LAST), side="right")
    return np.asarray(np.clip(place - state * width, 0, width - 1))


def _log_sum(table: Table, axes: Columns) -> Table:
    if not axes:
        return table
    top = table.max(axis=axes, keepdims=True)
    return np.asarray(np.log(np.exp(table - top).sum(axis=axes)) + np.squeeze(top, axis=axes))
