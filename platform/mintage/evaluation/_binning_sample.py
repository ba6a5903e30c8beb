"""A bounded sample of a table that is read once: the same rows, the same sample."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SAMPLE_ROWS = 2**20
"""Rows that are looked at; fewer of wide tables."""
_SAMPLE_VALUES = 2**25
_LEAST_ROWS = 2**12

Words = npt.NDArray[np.uint64]


def sample_rows(batches: Iterable[pa.RecordBatch]) -> pa.Table | None:
    """All rows of a table, or an evenly random part of one that is longer; None for no batch at all.

    Which rows stay depends on their positions alone, by a fixed mixing function.
    """
    kept: list[pa.RecordBatch] = []
    marks: list[Words] = []
    rows, seen, bits = 0, 0, 0
    for batch in batches:
        most = max(_LEAST_ROWS, min(SAMPLE_ROWS, _SAMPLE_VALUES // max(1, batch.num_columns)))
        mixed = _mix(np.arange(seen, seen + batch.num_rows, dtype=np.uint64))
        seen += batch.num_rows
        chosen, their_marks = _thin(batch, mixed, bits)
        kept.append(chosen)
        marks.append(their_marks)
        rows += chosen.num_rows
        while rows > most:
            bits += 1
            thinned = [_thin(b, m, bits) for b, m in zip(kept, marks, strict=True)]
            kept, marks = [b for b, _ in thinned], [m for _, m in thinned]
            rows = sum(b.num_rows for b in kept)
    if not kept or not kept[0].num_columns:
        return None
    return pa.Table.from_batches([b for b in kept if b.num_rows], kept[0].schema).unify_dictionaries()


def _thin(batch: pa.RecordBatch, marks: Words, bits: int) -> tuple[pa.RecordBatch, Words]:
    """The rows whose lowest `bits` bits are zero: half as many for each bit."""
    if bits == 0:
        return batch, marks
    keep = (marks & np.uint64(2**bits - 1)) == 0
    return batch.filter(pa.array(keep)), marks[keep]


def _mix(positions: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): positions as evenly spread bits."""
    words = positions + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed
