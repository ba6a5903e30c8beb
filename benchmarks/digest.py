"""The content digest: rows per second of one core, and its share of minting."""

from __future__ import annotations

import statistics

import numpy as np
import pyarrow as pa
from environment import Setting, seconds_of

from mintage.provenance.content_digest import ContentHasher

ROWS = 1_000_000


def measure(setting: Setting) -> dict[str, object]:
    """Rows per second of tables of ten columns, in batches of 16,384 rows."""
    rng = np.random.default_rng(1)
    numbers = pa.table(
        {f"n{i}": rng.random(ROWS) for i in range(5)} | {f"i{i}": rng.integers(0, 99, ROWS) for i in range(5)}
    )
    words = pa.array(["EWR", "JFK", "LGA"]).take(pa.array(rng.integers(0, 3, ROWS)))
    mixed = pa.table({f"n{i}": numbers[f"n{i}"] for i in range(5)} | {f"s{i}": words for i in range(5)})
    return {
        name: _rate(table, setting.runs) for name, table in {"numbers": numbers, "half_text": mixed}.items()
    }


def _rate(table: pa.Table, runs: int) -> dict[str, float]:
    batches = table.to_batches(max_chunksize=16_384)

    def hash_all() -> None:
        hasher = ContentHasher(table.schema)
        for batch in batches:
            hasher.update(batch)
        hasher.digest()

    seconds = statistics.median(seconds_of(hash_all) for _ in range(runs))
    return {"rows_per_second": round(table.num_rows / seconds)}
