"""How strongly two columns go together in a table: correlation, Cramér's V, correlation ratio, and
mutual information.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mintage.evaluation.joint import Cells
from mintage.evaluation.tables import Column, Floats

_BLOCK_VALUES = 2**21
_CANCELLED = 1e-6
_MANY_SUMS = 2**24


def correlations(columns: Sequence[Column]) -> Floats:
    """Pearson's r of each pair of continuous columns; NaN where it is undefined.

    A pair is correlated over the rows where both have a value. It is undefined over fewer than two such
    rows, and where a column is constant over them. One matrix product for all pairs: columns are brought
    into [-1, 1] and centred first, and a pair whose variance then nearly cancels is done again by itself.
    """
    size = len(columns)
    centres, scales, means = _frames(columns)
    with_missing = any(column.missing.any() for column in columns)
    shape = (size, size)
    products, sums, squares, rows = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for block in _blocks(columns):
        scaled = ((block - centres) / scales) - means
        if not with_missing:
            products += scaled @ scaled.T
            continue
        present = ~np.isnan(scaled)
        scaled = np.where(present, scaled, 0)
        known = present.astype(np.float64)
        products += scaled @ scaled.T
        sums += scaled @ known.T
        squares += (scaled * scaled) @ known.T
        rows += known @ known.T
    if not with_missing:
        variance = np.diag(products)
        return _quotient(products, np.broadcast_to(variance[:, None], shape), variance[None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = products - sums * sums.T / rows
        variances = squares - sums * sums / rows
    found = _quotient(covariance, variances, variances.T)
    found[rows < 2] = np.nan
    shaky = (variances <= _CANCELLED * squares) | (variances.T <= _CANCELLED * squares.T)
    for left, right in np.argwhere(np.triu(shaky & (rows >= 2), 1)):
        found[left, right] = found[right, left] = _correlate_two(columns[left], columns[right])
    return found


def _frames(columns: Sequence[Column]) -> tuple[Floats, Floats, Floats]:
    """The middle and half the span of each column, and its mean after it was brought into [-1, 1]."""
    frames = np.array([_frame(np.asarray(column.values, dtype=np.float64)) for column in columns])
    return frames[:, :1], frames[:, 1:2], frames[:, 2:]


def _frame(values: Floats) -> tuple[float, float, float]:
    present = values[~np.isnan(values)]
    if not len(present):
        return 0.0, 1.0, 0.0
    least, greatest = present.min() / 2, present.max() / 2
    if least == greatest:
        return float(2 * least), np.nan, 0.0  # a constant: nothing can be said about it
    return (
        float(least + greatest),
        float(greatest - least),
        float(((present - (least + greatest)) / (greatest - least)).mean()),
    )


def _blocks(columns: Sequence[Column]) -> Iterator[Floats]:
    rows, step = len(columns[0].values), max(1, _BLOCK_VALUES // len(columns))
    for start in range(0, rows, step):
        yield np.stack([np.asarray(column.values[start : start + step], np.float64) for column in columns])


def _quotient(covariance: Floats, left: Floats, right: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = covariance / (np.sqrt(left) * np.sqrt(right))
    return np.where(np.isfinite(found), np.clip(found, -1, 1), np.nan)


def _correlate_two(left: Column, right: Column) -> float:
    both = ~(left.missing | right.missing)
    scaled = []
    for column in (left, right):
        values = np.asarray(column.values[both], dtype=np.float64)
        centre, scale, mean = _frame(values)
        if np.isnan(scale):
            return np.nan
        scaled.append((values - centre) / scale - mean)
    lengths = np.linalg.norm(scaled[0]) * np.linalg.norm(scaled[1])
    return float(np.clip(scaled[0] @ scaled[1] / lengths, -1, 1)) if lengths > 0 else np.nan


def correlation_ratios(continuous: Sequence[Column], discrete: Column) -> Floats:
    """The correlation ratio of continuous columns with a discrete one: the root of the share of the
    variance that lies between levels, over the rows where both have a value; NaN without variance.
    """
    levels = len(discrete.levels)
    step = max(1, min(_MANY_SUMS // (levels + 1), 2 * _BLOCK_VALUES // max(1, len(discrete.values))))
    parts = [
        _ratios(continuous[start : start + step], discrete, levels)
        for start in range(0, len(continuous), step)
    ]
    return np.concatenate(parts)


def _ratios(continuous: Sequence[Column], discrete: Column, levels: int) -> Floats:
    from scipy.sparse import csr_array

    codes = np.asarray(discrete.values)
    known = np.flatnonzero(codes >= 0)
    values = np.stack([np.asarray(column.values, dtype=np.float64) for column in continuous])
    values = (values if len(known) == len(codes) else values[:, known]).T
    centres, scales, means = (frame.T for frame in _frames(continuous))
    scaled = (values - centres) / scales - means
    present = ~np.isnan(scaled)
    whole = bool(present.all())
    scaled = np.ascontiguousarray(scaled if whole else np.where(present, scaled, 0))
    level_of = csr_array(
        (np.ones(len(known)), codes[known], np.arange(len(known) + 1)), shape=(len(known), max(1, levels))
    ).T
    sums = level_of @ scaled
    rows = level_of @ (np.ones((len(known), 1)) if whole else present.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        overall = sums.sum(axis=0) ** 2 / rows.sum(axis=0)
        between = np.where(rows > 0, sums**2 / rows, 0).sum(axis=0) - overall
        total = np.einsum("ij,ij->j", scaled, scaled) - overall
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
