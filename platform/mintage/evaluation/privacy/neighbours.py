"""Exact nearest neighbours of mixed rows, over all of them, in bounded memory.

Three steps, none of which can lose a neighbour:

1. Near rows are laid together in leaves (`boxes`). A leaf whose box is further from a query than the
   neighbours found so far is not looked at.
2. Inside a leaf, distances are estimated in small integers (`estimates`), which a processor adds many
   at a time. What is estimated to lie beyond the neighbours found so far is none.
3. The few pairs that are left are measured in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mintage.evaluation.privacy.boxes import plant
from mintage.evaluation.privacy.estimates import Estimator, Grid, join_grids
from mintage.evaluation.privacy.rows import identify
from mintage.evaluation.privacy.space import Floats, Points, Rows

_QUERIES = 128  # rows of a block of queries
_LEAF = 512  # rows of a leaf
_LEAVES = 8  # leaves that are looked at together: with _QUERIES, estimates stay in a core's cache
_GATHERED = 1 << 16  # pairs that are measured at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The nearest reference rows of each query, the nearest first."""

    distances: Floats
    """float64 [queries, k]; infinite where the reference has fewer than k rows."""
    rows: Rows
    """int64 [queries, k]: positions in the reference; -1 where there is none."""

    @classmethod
    def unknown(cls, queries: int, k: int) -> Nearest:
        """Nothing found yet."""
        return cls(distances=np.full((queries, k), np.inf), rows=np.full((queries, k), -1, np.int64))


def nearest(queries: Points, reference: Points, *, k: int = 2, threads: int = 1) -> Nearest:
    """The k nearest reference rows of each query, exactly: all rows of both are compared.

    Distances are those of `space`, in float64. Of equally near rows any may be named, always the same
    ones. Memory grows with the rows, not with their pairs: a thread holds a few MB of estimates.
    """
    return nearest_in_each(queries, [reference], k=k, threads=threads)[0]


def nearest_in_each(
    queries: Points, references: Sequence[Points], *, k: int = 2, threads: int = 1
) -> list[Nearest]:
    """The same for several references, for which the queries are put in order once."""
    if not queries.rows:
        return [Nearest.unknown(0, k) for _ in references]
    asked, inverse = _distinct(queries)
    distinct = queries.take(asked)
    blocks = plant(distinct, _QUERIES).rows
    found = []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for reference in references:
            near = _nearest_of_blocks(distinct, blocks, reference, k, pool)
            found.append(Nearest(distances=near.distances[inverse], rows=near.rows[inverse]))
    return found


def _nearest_of_blocks(
    queries: Points, blocks: Sequence[Rows], reference: Points, k: int, pool: ThreadPoolExecutor
) -> Nearest:
    kept = _copies(reference, k)
    if not len(kept):
        return Nearest.unknown(queries.rows, k)
    search = _Search(queries, reference.take(kept), k)
    list(pool.map(search.block, blocks))  # waits for all, and raises what a thread raised
    rows = search.found.rows
    return Nearest(distances=search.found.distances, rows=np.where(rows < 0, -1, kept[rows]))


def measure_pairs(queries: Points, left: Rows, reference: Points, right: Rows) -> Floats:
    """float64 [pairs]: distances of the queries at `left` to the reference rows at `right`."""
    distances = np.empty(len(left))
    for start in range(0, len(left), _GATHERED):
        part = slice(start, start + _GATHERED)
        one, other = left[part], right[part]
        differ = queries.codes[one] != reference.codes[other]
        numbers = np.abs(queries.numbers[one] - reference.numbers[other])
        distances[part] = numbers.sum(axis=1) + queries.mismatch * differ.sum(axis=1)
    return distances


def _distinct(points: Points) -> tuple[Rows, Rows]:
    """Positions of one row of each kind, and for each row which of them it equals."""
    ids = identify([*points.numbers.T, *points.codes.T])
    _, positions, inverse = np.unique(ids, return_index=True, return_inverse=True)
    return positions.astype(np.int64), inverse.astype(np.int64)


def _copies(points: Points, k: int) -> Rows:
    """Positions of the first k rows of each kind: further ones are no other neighbours."""
    ids = identify([*points.numbers.T, *points.codes.T])
    order = np.argsort(ids, kind="stable")
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    place = np.arange(len(ids)) - np.repeat(starts, np.diff(starts, append=len(ids)))
    return np.sort(order[place < k])


class _Search:
    """A search that several threads do, each for its own queries."""

    def __init__(self, queries: Points, reference: Points, k: int) -> None:
        self.queries = queries
        self.found = Nearest.unknown(queries.rows, k)
        self._reference = reference
        self._k = k
        self._estimator = Estimator.of(reference)
        self._leaves = plant(reference, _LEAF)
        self._grids = [self._estimator.grid(reference.take(rows)) for rows in self._leaves.rows]

    def block(self, rows: Rows) -> None:
        """Find the neighbours of these queries."""
        queries = self.queries.take(rows)
        found = Nearest.unknown(len(rows), self._k)
        grid = self._estimator.grid(queries)
        bounds = self._leaves.bounds(queries)
        bounds = bounds[:, (order := np.argsort(bounds.min(axis=0), kind="stable"))]
        start, count = 0, 1
        while start < len(order):
            worst = found.distances[:, -1, None]
            useful = (bounds[:, start:] < worst) & (worst > 0)
            looked = np.flatnonzero(useful.any(axis=0))[:count]
            if not len(looked):
                break
            active = np.flatnonzero(useful[:, looked].any(axis=1))
            self._visit(order[start + looked], queries, grid.take(active), active, found)
            start, count = start + int(looked[-1]) + 1, min(2 * count, _LEAVES)
        self.found.distances[rows] = found.distances
        self.found.rows[rows] = found.rows

    def _visit(self, leaves: Rows, queries: Points, grid: Grid, active: Rows, found: Nearest) -> None:
        """Look at some leaves for those of the queries that may have neighbours there."""
        rows = np.concatenate([self._leaves.rows[leaf] for leaf in leaves])
        reference = join_grids([self._grids[leaf] for leaf in leaves])
        seen = None
        if np.isinf(found.distances[active, -1]).any():
            # Whatever was measured limits what is left: begin with what seems nearest.
            few = min(self._k, len(rows))
            estimates = self._estimator.estimate(grid, reference)
            seen = np.argpartition(estimates, few - 1, axis=1)[:, :few]
            self._measure(queries, np.repeat(active, few), rows[seen.ravel()], found)
        passing = self._estimator.sift(grid, reference, found.distances[active, -1])
        if seen is not None:
            np.put_along_axis(passing, seen, False, axis=1)
        left, right = np.divmod(np.flatnonzero(passing), len(rows))
        if len(left):
            self._measure(queries, active[left], rows[right], found)

    def _measure(self, queries: Points, left: Rows, right: Rows, found: Nearest) -> None:
        """Measure pairs, in the order of their queries, and keep the k nearest of each."""
        distances = measure_pairs(queries, left, self._reference, right)
        nearer = distances < found.distances[left, -1]
        left, right, distances = left[nearer], right[nearer], distances[nearer]
        touched = left[np.flatnonzero(np.diff(left, prepend=-1))]
        query = np.concatenate([left, np.repeat(touched, self._k)])
        row = np.concatenate([right, found.rows[touched].ravel()])
        distance = np.concatenate([distances, found.distances[touched].ravel()])
        order = np.lexsort((row, distance, query))
        firsts = np.flatnonzero(np.diff(query[order], prepend=-1))
        best = order[firsts[:, None] + np.arange(self._k)]
        found.distances[touched] = distance[best]
        found.rows[touched] = row[best]
