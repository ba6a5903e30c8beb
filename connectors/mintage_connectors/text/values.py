"""Values as text and back, without loss: what CSV and JSON lines have no notation of their own for.

| Arrow type | as text |
|---|---|
| dates, times, timestamps | ISO 8601; with a zone, in UTC with a final `Z` |
| durations | a whole number of the type's unit |
| decimals | all digits of their scale |
| floats | the shortest text that reads back as the same number |
| binary | Base64 |
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mintage.errors import SpecError

_FIRST_YEAR, _LAST_YEAR = 1, 9999


def encode(values: pa.Array) -> pa.Array:
    """An array of strings that `decode` reads back, nulls as nulls. `SpecError` for years beyond 9999."""
    type_ = values.type
    if pt.is_timestamp(type_) or pt.is_date(type_):
        return _encode_moment(values)
    if pt.is_duration(type_):
        return values.cast(pa.int64()).cast(pa.string())
    if pt.is_binary(type_) or pt.is_large_binary(type_) or pt.is_fixed_size_binary(type_):
        return _base64(values.cast(pa.binary()), "encode")
    return values.cast(pa.string())


def decode(values: pa.Array, type_: pa.DataType) -> pa.Array:
    """The values of a type that strings stand for; `pyarrow.ArrowInvalid` for a string that is none."""
    if pt.is_string(type_):
        return values
    if pt.is_null(type_):
        return _decode_null(values)
    if pt.is_time(type_):
        moments = pc.binary_join_element_wise("1970-01-01T", values, "").cast(pa.timestamp(type_.unit))
        return moments.cast(type_)
    if pt.is_duration(type_):
        return trim(values).cast(pa.int64()).cast(type_)
    if pt.is_binary(type_) or pt.is_large_binary(type_) or _is_fixed_binary(type_):
        return _base64(values, "decode").cast(type_)
    if pt.is_boolean(type_) or pt.is_temporal(type_) or pt.is_large_string(type_):
        return values.cast(type_)
    return trim(values).cast(type_)


def first_that_fails(values: pa.Array, type_: pa.DataType) -> int:
    """The index of the first value that `decode` refuses; `values` must hold one. Takes log2(n) casts."""
    start, stop = 0, len(values)
    while stop - start > 1:
        middle = (start + stop) // 2
        if _decodes(values.slice(start, middle - start), type_):
            start = middle
        else:
            stop = middle
    return start


def trim(values: pa.Array) -> pa.Array:
    """The strings without blanks and tabs around them, as readers of numbers take them."""
    return pc.ascii_trim(values, " \t")


def _decodes(values: pa.Array, type_: pa.DataType) -> bool:
    try:
        decode(values, type_)
    except pa.ArrowInvalid:
        return False
    return True


def _decode_null(values: pa.Array) -> pa.Array:
    if values.null_count < len(values):
        raise pa.ArrowInvalid(f"a value in a column of nulls: {pc.drop_null(values)[0].as_py()[:100]!r}")
    return pa.nulls(len(values))


def _encode_moment(values: pa.Array) -> pa.Array:
    zone = "Z" if pt.is_timestamp(values.type) and values.type.tz else ""
    if zone:
        # Arrow counts in UTC whatever the zone is, and prints moments without a zone ten times as fast.
        values = values.cast(pa.timestamp(values.type.unit))
    years = pc.min_max(pc.year(values)).as_py()
    if years["min"] is not None and (years["min"] < _FIRST_YEAR or years["max"] > _LAST_YEAR):
        raise SpecError(
            f"text formats hold the years {_FIRST_YEAR} to {_LAST_YEAR}; a column has {years['min']} to "
            f"{years['max']}",
            "choose sink.format: parquet, or bound the column with an operator",
        )
    text = pc.replace_substring(values.cast(pa.string()), " ", "T", max_replacements=1)
    return pc.binary_join_element_wise(text, zone, "") if zone else text


def _is_fixed_binary(type_: pa.DataType) -> bool:
    return bool(pt.is_fixed_size_binary(type_)) and not pt.is_decimal(type_)


def _base64(values: pa.Array, direction: str) -> pa.Array:
    # Arrow has no kernel for Base64; polars takes longer to import than most jobs need it.
    import polars as pl

    series = pl.Series(values)
    if direction == "encode":
        return series.bin.encode("base64").to_arrow().cast(pa.string())
    try:
        return series.str.decode("base64", strict=True).to_arrow().cast(pa.binary())
    except pl.exceptions.PolarsError as exc:
        raise pa.ArrowInvalid(f"not Base64: {exc}") from exc
