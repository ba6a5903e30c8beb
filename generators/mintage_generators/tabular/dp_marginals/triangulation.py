"""Cliques of a triangulated graph: small ones, found by taking out columns one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod

Columns = tuple[int, ...]


def triangulate(sizes: Sequence[int], sets: Sequence[Columns]) -> list[Columns]:
    """Cliques, each ascending, none within another, that hold all `sets` and all columns.

    The column whose clique would have the fewest cells is taken out first (Kjærulff, 1990).

    >>> triangulate([2, 2, 2, 2], [(0, 1), (1, 2), (2, 3), (0, 3)])
    [(0, 1, 3), (1, 2, 3)]
    """
    near: dict[int, set[int]] = {column: set() for column in range(len(sizes))}
    for columns in sets:
        for one, other in combinations(columns, 2):
            near[one].add(other)
            near[other].add(one)
    cost = {column: _cells(column, near, sizes) for column in near}
    found: list[set[int]] = []
    while near:
        column = min(near, key=lambda c: (cost[c], c))
        around = near.pop(column)
        clique = {column, *around}
        if not any(clique <= other for other in found):
            found.append(clique)
        for other in around:
            near[other] |= around
            near[other] -= {other, column}
        for other in around:
            cost[other] = _cells(other, near, sizes)
    return [tuple(sorted(clique)) for clique in found]


def _cells(column: int, near: dict[int, set[int]], sizes: Sequence[int]) -> int:
    return sizes[column] * prod(sizes[other] for other in near[column])
