"""Rows under attack, compared column by column with all synthetic rows.

Distances are Gower's (`space`, a mismatch counts 1) in whole steps of a millionth of a column's range:
sums and differences are exact, so that a column can be left out again, and ties are real ties. Of the
nearest rows the first one is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.space import Points, Rows, Space

_STEPS = 1 << 20
_REACH = 4.0  # ranges; a value beyond is as far as that
_PAIRS = 1 << 20  # pairs of rows at once

Whole = npt.NDArray[np.int64] | npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Rows in whole steps."""

    numbers: npt.NDArray[np.int32]
    """int32 [p, rows]"""
    codes: npt.NDArray[np.int32]
    """int32 [c, rows]"""

    @classmethod
    def of(cls, points: Points) -> Targets:
        """Points on the grid."""
        numbers = np.rint(np.clip(points.numbers, -_REACH, _REACH) * _STEPS).astype(np.int32)
        return cls(numbers=np.ascontiguousarray(numbers.T), codes=np.ascontiguousarray(points.codes.T))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.codes.shape[1]

    def blocks(self, others: int) -> Iterator[tuple[slice, Targets]]:
        """Parts that can be compared with so many rows in bounded memory."""
        step = max(1, _PAIRS // max(others, 1))
        for start in range(0, self.rows, step):
            part = slice(start, min(start + step, self.rows))
            yield part, Targets(numbers=self.numbers[:, part], codes=self.codes[:, part])


def column_distance(space: Space, column: int, targets: Targets, others: Targets) -> npt.NDArray[np.int32]:
    """int32 [targets, others]: what one column adds to the distances."""
    axis = space.axes[column]
    shape = (targets.rows, others.rows)
    distance = np.zeros(shape, np.int32)
    if axis.number is not None:
        np.subtract(targets.numbers[axis.number][:, None], others.numbers[axis.number], out=distance)
        np.absolute(distance, out=distance)
    if axis.code is not None:
        differ = targets.codes[axis.code][:, None] != others.codes[axis.code]
        if axis.number is None:
            np.multiply(differ, np.int32(_STEPS), out=distance, casting="unsafe")
        else:
            distance[differ] = _STEPS
    return distance


def total_distance(
    space: Space, columns: Iterable[int], targets: Targets, others: Targets
) -> npt.NDArray[np.int64]:
    """int64 [targets, others]: the distances over these columns."""
    total = np.zeros((targets.rows, others.rows), np.int64)
    for column in columns:
        total += column_distance(space, column, targets, others)
    return total


def nearest_over(space: Space, columns: Iterable[int], targets: Targets, others: Targets, k: int) -> Rows:
    """int64 [targets, k]: positions of the nearest rows over some columns."""
    chosen = tuple(columns)
    k = min(k, others.rows)
    found = np.empty((targets.rows, k), np.int64)
    places = np.arange(others.rows)
    for part, block in targets.blocks(others.rows):
        # The position in the last digits decides between equal distances.
        keys = total_distance(space, chosen, block, others) * others.rows + places
        if k == 1:
            keys = keys.min(axis=1, keepdims=True)
        else:
            keys = np.sort(np.partition(keys, k - 1, axis=1)[:, :k], axis=1)
        found[part] = keys % others.rows
    return found
