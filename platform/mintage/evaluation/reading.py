"""One column of several tables in one form: numbers as float64, categories as codes into common levels.

What was stored in another way must not look like another value: 1, 1.0, a decimal 1.00 and the text "1" are
one level, a time in another unit or zone is the same time. What cannot be compared is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import Semantics
from mintage.errors import SpecError

_EXACT_INTEGERS = 2**53
_BOOLEANS = {"true": "true", "false": "false", "1": "true", "0": "false"}
_MICROSECONDS = {"s": 1e6, "ms": 1e3, "us": 1.0}

Family = Literal["number", "text", "instant", "time of day", "duration", "nothing", "other"]


def plain(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array; texts with offsets of 64 bits, so that any number of them fits."""
    type_ = column.type
    if pa.types.is_string(type_) or pa.types.is_string_view(type_):
        column = column.cast(pa.large_string())
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    return array


def count_distinct(array: pa.Array) -> int:
    """Different values that are not null."""
    if pa.types.is_dictionary(array.type):
        used = pc.unique(array.indices)
        return int(pc.count_distinct(array.dictionary.take(used)).as_py())
    return int(pc.count_distinct(array).as_py())


# --- numbers -------------------------------------------------------------------------------------


def read_numbers(
    name: str, array: pa.Array, real: pa.DataType, semantics: Semantics
) -> npt.NDArray[np.float64]:
    """The values as float64, NaN where missing; instants, times of day and durations in microseconds.

    Raises `SpecError` when they cannot be read as, or compared with, values of the real table's type.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    wanted = _family(real.value_type if pa.types.is_dictionary(real) else real)
    if wanted == "text":
        wanted = "instant" if semantics is Semantics.DATETIME else "number"
    with _readable(name, real, array.type):
        values = _READERS[wanted, _family(array.type)](array)
    made: npt.NDArray[np.float64] = values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return made


def _family(type_: pa.DataType) -> Family:
    """What kind of thing values of a type are; only things of one kind can be compared."""
    types = pa.types
    if types.is_timestamp(type_) or types.is_date(type_):
        return "instant"
    if types.is_time(type_):
        return "time of day"
    if types.is_duration(type_):
        return "duration"
    if types.is_null(type_):
        return "nothing"
    if types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_):
        return "text"
    number = types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_)
    return "number" if number or types.is_boolean(type_) else "other"


def _floats(array: pa.Array) -> pa.Array:
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    return array.cast(pa.float64(), safe=False)


def microseconds(array: pa.Array) -> pa.Array:
    """Instants, times of day and durations as float64; no date is too far away for it."""
    type_ = array.type
    if pa.types.is_date(type_):
        days = array.cast(pa.int32() if pa.types.is_date32(type_) else pa.int64()).cast(pa.float64())
        return pc.multiply(days, 86_400e6 if pa.types.is_date32(type_) else 1e3)
    if type_.unit == "ns":  # cut off while still whole numbers: as floats, equal times could differ
        return pc.divide(array.cast(pa.int64()), 1000).cast(pa.float64(), safe=False)
    width = pa.int32() if type_.bit_width == 32 else pa.int64()
    return pc.multiply(array.cast(width).cast(pa.float64(), safe=False), _MICROSECONDS[type_.unit])


def _instants(text: pa.Array) -> pa.Array:
    try:
        return microseconds(text.cast(pa.timestamp("us")))
    except pa.ArrowInvalid:  # texts that name a zone are read by a type that has one, and by no other
        return microseconds(text.cast(pa.timestamp("us", "UTC")))


def _times_of_day(text: pa.Array) -> pa.Array:
    start = pa.scalar("1970-01-01", pa.large_string())
    moments = pc.binary_join_element_wise(
        start, text.cast(pa.large_string()), pa.scalar(" ", pa.large_string())
    )
    return microseconds(moments.cast(pa.timestamp("us")))


_READERS: dict[tuple[Family, Family], Callable[[pa.Array], pa.Array]] = {
    ("number", "number"): _floats,
    ("number", "text"): _floats,
    ("instant", "instant"): microseconds,
    ("instant", "text"): _instants,
    ("time of day", "time of day"): microseconds,
    ("time of day", "text"): _times_of_day,
    ("duration", "duration"): microseconds,
    **{
        (wanted, "nothing"): _floats for wanted in ("number", "instant", "time of day", "duration", "nothing")
    },
}


@contextmanager
def _readable(name: str, real: pa.DataType, other: pa.DataType) -> Iterator[None]:
    """Say which column and types it was when values cannot be read."""
    try:
        yield
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
        reason = "" if isinstance(exc, KeyError) else f": {str(exc).splitlines()[0][:200]}"
        raise SpecError(
            f"column {name!r} cannot be compared: {real} in the real table, {other} in another{reason}",
            f"store it alike in all tables, or measure it as text with --kind {name}=category",
        ) from exc


# --- levels --------------------------------------------------------------------------------------


def read_levels(name: str, arrays: Sequence[pa.Array]) -> tuple[tuple[str, ...], list[npt.NDArray[np.int32]]]:
    """The levels that occur in any of the arrays, sorted, and each array's codes into them (-1: missing).

    Raises `SpecError` when values have no text, such as lists, or bytes that are no UTF-8.
    """
    encoded = []
    for array in arrays:
        with _readable(name, arrays[0].type, array.type):
            encoded.append(_encode(array, arrays[0].type))
    texts = _alike([text for text, _ in encoded], [_is_boolean(array.type) for array in arrays])
    occurring = [
        text.filter(pa.array(np.bincount(codes, minlength=len(text) + 1)[: len(text)] > 0))
        for text, (_, codes) in zip(texts, encoded, strict=True)
    ]
    levels = sorted({level for text in occurring for level in text.drop_null().to_pylist()})
    known = pa.array(levels, pa.large_string())
    made = []
    for text, (_, codes) in zip(texts, encoded, strict=True):
        positions = pc.index_in(text, known).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        made.append(np.append(positions, np.int32(-1))[codes])
    return tuple(levels), made


def _encode(array: pa.Array, real: pa.DataType) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The different values as text, and the place of each row's among them; behind the last for null."""
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    text = _texts(encoded.dictionary, real)
    codes = encoded.indices.cast(pa.int64()).fill_null(len(text)).to_numpy(zero_copy_only=False)
    return text, codes


def _texts(values: pa.Array, real: pa.DataType) -> pa.Array:
    """Each value as text, the same text in whatever type it is stored."""
    type_ = values.type
    if _family(type_) == _family(real) != "number" and type_ != real:
        values = values.cast(real)  # 2013-01-01 and 2013-01-01 00:00:00 are one day
    text = values.cast(pa.large_string())
    if pa.types.is_decimal(type_):
        return pc.replace_substring_regex(text, r"\.0*$|(\.\d*[1-9])0+$", r"\1")
    if pa.types.is_floating(type_):
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < _EXACT_INTEGERS)
        integers = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.large_string())
        text = pc.if_else(pa.array(whole), integers, text)
        return pc.if_else(pa.array(np.isnan(numbers)), pa.scalar(None, pa.large_string()), text)
    return text


def _is_boolean(type_: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(type_.value_type if pa.types.is_dictionary(type_) else type_))


def _alike(texts: list[pa.Array], booleans: list[bool]) -> list[pa.Array]:
    """Where one table has booleans and another has True, FALSE, 1 or 0, these are the same."""
    if not any(booleans) or all(booleans):
        return texts
    lowered = [pc.utf8_lower(text) for text in texts]
    if not {value for text in lowered for value in text.drop_null().to_pylist()} <= set(_BOOLEANS):
        return texts
    words, meanings = pa.array(list(_BOOLEANS)), pa.array(list(_BOOLEANS.values()), pa.large_string())
    return [meanings.take(pc.index_in(text, words.cast(pa.large_string()))) for text in lowered]
