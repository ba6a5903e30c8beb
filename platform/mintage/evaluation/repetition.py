"""How often whole rows repeat: a generator that has collapsed onto a few rows shows here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mintage.evaluation.tables import Column, Table

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Of one table: distinct rows / rows, and the share of its most frequent row."""

    distinct_share: float
    top_row_share: float


def measure_repetition(table: Table, rows: int, seed: int) -> Repetition:
    """Count equal rows among `rows` of the table; it draws them when it has more.

    Shares of distinct rows fall as tables grow, so tables are only comparable at equal sizes. Rows are
    told apart by 64-bit hashes: among a million rows two different ones are taken for equal with a
    probability of 3 in 10^8. All missing values are equal, and so are 0.0 and -0.0.
    """
    hashes = np.sort(_hash_rows(table.sample(rows, seed)))
    starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
    most = int(np.diff(np.append(starts, len(hashes))).max())
    return Repetition(distinct_share=len(starts) / len(hashes), top_row_share=most / len(hashes))


def _hash_rows(table: Table) -> npt.NDArray[np.uint64]:
    hashes = np.zeros(table.rows, dtype=np.uint64)
    for column in sorted(table.columns, key=lambda column: column.name):
        hashes += _STEP
        hashes ^= _words(column)
        for shift, factor in zip((30, 27), _MIX, strict=True):  # splitmix64 (Steele et al. 2014)
            hashes ^= hashes >> np.uint64(shift)
            hashes *= factor
        hashes ^= hashes >> np.uint64(31)
    return hashes


def _words(column: Column) -> npt.NDArray[np.uint64]:
    if column.kind == "discrete":
        return np.asarray(column.values).astype(np.int64).view(np.uint64)
    values = np.asarray(column.values, dtype=np.float64) + 0.0  # -0.0 becomes 0.0
    values[np.isnan(values)] = np.nan
    words: npt.NDArray[np.uint64] = values.view(np.uint64)
    return words
