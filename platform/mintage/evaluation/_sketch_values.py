"""Columns of Arrow batches as numbers and as positions of levels, fast enough to keep up with minting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mintage.evaluation.reading import microseconds

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_EXACT = 2**53


def is_number_like(type_: pa.DataType) -> bool:
    """Whether values of a type can be counted as numbers: numbers, times, truth values."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return bool(
        pa.types.is_integer(type_)
        or pa.types.is_floating(type_)
        or pa.types.is_decimal(type_)
        or pa.types.is_temporal(type_)
        or pa.types.is_boolean(type_)
    )


def is_text(type_: pa.DataType) -> bool:
    """Whether values of a type are text."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def numbers(array: pa.Array) -> Floats:
    """The values as float64 [n], times in microseconds; NaN where missing or infinite."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    if pa.types.is_temporal(array.type):
        array = microseconds(array)
    if array.null_count == 0 and pa.types.is_integer(array.type):
        whole: Floats = array.to_numpy().astype(np.float64)
        return whole
    if not pa.types.is_float64(array.type):
        array = array.cast(pa.float64(), safe=False)
    values: Floats = array.to_numpy(zero_copy_only=False)
    if np.isinf(values).any():
        values = np.where(np.isinf(values), np.nan, values)
    return values


def texts(array: pa.Array) -> pa.Array:
    """The values as text, one by one: 1, 1.0 and "1" are the same level in any batch."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_duration(array.type):
        array = array.cast(pa.int64())
    if not pa.types.is_floating(array.type):
        return array.cast(pa.large_string())
    values = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    whole = (values == np.floor(values)) & (np.abs(values) < _EXACT)
    as_whole = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.large_string())
    as_float = pa.array(values, from_pandas=True).cast(pa.large_string())
    return pc.if_else(pa.array(whole), as_whole, as_float)


class LevelCoder:
    """Positions of one column's values among known levels: 0 missing, 1 … n the levels, n + 1 others."""

    def __init__(self, levels: Sequence[str]) -> None:
        self._levels = pa.array(levels, pa.large_string())
        self._dictionary: pa.Array | None = None
        self._positions: Codes = np.empty(0, np.int64)

    def codes(self, array: pa.Array) -> Codes:
        """int64 [n] in [0, levels + 2)."""
        if pa.types.is_null(array.type):
            return np.zeros(len(array), np.int64)
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        positions = self._of_dictionary(array.dictionary)
        indices = array.indices
        if indices.null_count:
            indices = indices.cast(pa.int64()).fill_null(len(positions) - 1)
        found: Codes = positions[indices.to_numpy(zero_copy_only=False)]
        return found

    def _of_dictionary(self, dictionary: pa.Array) -> Codes:
        """Positions of a dictionary's entries, and 0 for a missing one at the end."""
        if self._dictionary is None or not dictionary.equals(self._dictionary):
            values = texts(dictionary)
            found = pc.index_in(values, self._levels).fill_null(len(self._levels))
            positions = found.to_numpy(zero_copy_only=False).astype(np.int64) + 1
            positions[values.is_null().to_numpy(zero_copy_only=False)] = 0
            self._positions = np.append(positions, 0)
            self._dictionary = dictionary
        return self._positions
