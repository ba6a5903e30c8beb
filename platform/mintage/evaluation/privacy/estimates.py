"""Distances in small integers, never too great: what rules out nearly all pairs of rows, fast.

A number is laid on a grid of so many steps for its range; the difference of two grid positions is
less than one step above that of the numbers. A category is one byte; two that share a byte count as
equal. Sums that overflow 16 bits come out too small. So `estimate - p < distance * steps` for points
with p numbers: an estimate above `limits(...)` proves that a pair is further apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.space import Floats, Points, Rows

_STEPS = 8192  # at most, so that differences up to three ranges fit 16 bits
_FEWEST_STEPS = 16
_REACH = (-1.0, 2.0)  # numbers beyond are taken as if they were here, which is never too far
_GREATEST = 2**16 - 1
_SAFETY = 1e-6  # steps; more than the rounding errors of float64

Estimates = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Points in small integers, column by column."""

    numbers: npt.NDArray[np.int16]
    """int16 [p, rows]"""
    codes: npt.NDArray[np.uint8]
    """uint8 [c, rows]"""

    def take(self, rows: Rows) -> Grid:
        """The points at these positions."""
        return Grid(numbers=self.numbers[:, rows], codes=self.codes[:, rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """What estimates the distances of points with the same columns."""

    numbers: int
    steps: int
    weight: int
    """Steps of a category that differs."""

    @classmethod
    def of(cls, points: Points) -> Estimator:
        """As fine a grid as the columns allow: the distances that occur should fit 16 bits."""
        greatest = points.numbers.shape[1] + points.mismatch * points.codes.shape[1]
        steps = max(_FEWEST_STEPS, min(_STEPS, int(_GREATEST / max(greatest, 1))))
        return cls(numbers=points.numbers.shape[1], steps=steps, weight=int(points.mismatch * steps))

    def grid(self, points: Points) -> Grid:
        """The points on the grid."""
        numbers = np.floor(np.clip(points.numbers, *_REACH) * self.steps).astype(np.int16)
        return Grid(
            numbers=np.ascontiguousarray(numbers.T),
            codes=np.ascontiguousarray((points.codes & 0xFF).astype(np.uint8).T),
        )

    def limits(self, distances: Floats) -> Estimates:
        """uint16 [n]: a pair that is nearer than the distance is estimated at most so far."""
        # Without numbers an estimate is exact, and one that equals the distance is not nearer.
        margin = self.numbers + _SAFETY if self.numbers else -_SAFETY
        steps = np.ceil(distances * self.steps + margin) - 1
        return np.clip(steps, 0, _GREATEST).astype(np.uint16)

    def estimate(self, queries: Grid, reference: Grid) -> Estimates:
        """uint16 [queries, reference]"""
        shape = (queries.codes.shape[1], reference.codes.shape[1])
        difference = np.empty(shape, np.int16)
        total = np.zeros(shape, np.int16)
        for one, other in zip(queries.numbers, reference.numbers, strict=True):
            np.subtract(one[:, None], other, out=difference)
            np.absolute(difference, out=difference)
            np.add(total, difference, out=total)
        estimates: Estimates = total.view(np.uint16)
        if len(queries.codes):
            differ = np.empty(shape, np.bool_)
            count = np.zeros(shape, np.uint8)
            for one, other in zip(queries.codes, reference.codes, strict=True):
                np.not_equal(one[:, None], other, out=differ)
                np.add(count, differ.view(np.uint8), out=count)
            weighted = count.astype(np.uint16)
            weighted *= np.uint16(self.weight)
            estimates += weighted
        return estimates
