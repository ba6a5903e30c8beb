"""A bounded uniform sample of a source's rows, taken in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

MAX_CELLS = 50_000_000
"""Cells held at most, whatever the number of columns: rows kept = `MAX_CELLS` / columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows kept, in source order, and how many the source had."""

    table: pa.Table
    seen: int


def take_rows(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, limit: int, rng: np.random.Generator
) -> Rows:
    """All rows up to `limit`, or a uniform sample of `limit` rows of a longer stream.

    Every row draws a key and the smallest keys stay (A-ES without weights: Efraimidis and Spirakis,
    2006), so the sample depends on the order of the rows, never on how they were cut into batches.
    At most `2 * limit` rows and one batch are held.
    """
    limit = min(limit, max(1000, MAX_CELLS // max(1, len(schema))))
    table, keys = schema.empty_table(), np.empty(0)
    bound, seen = np.inf, 0
    for batch in batches:
        drawn = rng.random(batch.num_rows)
        seen += batch.num_rows
        chosen = drawn < bound
        part = batch if chosen.all() else batch.filter(pa.array(chosen))
        table = pa.concat_tables([table, pa.Table.from_batches([part]).cast(schema)])
        keys = np.concatenate([keys, drawn[chosen]])
        if len(keys) > 2 * limit:
            table, keys = _smallest(table, keys, limit)
            bound = keys.max()
    if len(keys) > limit:
        table, keys = _smallest(table, keys, limit)
    return Rows(table=table, seen=seen)


def _smallest(table: pa.Table, keys: np.ndarray, limit: int) -> tuple[pa.Table, np.ndarray]:
    kept = np.sort(np.argpartition(keys, limit - 1)[:limit])
    return table.take(pa.array(kept)), keys[kept]
