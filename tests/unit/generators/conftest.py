"""Tables to learn from, small enough for a fit of seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

ROWS = 1000


@pytest.fixture(scope="session")
def mixed() -> pa.Table:
    """A thousand rows with a column of each type; `code` and `region` follow from `name`."""
    rng = np.random.default_rng(5)
    kind = rng.integers(0, 6, ROWS)
    names = np.array(["ada", "bob", "cyd", "dan", "eve", "fay"])
    gaps = rng.random(ROWS) < 0.2
    floats = np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS) * (kind + 1))
    floats[rng.random(ROWS) < 0.05] = np.inf
    levels = pa.array(["lo", "mid", "hi"])
    hours = rng.integers(0, 5000, ROWS)
    cents = rng.integers(0, 10**6, ROWS)
    return pa.table(
        {
            "name": pa.array(names[kind]),
            "code": pa.array(kind * 7 + 100, pa.int16()),
            "region": pa.array(np.array(["north", "south"])[kind % 2], pa.large_string()),
            "level": pa.DictionaryArray.from_arrays(pa.array(kind % 3, pa.int8()), levels),
            "float": pa.array(floats, mask=gaps),
            "single": pa.array(rng.normal(size=ROWS).astype(np.float32)),
            "huge": pa.array(2**64 - 1 - rng.integers(0, 10**6, ROWS).astype(np.uint64)),
            "flag": pa.array(rng.random(ROWS) < 0.3, mask=gaps),
            "price": pa.array([Decimal(int(c)).scaleb(-2) for c in cents], pa.decimal128(12, 2)),
            "day": pa.array([date(2020, 1, 1) + timedelta(int(h % 700)) for h in hours]),
            "hour": pa.array([datetime(2021, 3, 1, tzinfo=UTC) + timedelta(hours=int(h)) for h in hours],
                             pa.timestamp("us", "Europe/Berlin")),
            "clock": pa.array([time(int(h % 24), 30) for h in hours], pa.time32("s")),
            "took": pa.array([timedelta(seconds=int(h)) for h in hours], pa.duration("ms")),
            "year": pa.array(np.full(ROWS, 2013), pa.int32()),
            "nothing": pa.nulls(ROWS, pa.float64()),
            "void": pa.nulls(ROWS),
        }
    )  # fmt: skip
