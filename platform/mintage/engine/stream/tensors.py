"""Batches as tensors: numbers as they are, words as their place in a list that the caller gives.

| column | tensor |
|---|---|
| integers, unsigned ones as the next larger signed type | int8 … int64 |
| floating point; null is NaN | float16, float32, float64 |
| decimals | float64 |
| booleans | bool |
| dates, times, timestamps, durations | int64, in the unit of the column |
| text, dictionaries of any type | int64: place of the value in `categories`; null is -1 |
| lists of a fixed size of one of the numbers | two dimensions |

Nulls of the others need a value in `fill`. Unsigned 64-bit integers, lists of any length, structs, bytes
and text without categories cannot become tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute

from mintage.errors import GenerationError, SpecError

Value = bool | int | float | str
_WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}
_HINT = "leave them out with columns=[…], or give categories={…} for those of text"


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorMaker:
    """Makes tensors of the batches of one schema.

    Raises `SpecError` at once that names every column which cannot become one.
    """

    schema: pa.Schema
    categories: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    fill: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, named in (("categories", self.categories), ("fill", self.fill)):
            if unknown := sorted(set(named) - set(self.schema.names)):
                raise SpecError(f"{what}: there is no column {unknown[0]!r}", f"known: {self.schema.names}")
        bad = [one for one in self.schema if one.name not in self.categories and not _is_number(one.type)]
        if bad:
            named_bad = ", ".join(f"{one.name} ({one.type})" for one in bad)
            raise SpecError(f"columns that cannot become tensors: {named_bad}", _HINT)

    def tensors(self, batch: pa.RecordBatch) -> dict[str, torch.Tensor]:
        """A tensor for each column, by its name, with one row for each row of the batch."""
        pairs = zip(self.schema, batch.columns, strict=True)
        return {one.name: torch.from_numpy(self._array(one.name, column)) for one, column in pairs}

    def _array(self, name: str, column: pa.Array) -> np.ndarray[Any, Any]:
        if name in self.categories:
            return self._codes(name, column)
        if pa.types.is_fixed_size_list(column.type):
            rows, width = len(column), column.type.list_size
            return self._array(name, _without_nulls(name, column, self.fill).flatten()).reshape(rows, width)
        numbers = _plain(column)
        if numbers.null_count and not pa.types.is_floating(numbers.type):
            numbers = _without_nulls(name, numbers, self.fill)
        array: np.ndarray[Any, Any] = numbers.to_numpy(zero_copy_only=False)
        # Arrow's memory must not be written to, and a tensor may be.
        return array if array.flags.writeable else array.copy()

    def _codes(self, name: str, column: pa.Array) -> np.ndarray[Any, Any]:
        values = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        known = pa.array(self.categories[name], type=values.type)
        codes = compute.index_in(values, value_set=known)
        if codes.null_count > values.null_count:
            unknown = values.filter(compute.and_(compute.is_valid(values), compute.is_null(codes)))
            raise GenerationError(
                f"column {name!r} has the value {unknown[0].as_py()!r}, which is not among its categories",
                "add it to the list in categories",
            )
        filled: np.ndarray[Any, Any] = codes.fill_null(-1).to_numpy(zero_copy_only=False)
        return filled.astype(np.int64)


def _is_number(type_: pa.DataType) -> bool:
    """Whether values of a type become numbers without categories."""
    types = pa.types
    if types.is_fixed_size_list(type_):
        return _is_number(type_.value_type) and not types.is_fixed_size_list(type_.value_type)
    if type_ == pa.uint64():
        return False
    return any(
        test(type_)
        for test in (
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_decimal,
            types.is_date,
            types.is_time,
            types.is_timestamp,
            types.is_duration,
        )
    )


def _plain(column: pa.Array) -> pa.Array:
    """The column as integers, floating point or booleans that numpy and torch both have."""
    type_, types = column.type, pa.types
    if type_ in _WIDER:
        return column.cast(_WIDER[type_])
    if types.is_decimal(type_):
        return column.cast(pa.float64())
    if types.is_date32(type_) or types.is_time32(type_):
        return column.cast(pa.int32()).cast(pa.int64())
    if types.is_temporal(type_):
        return column.cast(pa.int64())
    return column


def _without_nulls(name: str, column: pa.Array, fill: Mapping[str, Value]) -> pa.Array:
    if not column.null_count:
        return column
    if name not in fill:
        raise GenerationError(
            f"column {name!r} has nulls, and tensors of {column.type} have none",
            f"say what to put there: fill={{{name!r}: 0}}",
        )
    return column.fill_null(pa.scalar(fill[name], type=column.type))
