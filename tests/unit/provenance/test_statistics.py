from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.statistics import MAX_TEXT, ColumnStatistics


def statistics(*arrays: pa.Array) -> dict[str, str]:
    collected = ColumnStatistics(pa.schema({"c": arrays[0].type}))
    for array in arrays:
        collected.update(pa.record_batch({"c": array}))
    [column] = collected.to_json()
    assert column.pop("name") == "c"
    return column


NAN = float("nan")
CASES = {
    "int": (pa.array([3, None, -1]), "1", "-1", "3"),
    "uint64": (pa.array([2**64 - 1, 0], pa.uint64()), "0", "0", str(2**64 - 1)),
    "float": (pa.array([0.1, NAN, -2.5]), "0", "-2.5", "0.1"),
    "half": (pa.array([0.5, 2.0], pa.float16()), "0", "0.5", "2.0"),
    "minus-zero": (pa.array([-0.0, -0.0]), "0", "0.0", "0.0"),
    "infinite": (pa.array([float("inf"), float("-inf")]), "0", "-inf", "inf"),
    "bool": (pa.array([True, None, True]), "1", "true", "true"),
    "text": (pa.array(["b", "a", None]), "1", "a", "b"),
    "large-text": (pa.array(["b", "a"], pa.large_string()), "0", "a", "b"),
    "decimal": (pa.array([Decimal("1.50"), Decimal("-0.25")]), "0", "-0.25", "1.50"),
    "date": (pa.array([date(2013, 1, 2), date(1969, 12, 31)]), "0", "1969-12-31", "2013-01-02"),
    "date64": (pa.array([date(2013, 1, 2)], pa.date64()), "0", "2013-01-02", "2013-01-02"),
    "time": (pa.array([time(5, 0, 1)], pa.time32("s")), "0", "05:00:01", "05:00:01"),
    "timestamp": (
        pa.array([datetime(2013, 1, 1, 5)], pa.timestamp("ms")),
        "0", "2013-01-01T05:00:00.000", "2013-01-01T05:00:00.000",
    ),
    "timestamp-utc": (
        pa.array([1], pa.timestamp("ns", "UTC")),
        "0", "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000001Z",
    ),
    "duration": (pa.array([timedelta(seconds=90)], pa.duration("s")), "0", "90", "90"),
    "dictionary": (pa.array(["b", None, "a"]).dictionary_encode(), "1", "a", "b"),
}  # fmt: skip


@pytest.mark.parametrize(("array", "nulls", "low", "high"), CASES.values(), ids=CASES)
def test_extremes_and_nulls_are_text(array: pa.Array, nulls: str, low: str, high: str) -> None:
    assert statistics(array) == {"nulls": nulls, "min": low, "max": high}


@pytest.mark.parametrize(
    ("array", "nulls"),
    [
        (pa.array([None, None], pa.int64()), "2"),
        (pa.array([], pa.string()), "0"),
        (pa.array([NAN, NAN]), "0"),
        (pa.array([b"x", None]), "1"),
        (pa.array([[1], None]), "1"),
        (pa.nulls(3), "3"),
    ],
    ids=["all-null", "empty", "all-nan", "binary", "list", "null"],
)
def test_columns_without_order_or_values_have_only_nulls(array: pa.Array, nulls: str) -> None:
    assert statistics(array) == {"nulls": nulls}


def test_an_unused_value_of_a_dictionary_is_no_extreme() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([1, 1], pa.int8()), pa.array(["a", "m", "z"]))
    assert statistics(array) == {"nulls": "0", "min": "m", "max": "m"}


def test_a_null_in_the_dictionary_is_a_null() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array([None, "m"]))
    assert statistics(array) == {"nulls": "2", "min": "m", "max": "m"}


def test_long_text_is_cut() -> None:
    assert statistics(pa.array(["x" * 1000]))["max"] == "x" * MAX_TEXT


def test_batches_add_up() -> None:
    assert statistics(pa.array([5, None]), pa.array([None, 1]), pa.array([9, 2])) == {
        "nulls": "2", "min": "1", "max": "9",
    }  # fmt: skip


def test_merging_is_the_same_as_seeing_all_rows() -> None:
    schema = pa.schema({"c": pa.int64()})
    one, other, both = ColumnStatistics(schema), ColumnStatistics(schema), ColumnStatistics(schema)
    first, second = (pa.record_batch({"c": pa.array(values)}) for values in ([4, None], [-1, 7]))
    one.update(first)
    other.update(second)
    both.update(first)
    both.update(second)
    one.merge(other)
    assert one.to_json() == both.to_json()


def test_statistics_of_another_column_are_not_merged() -> None:
    one, other = (
        ColumnStatistics(pa.schema({"a": pa.int64()})),
        ColumnStatistics(pa.schema({"b": pa.int64()})),
    )
    with pytest.raises(ProvenanceError, match="cannot be merged"):
        one.merge(other)
