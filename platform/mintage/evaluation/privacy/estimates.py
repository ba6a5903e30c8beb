"""Distances in small integers, never too great: what rules out nearly all pairs of rows, fast.

A number is laid on a grid of so many steps for its range; the difference of two grid positions is
less than one step above that of the numbers. A category is one byte; two that share a byte count as
equal. Sums that overflow come out too small. So what is estimated beyond a limit is further away.

`sift` looks in three ways, each at more cost than the one before, and only while many pairs are left:
how many categories differ, numbers in 8 bits, all in 16 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.space import Floats, Points, Rows

_STEPS = 8192  # at most, so that differences up to three ranges fit 16 bits
_FEWEST_STEPS = 16
_REACH = (-1.0, 2.0)  # numbers beyond are taken as if they were here, which is never too far
_GREATEST = 2**16 - 1
_COARSE_SUM = 420  # steps: most sums of differences, of a third of the range on average, fit 8 bits
_COARSE_STEPS = 127
_SAFETY = 1e-6  # steps; more than the rounding errors of float64
_FEW = 0.05  # of the pairs: measuring these costs less than looking at all of them again

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint16]
Flags = npt.NDArray[np.bool_]
Signed = npt.NDArray[np.int8 | np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Points in small integers, column by column."""

    numbers: npt.NDArray[np.int16]
    """int16 [p, rows]"""
    coarse: npt.NDArray[np.int8]
    """int8 [p, rows]: the numbers in fewer steps"""
    codes: Bytes
    """uint8 [c, rows]"""

    @property
    def rows(self) -> int:
        """How many points there are."""
        return int(self.codes.shape[1])

    def take(self, rows: Rows) -> Grid:
        """The points at these positions."""
        return Grid(numbers=self.numbers[:, rows], coarse=self.coarse[:, rows], codes=self.codes[:, rows])


def join_grids(parts: Sequence[Grid]) -> Grid:
    """The points of all parts, one part after the other."""
    return Grid(
        numbers=np.concatenate([part.numbers for part in parts], axis=1),
        coarse=np.concatenate([part.coarse for part in parts], axis=1),
        codes=np.concatenate([part.codes for part in parts], axis=1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """What estimates the distances of points with the same columns."""

    numbers: int
    mismatch: float
    steps: int
    coarse_steps: int

    @classmethod
    def of(cls, points: Points) -> Estimator:
        """As fine grids as the columns allow."""
        numbers = points.numbers.shape[1]
        greatest = numbers + points.mismatch * points.codes.shape[1]
        return cls(
            numbers=numbers,
            mismatch=points.mismatch,
            steps=max(_FEWEST_STEPS, min(_STEPS, int(_GREATEST / max(greatest, 1)))),
            coarse_steps=max(1, min(_COARSE_STEPS, _COARSE_SUM // max(numbers, 1))),
        )

    def grid(self, points: Points) -> Grid:
        """The points on the grids."""
        fine = np.floor(np.clip(points.numbers, *_REACH) * self.steps).astype(np.int16)
        coarse = np.floor(np.clip(points.numbers, 0, 1) * self.coarse_steps).astype(np.int8)
        return Grid(
            numbers=np.ascontiguousarray(fine.T),
            coarse=np.ascontiguousarray(coarse.T),
            codes=np.ascontiguousarray((points.codes & 0xFF).astype(np.uint8).T),
        )

    def sift(self, queries: Grid, reference: Grid, distances: Floats) -> Flags:
        """Bool [queries, reference]: False where a pair is certainly not nearer than the query's distance."""
        few = _FEW * queries.rows * reference.rows
        left: Flags | None = None
        differing: Bytes | None = None
        if len(queries.codes):
            differing = count_differing(queries, reference)
            left = differing <= self._limits(distances / self.mismatch, 0, 255).astype(np.uint8)[:, None]
            if np.count_nonzero(left) <= few:
                return left
        if self.numbers:
            close = (
                add_differences(queries.coarse, reference.coarse).view(np.uint8)
                <= (self._limits(distances * self.coarse_steps, self.numbers, 255).astype(np.uint8)[:, None])
            )
            left = close if left is None else np.logical_and(left, close, out=close)
            if np.count_nonzero(left) <= few:
                return left
        limits = self._limits(distances * self.steps, self.numbers, _GREATEST).astype(np.uint16)
        return self.estimate(queries, reference, differing) <= limits[:, None]

    def estimate(self, queries: Grid, reference: Grid, differing: Bytes | None = None) -> Words:
        """uint16 [queries, reference]: steps, at most `p` more than the distance."""
        shape = (queries.rows, reference.rows)
        if self.numbers:
            total: Words = add_differences(queries.numbers, reference.numbers).view(np.uint16)
        else:
            total = np.zeros(shape, np.uint16)
        if len(queries.codes):
            weighted = (count_differing(queries, reference) if differing is None else differing).astype(
                np.uint16
            )
            weighted *= np.uint16(self.mismatch * self.steps)
            total += weighted
        return total

    def _limits(self, steps: Floats, slack: int, greatest: int) -> Floats:
        """The greatest estimate that a pair nearer than so many steps can have."""
        # Without numbers an estimate is exact, and one that equals the distance is not nearer.
        margin = slack + (_SAFETY if self.numbers else -_SAFETY)
        limits: Floats = np.clip(np.ceil(steps + margin) - 1, 0, greatest)
        return limits


def count_differing(queries: Grid, reference: Grid) -> Bytes:
    """uint8 [queries, reference]: how many categories differ, modulo 256."""
    count = np.empty((queries.rows, reference.rows), np.uint8)
    differ = np.empty(count.shape, np.bool_)
    for i, (one, other) in enumerate(zip(queries.codes, reference.codes, strict=True)):
        np.not_equal(one[:, None], other, out=differ if i else count.view(np.bool_))
        if i:
            np.add(count, differ.view(np.uint8), out=count)
    return count


def add_differences(queries: Signed, reference: Signed) -> Signed:
    """[queries, reference]: the sum of absolute differences, modulo what the type holds without its sign."""
    total = np.empty((queries.shape[1], reference.shape[1]), queries.dtype)
    difference = np.empty_like(total)
    for i, (one, other) in enumerate(zip(queries, reference, strict=True)):
        out = difference if i else total
        np.subtract(one[:, None], other, out=out)
        np.absolute(out, out=out)
        if i:
            np.add(total, difference, out=total)
    return total
