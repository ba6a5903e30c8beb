"""How strongly two columns go together in one table.

Pearson's correlation for continuous columns, Cramér's V for discrete ones, the correlation ratio for one
of each, and normalised mutual information for any two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mintage.evaluation.coding import Coded, Small
from mintage.evaluation.joint import Cells
from mintage.evaluation.tables import Column, Floats

_BLOCK_VALUES = 2**18
_CANCELLED = 1e-6
_MANY_SUMS = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What brings the values of a continuous column into [-1, 1] and centres them, without overflow."""

    middle: float = 0.0
    half_span: float = np.nan
    """NaN for a column without two different values: nothing can be said about it."""
    mean: float = 0.0
    """Mean of the values after they were brought into [-1, 1]."""
    deviation: float = 0.0
    """Their standard deviation."""
    missing: bool = True
    """Whether values are missing."""

    @classmethod
    def of(cls, ordered: Floats, rows: int) -> Scale:
        """The scale of a column of `rows` rows; `ordered` are its present values, ascending."""
        missing = len(ordered) < rows
        if not len(ordered) or ordered[0] == ordered[-1]:
            return cls(missing=missing)
        middle = float(ordered[0] / 2 + ordered[-1] / 2)
        half_span = float(ordered[-1] / 2 - ordered[0] / 2)
        scaled = (ordered - middle) / half_span
        mean = float(scaled.mean())
        scaled -= mean
        deviation = float(np.sqrt(scaled @ scaled / len(scaled)))
        return cls(middle=middle, half_span=half_span, mean=mean, deviation=deviation, missing=missing)


def correlations(columns: Sequence[Column], scales: Sequence[Scale]) -> Floats:
    """Pearson's r of each pair of continuous columns; NaN where it is undefined.

    A pair is correlated over the rows where both have a value. It is undefined over fewer than two such
    rows, and where a column is constant over them. One matrix product serves all pairs; a pair whose
    variance nearly cancels in it is done again by itself.
    """
    if not any(scale.missing for scale in scales):
        return _complete_correlations(columns, scales)
    shape = (len(columns), len(columns))
    products, sums, squares, rows = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for scaled in _blocks(columns, scales):
        present = ~np.isnan(scaled)
        known = present.astype(np.float64)
        scaled[~present] = 0
        products += scaled @ scaled.T
        sums += scaled @ known.T
        squares += (scaled * scaled) @ known.T
        rows += known @ known.T
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = products - sums * sums.T / rows
        variances = squares - sums * sums / rows
    found = _quotient(covariance, variances, variances.T)
    found[rows < 2] = np.nan
    shaky = (variances <= _CANCELLED * squares) | (variances.T <= _CANCELLED * squares.T)
    for left, right in np.argwhere(np.triu(shaky & (rows >= 2), 1)):
        found[left, right] = found[right, left] = _correlate_two(columns[left], columns[right])
    return found


def _complete_correlations(columns: Sequence[Column], scales: Sequence[Scale]) -> Floats:
    products = np.zeros((len(columns), len(columns)))
    for scaled in _blocks(columns, scales):
        products += scaled @ scaled.T
    variance = np.diag(products)
    found = _quotient(products, variance[:, None], variance[None, :])
    if len(columns[0].values) < 2:
        found[:] = np.nan
    return found


def _blocks(columns: Sequence[Column], scales: Sequence[Scale]) -> Iterator[Floats]:
    """Blocks of rows, scaled: columns x rows."""
    rows, step = len(columns[0].values), max(64, _BLOCK_VALUES // len(columns))
    middle = np.array([[scale.middle] for scale in scales])
    half_span = np.array([[scale.half_span] for scale in scales])
    mean = np.array([[scale.mean] for scale in scales])
    for start in range(0, rows, step):
        block = np.stack([np.asarray(column.values[start : start + step], np.float64) for column in columns])
        block -= middle
        block /= half_span
        block -= mean
        yield block


def _quotient(covariance: Floats, left: Floats, right: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = covariance / (np.sqrt(left) * np.sqrt(right))
    return np.where(np.isfinite(found), np.clip(found, -1, 1), np.nan)


def _correlate_two(left: Column, right: Column) -> float:
    both = ~(left.missing | right.missing)
    columns = [np.asarray(column.values[both], dtype=np.float64) for column in (left, right)]
    scaled = []
    for values in columns:
        scale = Scale.of(np.sort(values), len(values))
        scaled.append((values - scale.middle) / scale.half_span - scale.mean)
    lengths = np.linalg.norm(scaled[0]) * np.linalg.norm(scaled[1])
    return float(np.clip(scaled[0] @ scaled[1] / lengths, -1, 1)) if lengths > 0 else np.nan


def correlation_ratios(
    columns: Sequence[Column], scales: Sequence[Scale], discrete: Sequence[Coded]
) -> Floats:
    """The correlation ratio of each continuous with each discrete column; NaN without variance.

    It is the root of the share of the variance that lies between levels, over the rows where both have a
    value. Shape: discrete x continuous columns.
    """
    found = np.full((len(discrete), len(columns)), np.nan)
    few = [number for number, coded in enumerate(discrete) if coded.size * len(columns) <= _MANY_SUMS]
    sums = [_LevelSums(discrete[number].size, len(columns)) for number in few]
    start, squares = 0, np.zeros(len(columns))
    for block in _blocks(columns, scales) if few else ():
        present = ~np.isnan(block)
        scaled = np.ascontiguousarray(np.where(present, block, 0).T)
        known = None if present.all() else np.ascontiguousarray(present.T, dtype=np.float64)
        for number, level_sums in zip(few, sums, strict=True):
            level_sums.add(discrete[number].codes[start : start + len(scaled)], scaled, known)
        squares += np.einsum("ij,ij->j", scaled, scaled)
        start += len(scaled)
    for number, level_sums in zip(few, sums, strict=True):
        found[number] = level_sums.ratios(squares)
    for number in sorted(set(range(len(discrete))) - set(few)):
        found[number] = _ratios_of_many(columns, scales, discrete[number])
    return found


class _LevelSums:
    """Sums of continuous columns over the rows of each level; the last level is the missing one."""

    def __init__(self, levels: int, columns: int) -> None:
        self.sums = np.zeros((levels, columns))
        self.rows = np.zeros((levels, columns))
        self.lost = np.zeros(columns)
        """Sums of squares over the rows of the missing level."""

    def add(self, codes: Small, scaled: Floats, known: Floats | None) -> None:
        """Add a block, rows x columns; `scaled` is 0 and `known` is 0 where a value is missing."""
        from scipy.sparse import csr_array

        rows, levels = len(codes), len(self.sums)
        members = csr_array((np.ones(rows), codes, np.arange(rows + 1)), shape=(rows, levels)).T
        self.sums += members @ scaled
        if known is None:
            self.rows += np.bincount(codes, minlength=levels)[:, None]
        else:
            self.rows += members @ known
        lost = scaled[codes == levels - 1]
        self.lost += np.einsum("ij,ij->j", lost, lost)

    def ratios(self, squares: Floats) -> Floats:
        """The correlation ratio of each continuous column, from its sum of squares over all rows."""
        return _ratios(self.sums[:-1], self.rows[:-1], squares - self.lost)


def _ratios_of_many(columns: Sequence[Column], scales: Sequence[Scale], discrete: Coded) -> Floats:
    """The same for a column of so many levels that sums of all columns at once would be large."""
    levels = discrete.size - 1
    found = np.full(len(columns), np.nan)
    for place, (column, scale) in enumerate(zip(columns, scales, strict=True)):
        both = ~column.missing & (discrete.codes < levels)
        codes = discrete.codes[both]
        scaled = (column.values[both] - scale.middle) / scale.half_span - scale.mean
        sums = np.bincount(codes, weights=scaled, minlength=levels).astype(np.float64)[:, None]
        rows = np.bincount(codes, minlength=levels).astype(np.float64)[:, None]
        found[place] = _ratios(sums, rows, np.array([scaled @ scaled]))[0]
    return found


def _ratios(sums: Floats, rows: Floats, squares: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        overall = sums.sum(axis=0) ** 2 / rows.sum(axis=0)
        between = np.where(rows > 0, sums**2 / rows, 0).sum(axis=0) - overall
        total = squares - overall
        ratio = np.sqrt(np.clip(between / total, 0, 1))
    return np.where(total > 0, ratio, np.nan)


def cramers_v(cells: Cells, table: int, *, missing: bool) -> Floats:
    """Cramér's V of each pair, without correction for bias; NaN when a column has a single level.

    With `missing`, missing values are a level like the others; without, their rows are left out.
    """
    counts = cells.counts[table]
    if not missing:
        counts = np.where(cells.complete, counts, 0)
    left, right = cells.left_sums(counts), cells.right_sums(counts)
    fewer = np.minimum((left > 0).sum(axis=1), (right > 0).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = left[cells.pair, cells.left] * right[cells.pair, cells.right]
        contingency = cells.sums(np.where(counts > 0, counts**2 / expected, 0)) - 1
        found = np.sqrt(np.clip(contingency / (fewer - 1), 0, 1))
    return np.where(fewer > 1, found, np.nan)


def mutual_information(cells: Cells, table: int) -> Floats:
    """Mutual information of each pair over the mean of the two entropies; 0 where both are 0.

    Missing values are a level like the others.
    """
    counts = cells.counts[table]
    rows = cells.sums(counts)
    left, right = cells.left_sums(counts), cells.right_sums(counts)
    entropies = [_entropy(left, rows), _entropy(right, rows)]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts / rows[cells.pair]
        joint = -cells.sums(np.where(counts > 0, share * np.log(share), 0))
        found = 2 * (entropies[0] + entropies[1] - joint) / (entropies[0] + entropies[1])
    return np.where(entropies[0] + entropies[1] > 0, np.clip(found, 0, 1), 0.0)


def _entropy(sums: Floats, rows: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        share = sums / rows[:, None]
        entropy: Floats = -np.where(sums > 0, share * np.log(share), 0).sum(axis=1)
    return entropy
