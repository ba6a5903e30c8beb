"""Leaves of a k-d tree: near points lie together, and a box around each leaf bounds the distance to it.

A leaf is bounded by the least and the greatest of each number, and by the set of its categories, of
which 64 are told apart (more share a bit; a bound stays a bound).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.privacy.space import Points, Rows

_SCORED = 512  # rows of a node that choose its split
_SAFETY = 1e-5  # more than the rounding errors of bounds in float32, relative and absolute

Bounds = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """A partition of points."""

    rows: tuple[Rows, ...]
    """Positions of the points of each leaf."""
    low: Bounds
    """float32 [p, leaves]"""
    high: Bounds
    levels: npt.NDArray[np.uint64]
    """uint64 [c, leaves]: bit i is set when a category with code i (modulo 64) occurs."""
    mismatch: float

    def bounds(self, queries: Points) -> Bounds:
        """float32 [queries, leaves]: no point of the leaf is nearer to the query than this."""
        bounds = np.zeros((queries.rows, len(self.rows)), np.float32)
        numbers = queries.numbers.astype(np.float32)
        for column, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            value = numbers[:, column, None]
            bounds += np.maximum(np.maximum(low - value, value - high), np.float32(0))
        for column, levels in enumerate(self.levels):
            absent = (_bits(queries.codes[:, column])[:, None] & levels) == 0
            bounds += absent * np.float32(self.mismatch)
        safe: Bounds = bounds * np.float32(1 - _SAFETY) - np.float32(_SAFETY)
        return safe


def plant(points: Points, size: int) -> Leaves:
    """Leaves of at most `size` points each, of one point or more."""
    waiting = [np.arange(points.rows)]
    done: list[Rows] = []
    while waiting:
        rows = waiting.pop()
        if len(rows) <= size:
            done.append(rows)
        else:
            waiting.extend(reversed(_split(points, rows)))
    low = np.array([points.numbers[rows].min(axis=0) for rows in done], np.float64)
    high = np.array([points.numbers[rows].max(axis=0) for rows in done], np.float64)
    levels = [np.bitwise_or.reduce(_bits(points.codes[rows]), axis=0) for rows in done]
    return Leaves(
        rows=tuple(done),
        low=low.astype(np.float32).T,
        high=high.astype(np.float32).T,
        levels=np.array(levels, np.uint64).T,
        mismatch=points.mismatch,
    )


def _bits(codes: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
    bits: npt.NDArray[np.uint64] = np.uint64(1) << (codes % 64).astype(np.uint64)
    return bits


def _split(points: Points, rows: Rows) -> tuple[Rows, Rows]:
    """Two parts of about the same size, cut where rows differ most."""
    step = -(-len(rows) // _SCORED)
    few = points.take(rows[::step])
    scores = np.concatenate([_number_scores(few), _code_scores(few)])
    best = int(scores.argmax()) if len(scores) else 0
    if not len(scores) or scores[best] <= 0:
        return rows[: len(rows) // 2], rows[len(rows) // 2 :]
    count = points.numbers.shape[1]
    if best < count:
        left = points.numbers[rows, best] <= _cut(few.numbers[:, best])
    else:
        left = np.isin(points.codes[rows, best - count], _half(few.codes[:, best - count])[0])
    return rows[left], rows[~left]


def _cut(values: npt.NDArray[np.float64]) -> float:
    """The value below which about half of them lie, and above which some do."""
    middle = float(np.median(values))
    return middle if middle < values.max() else float(values[values < middle].max(initial=-np.inf))


def _number_scores(points: Points) -> npt.NDArray[np.float64]:
    """For each number: the mean distance from the median, times the balance of the cut."""
    values = points.numbers
    spread = np.abs(values - np.median(values, axis=0)).mean(axis=0) if values.size else values.sum(axis=0)
    left = np.array([(column <= _cut(column)).mean() for column in values.T])
    scores: npt.NDArray[np.float64] = spread * left * (1 - left)
    return scores


def _code_scores(points: Points) -> npt.NDArray[np.float64]:
    """For each category: the distance of two random rows, times the balance of the cut."""
    halves = [_half(codes) for codes in points.codes.T]
    scores = [differ * left * (1 - left) for _, left, differ in halves]
    return np.array(scores, np.float64) * points.mismatch / 2


def _half(codes: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], float, float]:
    """Levels, the most frequent first, that hold about half of the rows, never all.

    With them, the share of rows that they hold, and the chance that two rows differ.
    """
    levels, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    held = np.cumsum(counts[order]) / len(codes)
    taken = 1 + int(np.abs(held[:-1] - 0.5).argmin()) if len(levels) > 1 else 0
    differ = 1 - float(((counts / len(codes)) ** 2).sum())
    return levels[order[:taken]], float(held[taken - 1]) if taken else 0.0, differ
