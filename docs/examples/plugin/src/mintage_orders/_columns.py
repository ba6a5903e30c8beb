"""Arrow columns from numpy arrays, without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers = npt.NDArray[np.int64]


def choices(values: Sequence[str], codes: Integers) -> pa.Array:
    """`values[code]` for each code, as text."""
    return pa.array(values, pa.string()).take(pa.array(codes))


def money(cents: Integers) -> pa.Array:
    """Whole cents as decimal128(12, 2): exact, because no float is in between."""
    words = np.stack([cents, cents >> 63], axis=1).astype("<i8")
    return pa.Array.from_buffers(pa.decimal128(12, 2), len(cents), [None, pa.py_buffer(words.tobytes())])


def moments(seconds: Integers) -> pa.Array:
    """Seconds since 1970 as timestamps in UTC."""
    return pa.array(seconds * 1_000_000).cast(pa.timestamp("us", "UTC"))


def percent_or_null(values: Integers, present: npt.NDArray[np.bool_]) -> pa.Array:
    """The values as 8-bit integers, null where they are not present."""
    return pa.array(values.astype(np.int8), mask=~present)
