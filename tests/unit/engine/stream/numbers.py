"""Rows that say which they are."""

from __future__ import annotations

import pyarrow as pa

from mintage.engine.stream.keys import Ask, Chunk


def numbered(ask: Ask) -> Chunk:
    """The rows of an ask, each with its shard and its place in it; the shard has `total` rows."""
    assert ask.total is not None
    rows = range(ask.first, min(ask.first + ask.rows, ask.total))
    batch = pa.record_batch({"shard": [ask.shard] * len(rows), "row": list(rows)})
    return Chunk(batch=batch, last=rows.stop >= ask.total)
