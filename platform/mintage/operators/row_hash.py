"""A 64-bit hash of rows that is the same in every version, process and batch.

What is hashed are values, not their encoding: -0.0 is 0.0, every NaN is one value, and null is a
value of its own. Words of 64 bits are chained through the finaliser of SplitMix64 (Steele, Lea,
Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), a bijection: equal rows hash
equally, and two different rows agree with a probability of about 2**-64. It is no cryptographic hash:
rows made on purpose may collide.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Words = npt.NDArray[np.uint64]

_SEED = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0xD1B54A32D192ED03)
_NAN = np.uint64(0x7FF8000000000000)
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_BLOCK_BYTES = 512
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)


def hash_rows(columns: Iterable[pl.Series]) -> Words:
    """One hash for each row of the columns, which have to be in the same order every time."""
    return chain(column_words(column) for column in columns)


def chain(words: Iterable[Words]) -> Words:
    """The words of several columns, folded into one for each row."""
    state: Words | None = None
    for column in words:
        state = _mixed(column ^ (_SEED if state is None else state))
    if state is None:
        raise ValueError("a row hash needs a column")
    return state


def column_words(column: pl.Series) -> Words:
    """One word for each value; different values have different words, or nearly surely so."""
    words = _value_words(column)
    if column.null_count():
        words = np.where(column.is_null().to_numpy(), _NULL, words)
    return words


def float_words(values: npt.NDArray[np.float64]) -> Words:
    """The words of floats: one for both zeros, one for all NaN."""
    return np.where(np.isnan(values), _NAN, (values + 0.0).view(np.uint64))


def _value_words(column: pl.Series) -> Words:
    """The words of the values; those of nulls are anything."""
    dtype = column.dtype
    if dtype == pl.Null:
        return np.zeros(len(column), dtype=np.uint64)
    if dtype.is_float():
        return float_words(column.cast(pl.Float64).fill_null(0.0).to_numpy())
    if dtype == pl.UInt64:
        return column.fill_null(0).to_numpy().astype(np.uint64, copy=False)
    if dtype.is_integer() or dtype == pl.Boolean:
        return column.cast(pl.Int64).fill_null(0).to_numpy().view(np.uint64)
    if dtype.is_temporal():
        return _value_words(column.to_physical())
    if isinstance(dtype, pl.Decimal | pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    return _sized_words(column.to_arrow(compat_level=pl.CompatLevel.oldest()))


def _sized_words(array: pa.Array) -> Words:
    """Words of text, bytes and lists: the hash of what each value holds."""
    first, rows = array.offset, len(array)
    if pa.types.is_fixed_size_list(array.type):
        size = 8 * array.type.list_size
        held = column_words(_series(array.values))
        return _hash_spans(held.view(np.uint8), np.arange(first, first + rows) * size, np.full(rows, size))
    if pa.types.is_large_list(array.type):
        offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)[first : first + rows + 1] * 8
        return _hash_spans(column_words(_series(array.values)).view(np.uint8), offsets[:-1], np.diff(offsets))
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)[first : first + rows + 1]
    held_bytes = array.buffers()[2]
    data = np.frombuffer(held_bytes, dtype=np.uint8) if held_bytes else np.zeros(0, dtype=np.uint8)
    return _hash_spans(data, offsets[:-1], np.diff(offsets))


def _series(array: pa.Array) -> pl.Series:
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series


def _hash_spans(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> Words:
    """Hash `data[start:start + length]` for each pair, eight bytes of all spans at a time.

    Spans of more than a block are cut into blocks, whose hashes are hashed in turn: the number of
    rounds grows with the logarithm of the longest span, not with its length.
    """
    padded = np.concatenate([data, np.zeros(8, dtype=np.uint8)])
    # Little-endian words at every byte; reading one past the end of a span is masked away.
    windows: Words = np.ndarray((len(data) + 1,), dtype="<u8", buffer=padded, strides=(1,))
    state = _mixed(lengths.astype(np.uint64) ^ _SEED)
    active = np.flatnonzero((lengths > 0) & (lengths <= _BLOCK_BYTES))
    done = 0
    while active.size:
        left = lengths[active] - done
        word = windows[starts[active] + done] & _MASKS[np.minimum(left, 8)]
        state[active] = _mixed(state[active] ^ word)
        active, done = active[left > 8], done + 8
    long = np.flatnonzero(lengths > _BLOCK_BYTES)
    if long.size:
        state[long] = _mixed(state[long] ^ _hash_long(data, starts[long], lengths[long]))
    return state


def _hash_long(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> Words:
    blocks = -(-lengths // _BLOCK_BYTES)
    first = np.cumsum(blocks) - blocks
    within = (np.arange(blocks.sum()) - np.repeat(first, blocks)) * _BLOCK_BYTES
    sizes = np.minimum(np.repeat(lengths, blocks) - within, _BLOCK_BYTES)
    hashes = _hash_spans(data, np.repeat(starts, blocks) + within, sizes)
    return _hash_spans(hashes.view(np.uint8), 8 * first, 8 * blocks)


def _mixed(words: Words) -> Words:
    """SplitMix64's finaliser, on a fresh array."""
    mixed = words ^ (words >> _SHIFTS[0])
    mixed *= _MULTIPLIERS[0]
    mixed ^= mixed >> _SHIFTS[1]
    mixed *= _MULTIPLIERS[1]
    mixed ^= mixed >> _SHIFTS[2]
    return mixed
