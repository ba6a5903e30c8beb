"""Rows under attack, compared column by column with all synthetic rows.

Distances are Gower's (`space`, a mismatch counts 1) in whole steps of a millionth of a column's range:
sums and differences are exact, so that a column can be left out again, and ties are real ties. Of the
nearest rows the first one is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.space import Points, Rows, Space

_STEPS = 1 << 20
_REACH = (-1.0, 2.0)  # ranges; a value beyond is as far as that
_FURTHEST = 3  # so two values are no further apart
_PAIRS = 1 << 17  # pairs of rows at once: what fits a core's cache

Steps = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Rows in whole steps."""

    numbers: Steps
    """int32 [p, rows]"""
    codes: Steps
    """int32 [c, rows]"""
    steps: int
    """Steps of a range, and of a category that differs."""

    @classmethod
    def of(cls, points: Points) -> Targets:
        """Points on the grid; a coarser one for hundreds of columns, so that sums fit 32 bits."""
        columns = points.numbers.shape[1] * _FURTHEST + points.codes.shape[1]
        steps = min(_STEPS, (2**31 - 1) // max(columns, 1))
        numbers = np.rint(np.clip(points.numbers, *_REACH) * steps).astype(np.int32)
        return cls(
            numbers=np.ascontiguousarray(numbers.T), codes=np.ascontiguousarray(points.codes.T), steps=steps
        )

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.codes.shape[1])

    def blocks(self, others: int) -> Iterator[tuple[slice, Targets]]:
        """Parts that can be compared with so many rows in bounded memory."""
        step = max(1, _PAIRS // max(others, 1))
        for start in range(0, self.rows, step):
            part = slice(start, min(start + step, self.rows))
            yield part, replace(self, numbers=self.numbers[:, part], codes=self.codes[:, part])


def column_distance(space: Space, column: int, targets: Targets, others: Targets) -> Steps:
    """int32 [targets, others]: what one column adds to the distances."""
    axis = space.axes[column]
    distance = np.empty((targets.rows, others.rows), np.int32)
    if axis.number is not None:
        np.subtract(targets.numbers[axis.number][:, None], others.numbers[axis.number], out=distance)
        np.absolute(distance, out=distance)
    if axis.code is not None:
        differ = targets.codes[axis.code][:, None] != others.codes[axis.code]
        if axis.number is None:
            np.multiply(differ, np.int32(targets.steps), out=distance)
        else:
            distance[differ] += targets.steps
    return distance


def total_distance(space: Space, columns: Iterable[int], targets: Targets, others: Targets) -> Steps:
    """int32 [targets, others]: the distances over these columns."""
    total = np.zeros((targets.rows, others.rows), np.int32)
    for column in columns:
        total += column_distance(space, column, targets, others)
    return total


def nearest_over(space: Space, columns: Iterable[int], targets: Targets, others: Targets, k: int) -> Rows:
    """int64 [targets, k]: positions of the nearest rows over some columns."""
    chosen = tuple(columns)
    found = np.empty((targets.rows, min(k, others.rows)), np.int64)
    for part, block in targets.blocks(others.rows):
        total = total_distance(space, chosen, block, others)
        if k == 1:
            found[part, 0] = total.argmin(axis=1)
            continue
        # The position in the last digits decides between equal distances.
        keys = total.astype(np.int64) * others.rows + np.arange(others.rows)
        keys = np.partition(keys, found.shape[1] - 1, axis=1)[:, : found.shape[1]]
        found[part] = np.sort(keys, axis=1) % others.rows
    return found
