"""Quantities on a grid: which cell of a given width a value lies in."""

from __future__ import annotations

import numpy as np
import polars as pl

from mintage.operators.row_hash import Words

_WIDER = 1 + 2.0**-20
"""Two values that are a tolerance apart must not be two cells apart because a division was rounded."""

_LAST = 2.0**61
_NOT_A_NUMBER, _NULL = np.uint64(2**63 - 1), np.uint64(2**63 - 2)
_PER_SECOND = {"ms": 1e3, "us": 1e6, "ns": 1e9}


def cells(column: pl.Series, tolerance: float) -> Words:
    """The number of each value's cell, as a word; null and NaN have cells of their own, without neighbours.

    `tolerance` is in days for dates, in seconds for other temporal columns. Cells further away than
    2**61 are one.
    """
    values = _quantity(column)
    null = column.is_null().to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        number = np.floor(values / (tolerance * _units(column.dtype) * _WIDER)).clip(-_LAST, _LAST)
    undefined = np.isnan(number)
    words: Words = np.where(undefined, 0.0, number).astype(np.int64).view(np.uint64)
    return np.where(null, _NULL, np.where(undefined, _NOT_A_NUMBER, words))


def shifted(words: Words, step: int) -> Words:
    """The cells beside those, `step` cells further up."""
    if step == 0:
        return words
    moved = (words.view(np.int64) + step).view(np.uint64)
    return np.where((words == _NULL) | (words == _NOT_A_NUMBER), words, moved)


def _quantity(column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    numbers = column.to_physical() if column.dtype.is_temporal() else column
    return numbers.cast(pl.Float64).fill_null(0.0).to_numpy()


def _units(dtype: pl.DataType) -> float:
    """Physical units in one unit of the tolerance."""
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return _PER_SECOND[dtype.time_unit]
    return _PER_SECOND["ns"] if dtype == pl.Time else 1.0
