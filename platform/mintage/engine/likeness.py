"""Whether two mintings of a table could be draws from one distribution: two-sample tests by column.

Each column has a p-value, the smallest of its tests times their number: how often there is a null,
which values there are (chi-squared), how numbers and times are distributed (Kolmogorov-Smirnov), how
long texts and lists are. Columns pass when it is at least `LEVEL` divided by the number of columns.
The tests look at columns one by one, and at no more than `MAX_SAMPLE_ROWS` rows, evenly spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LEVEL = 0.01
"""How often equal distributions are taken for different ones, over all columns of a shard."""
MAX_SAMPLE_ROWS = 100_000
_MAX_LEVELS = 100
_LEAST_EXPECTED = 5
_ROWS_SHARE = 0.02
_ROWS_DEVIATIONS = 5


def row_tolerance(rows: int) -> int:
    """How many rows more or less are still as many: 2 %, or five standard deviations of a count."""
    return math.ceil(max(_ROWS_SHARE * rows, _ROWS_DEVIATIONS * math.sqrt(rows)))


def sample_rows(batches: Iterator[pa.RecordBatch], rows: int, schema: pa.Schema) -> pa.Table:
    """At most `MAX_SAMPLE_ROWS` of the `rows` rows that come, evenly spread."""
    step = max(1, math.ceil(rows / MAX_SAMPLE_ROWS))
    kept, seen = [], 0
    for batch in batches:
        first = -seen % step
        seen += batch.num_rows
        if first < batch.num_rows:
            kept.append(batch.take(pa.array(np.arange(first, batch.num_rows, step))))
    return pa.Table.from_batches([batch.cast(schema) for batch in kept], schema=schema)


def column_p_value(old: pa.ChunkedArray, new: pa.ChunkedArray) -> float:
    """How probable it is that two samples of one distribution differ as much as these, in [0, 1]."""
    p_values = [_of_counts(_null_counts(old, new)), *_of_values(old.drop_null(), new.drop_null())]
    return min(1.0, min(p_values) * len(p_values))


def _of_values(old: pa.ChunkedArray, new: pa.ChunkedArray) -> list[float]:
    """The p-values of the tests that fit a type; neither has nulls."""
    type_ = old.type
    if pa.types.is_null(type_) or not len(old) or not len(new):
        return []
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        inner = _of_values(_flat(old).drop_null(), _flat(new).drop_null())
        return [_of_numbers(_lengths(old), _lengths(new)), *inner]
    if not pa.types.is_floating(type_):
        counts = _level_counts(old, new)
        if counts.shape[1] <= _MAX_LEVELS or not _is_number(type_):
            return [_of_counts(counts), *_of_lengths(old, new)]
    return [_of_numbers(_numbers(old), _numbers(new))]


def _of_lengths(old: pa.ChunkedArray, new: pa.ChunkedArray) -> list[float]:
    if not (pa.types.is_string(old.type) or pa.types.is_large_string(old.type) or _is_binary(old.type)):
        return []
    lengths = [pc.binary_length(values).to_numpy() for values in (old, new)]
    return [_of_numbers(*lengths)]


def _of_numbers(old: np.ndarray, new: np.ndarray) -> float:
    """Kolmogorov-Smirnov; conservative where values are tied. NaN counts as the largest number."""
    from scipy import stats

    old, new = (np.where(np.isnan(values), np.inf, values) for values in (old, new))
    return float(stats.ks_2samp(old, new, method="asymp").pvalue)


def _of_counts(counts: np.ndarray) -> float:
    """Chi-squared of a table of two rows; values that are too rare for it are counted together."""
    from scipy import stats

    total = counts.sum(axis=1, keepdims=True)
    if not total.all():
        return 1.0
    rare = counts.sum(axis=0) * (total.min() / total.sum()) < _LEAST_EXPECTED
    if rare.any():
        counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return 1.0
    return float(stats.chi2_contingency(counts, correction=False).pvalue)


def _null_counts(old: pa.ChunkedArray, new: pa.ChunkedArray) -> np.ndarray:
    return np.array([[values.null_count, len(values) - values.null_count] for values in (old, new)])


def _level_counts(old: pa.ChunkedArray, new: pa.ChunkedArray) -> np.ndarray:
    """How often each value occurs, a row for each of the two."""
    both = pa.chunked_array([*old.chunks, *new.chunks], type=old.type).combine_chunks()
    coded = both if pa.types.is_dictionary(both.type) else both.dictionary_encode()
    codes = coded.indices.to_numpy()
    levels = len(coded.dictionary)
    return np.array([np.bincount(part, minlength=levels) for part in (codes[: len(old)], codes[len(old) :])])


def _numbers(values: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_temporal(values.type):
        wide = pa.int32() if values.type.bit_width == 32 else pa.int64()
        values = pa.chunked_array([chunk.view(wide) for chunk in values.chunks], type=wide)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    return np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy())


def _flat(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([chunk.flatten() for chunk in values.chunks], type=values.type.value_type)


def _lengths(values: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.list_value_length(values).to_numpy())


def _is_number(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(type_)
        or pa.types.is_floating(type_)
        or pa.types.is_decimal(type_)
        or pa.types.is_temporal(type_)
    )


def _is_binary(type_: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))
