"""What each operator says of values of every type, of nulls, and of odd values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from mintage.contracts import Operator
from mintage.errors import ProvenanceError, SourceError, SpecError
from mintage.operators.allowed import AllowedConfig, AllowedOperator
from mintage.operators.exact_copy import ExactCopyConfig, ExactCopyOperator
from mintage.operators.length import LengthConfig, LengthOperator
from mintage.operators.near_copy import NearCopyConfig, NearCopyOperator
from mintage.operators.range import RangeConfig, RangeOperator
from mintage.operators.regex import RegexConfig, RegexOperator
from mintage.operators.type import TypeConfig, TypeOperator
from mintage.operators.unique import UniqueConfig, UniqueOperator
from mintage.testing.sources import memory_source

Breaks = Callable[..., list[bool]]
F, T = False, True


def column(values: Sequence[object], type_: pa.DataType | None = None) -> pa.RecordBatch:
    return pa.record_batch({"c": pa.array(values, type_)})


RANGES: dict[str, tuple[pa.DataType, list[Any], Any, Any]] = {
    "int8": (pa.int8(), [-1, 0, 5, 6, None], 0, 5),
    "uint64": (pa.uint64(), [2, 3, 2**63, 2**63 + 1, None], 3, 2**63),
    "int64-text": (
        pa.int64(),
        [2**53, 2**53 + 1, 2**53 + 2, 2**53 + 3, None],
        str(2**53 + 1),
        str(2**53 + 2),
    ),
    "whole-float": (pa.int32(), [-1, 0, 1_000_000, 1_000_001, None], 0, 1e6),
    "float64": (pa.float64(), [-0.1, -0.0, 0.5, 0.6, None], 0, 0.5),
    "float32": (pa.float32(), [0.0, 0.1, 0.2, 0.3, None], 0.1, 0.2),
    "decimal": (
        pa.decimal128(10, 2),
        [Decimal("0.09"), Decimal("0.10"), Decimal("9.99"), Decimal(10), None],
        0.1,
        "9.99",
    ),
    "date32": (
        pa.date32(),
        [date(2012, 12, 31), date(2013, 1, 1), date(2013, 12, 31), date(2014, 1, 1), None],
        "2013-01-01",
        date(2013, 12, 31),
    ),
    "date64": (
        pa.date64(),
        [date(2012, 12, 31), date(2013, 1, 1), date(2013, 1, 2), date(2014, 1, 1), None],
        "2013-01-01",
        "2013-01-02",
    ),
    "timestamp": (
        pa.timestamp("us"),
        [
            datetime(2013, 1, 1, 4),
            datetime(2013, 1, 1, 5),
            datetime(2013, 1, 1, 6),
            datetime(2013, 1, 1, 7),
            None,
        ],
        "2013-01-01T05:00:00",
        "2013-01-01 06:00:00",
    ),
    "timestamp-s": (
        pa.timestamp("s"),
        [datetime(2012, 1, 1), datetime(2013, 1, 1), datetime(2014, 1, 1), datetime(2015, 1, 1), None],
        "2013-01-01",
        "2014-01-01",
    ),
    "timestamp-tz": (
        pa.timestamp("us", "America/New_York"),
        [*(datetime(2013, 1, 1, hour, tzinfo=UTC) for hour in (4, 5, 6, 7)), None],
        "2013-01-01T00:00:00-05:00",
        "2013-01-01T06:00:00Z",
    ),
    "time32": (pa.time32("s"), [time(4), time(5), time(6), time(7), None], "05:00", "06:00:00"),
    "duration": (
        pa.duration("us"),
        [timedelta(seconds=s) for s in (59, 60, 5400, 5401)] + [None],
        60,
        "PT1H30M",
    ),
}


@pytest.mark.parametrize("name", RANGES)
def test_range_judges_values_of_every_ordered_type(breaks: Breaks, name: str) -> None:
    type_, values, least, most = RANGES[name]
    batch = column(values, type_)
    assert breaks(RangeOperator(RangeConfig(column="c", min=least, max=most)), batch) == [T, F, F, T, F]
    exclusive = RangeConfig(column="c", min=least, max=most, min_inclusive=False, max_inclusive=False)
    assert breaks(RangeOperator(exclusive), batch) == [T, T, T, T, F]
    assert breaks(RangeOperator(RangeConfig(column="c", min=least)), batch) == [T, F, F, F, F]
    assert breaks(RangeOperator(RangeConfig(column="c", max=most)), batch) == [F, F, F, T, F]


def test_nan_lies_in_no_range(breaks: Breaks) -> None:
    batch = column([math.nan, math.inf, -math.inf, None])
    assert breaks(RangeOperator(RangeConfig(column="c", min=0)), batch) == [T, F, T, F]
    assert breaks(RangeOperator(RangeConfig(column="c", max=0)), batch) == [T, T, F, F]


ALLOWED: dict[str, tuple[pa.DataType, list[Any], list[Any]]] = {
    "text": (pa.string(), ["a", "b", "", None], ["a", ""]),
    "large-text": (pa.large_string(), ["a", "b", "", None], ["a", ""]),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), ["a", "b", "", None], ["a", ""]),
    "integers": (pa.int16(), [1, 2, 3, None], [1, 3]),
    "floats": (pa.float64(), [0.5, math.nan, -0.0, None], [0, 0.5]),
    "booleans": (pa.bool_(), [True, False, True, None], [True]),
    "decimals": (pa.decimal128(5, 2), [Decimal("1.50"), Decimal(2), Decimal(3), None], ["1.5", 3]),
    "dates": (
        pa.date32(),
        [date(2013, 1, 1), date(2013, 1, 2), date(2013, 1, 3), None],
        ["2013-01-01", "2013-01-03"],
    ),
    "durations": (pa.duration("s"), [timedelta(1), timedelta(2), timedelta(3), None], ["P1D", 3 * 86400]),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed_judges_values_of_every_type(breaks: Breaks, name: str) -> None:
    type_, values, listed = ALLOWED[name]
    operator = AllowedOperator(AllowedConfig(column="c", values=tuple(listed)))
    assert breaks(operator, column(values, type_)) == [F, T, F, F]


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed_learns_values_of_every_type_from_the_source(breaks: Breaks, name: str) -> None:
    type_, values, _ = ALLOWED[name]
    source = memory_source(pa.table({"c": pa.array([values[0], None, values[2], values[0]], type_)}))
    operator = AllowedOperator(AllowedConfig(column="c", values_from="source"))
    assert breaks(operator, column(values, type_), source=source) == [F, T, F, F]


def test_allowed_refuses_a_source_with_more_values_than_it_may_learn(breaks: Breaks) -> None:
    source = memory_source(pa.table({"c": list(range(11))}))
    operator = AllowedOperator(AllowedConfig(column="c", values_from="source", max_values=10))
    with pytest.raises(SpecError, match="more than 10 distinct values"):
        breaks(operator, column([1]), source=source)


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ab+", [F, T, T, T, T, F]),
        ("a|ab", [T, T, T, T, T, F]),
        ("(?m)^ab$", [T, T, T, T, T, F]),
        ("(?s)ab.*", [F, F, F, T, T, F]),
        ("", [T, T, T, T, F, F]),
        (r"\p{L}+", [F, T, F, F, T, F]),
    ],
    ids=["plain", "alternatives", "lines", "dot-all", "nothing", "unicode"],
)
def test_regex_matches_the_whole_text(
    breaks: Breaks, type_: pa.DataType, pattern: str, expected: list[bool]
) -> None:
    batch = column(["abb", "abb\n", "abé", "éab", "", None], type_)
    operator = RegexOperator(RegexConfig(column="c", pattern=pattern or "(?:)"))
    assert breaks(operator, batch) == expected


@pytest.mark.parametrize(
    ("type_", "unit", "expected"),
    [
        (pa.string(), "characters", [T, F, F, T, F]),
        (pa.dictionary(pa.int8(), pa.string()), "characters", [T, F, F, T, F]),
        (pa.string(), "bytes", [T, F, T, T, F]),
        (pa.binary(), "bytes", [T, F, T, T, F]),
        (pa.large_binary(), "bytes", [T, F, T, T, F]),
    ],
    ids=str,
)
def test_length_counts_characters_or_bytes(
    breaks: Breaks, type_: pa.DataType, unit: str, expected: list[bool]
) -> None:
    values = ["", "ab", "éé", "abcd", None]
    given = [
        v.encode() if v is not None and unit == "bytes" and pa.types.is_binary(type_) else v for v in values
    ]
    operator = LengthOperator(LengthConfig.model_validate({"column": "c", "min": 1, "max": 3, "unit": unit}))
    assert breaks(operator, column(list(given), type_)) == expected


EVERY_TYPE: dict[str, tuple[pa.DataType, list[Any]]] = {
    "null": (pa.null(), [None, None]),
    "int8": (pa.int8(), [1, None]),
    "float16": (pa.float16(), [1.5, None]),
    "decimal256": (pa.decimal256(50, 2), [Decimal("1.50"), None]),
    "binary": (pa.binary(2), [b"ab", None]),
    "list": (pa.list_(pa.int64()), [[1, None], None]),
    "fixed-list": (pa.list_(pa.float32(), 2), [[1.0, 2.0], None]),
    "large-list": (pa.large_list(pa.string()), [["a"], None]),
    "dictionary": (pa.dictionary(pa.int8(), pa.int64()), [1, None]),
    "time64": (pa.time64("ns"), [time(1), None]),
    "timestamp": (pa.timestamp("ns", "UTC"), [datetime(2013, 1, 1, tzinfo=UTC), None]),
}


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_type_finds_nulls_in_columns_of_every_type(breaks: Breaks, name: str) -> None:
    type_, values = EVERY_TYPE[name]
    operator = TypeOperator(TypeConfig(columns=("c",), nullable=False))
    assert breaks(operator, column(values, type_)) == [value is None for value in values]


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_copies_are_found_in_columns_of_every_type(breaks: Breaks, name: str) -> None:
    type_, values = EVERY_TYPE[name]
    source = memory_source(pa.table({"c": pa.array(values[1:], type_), "d": [1]}))
    batch = pa.record_batch({"c": pa.array([*values, values[1]], type_), "d": [1, 1, 2]})
    copies = breaks(ExactCopyOperator(ExactCopyConfig(columns=("c", "d"))), batch, source=source)
    assert copies == [values[0] is None, T, F]


@pytest.mark.parametrize(
    ("type_", "values", "wanted", "expected"),
    [
        (pa.string(), ["12", "1.5", "x", "", None], "int32", [F, T, T, T, F]),
        (pa.string(), ["12", "1.5", "1e400x", "nan", None], "double", [F, F, T, F, F]),
        (pa.string(), ["300", "-1", "7", " 7", None], "uint8", [T, T, F, T, F]),
        (
            pa.dictionary(pa.int8(), pa.string()),
            ["true", "false", "yes", "TRUE", None],
            "bool",
            [F, F, T, T, F],
        ),
        (
            pa.string(),
            ["2013-01-31", "2013-02-30", "31.1.2013", "2013", None],
            "date32[day]",
            [F, T, T, T, F],
        ),
        (
            pa.string(),
            ["2013-01-31 06:00:00", "2013-01-31T06:00:00.5", "06:00", "", None],
            "timestamp[us]",
            [F, F, T, T, F],
        ),
        (pa.int64(), [127, 128, -128, -129, None], "int8", [F, T, F, T, F]),
        (pa.float64(), [1.0, 1.5, math.nan, 1e300, None], "int64", [F, T, T, T, F]),
        (pa.int64(), [1, 2, 3, 4, None], "int64", [F, F, F, F, F]),
    ],
    ids=["integer", "float", "unsigned", "boolean", "date", "timestamp", "narrower", "whole", "same"],
)
def test_type_reads_values_as_the_wanted_type(
    breaks: Breaks, type_: pa.DataType, values: list[object], wanted: str, expected: list[bool]
) -> None:
    batch = column(values, type_)
    assert breaks(TypeOperator(TypeConfig(columns=("c",), type=wanted)), batch) == expected
    strict = TypeOperator(TypeConfig(columns=("c",), type=wanted, nullable=False))
    assert breaks(strict, batch) == [*expected[:-1], T]


def test_unique_remembers_accepted_rows_and_ignores_nulls(breaks: Breaks) -> None:
    first = pa.record_batch({"a": [1, 1, 1, None, None], "b": ["x", "y", "x", "x", "x"]})
    second = pa.record_batch({"a": [2, 1, 2, None, 3], "b": ["x", "y", "x", "x", None]})
    operator = UniqueOperator(UniqueConfig(columns=("a", "b")))
    assert breaks(operator, first, second) == [F, F, T, F, F, F, T, T, F, F]


def test_unique_takes_both_zeros_and_all_nan_for_one_value(breaks: Breaks) -> None:
    operator = UniqueOperator(UniqueConfig(columns=("c",)))
    assert breaks(operator, column([0.0, math.nan]), column([-0.0, -math.nan, 1.0])) == [F, F, T, T, F]


def test_unique_stays_right_over_many_batches(breaks: Breaks) -> None:
    operator = UniqueOperator(UniqueConfig(columns=("c",)))
    batches = [column([2 * number, 2 * number + 1, number]) for number in range(1, 200)]
    found = breaks(operator, *batches)
    assert found[0::3] == found[1::3] == [F] * 199
    assert found[2::3] == [F] + [T] * 198


def test_exact_copy_compares_values_and_not_their_encoding(breaks: Breaks) -> None:
    source = memory_source(
        pa.table(
            {
                "kind": pa.array(["a", None, "b"]).dictionary_encode(),
                "size": pa.array([1, 2, None], pa.int8()),
                "weight": pa.array([-0.0, math.nan, 2.5], pa.float32()),
            }
        )
    )
    batch = pa.record_batch(
        {
            "kind": pa.array(["a", None, "b", "b", None]),
            "size": pa.array([1, 2, None, 3, None], pa.int64()),
            "weight": pa.array([0.0, math.nan, 2.5, 2.5, None]),
        }
    )
    operator = ExactCopyOperator(ExactCopyConfig())
    assert breaks(operator, batch, source=source) == [T, T, T, F, F]


def test_exact_copy_of_some_columns_ignores_the_others(breaks: Breaks) -> None:
    source = memory_source(pa.table({"a": [1, 2], "b": [1, 2]}))
    batch = pa.record_batch({"a": [1, 2, 3], "b": [9, 9, 1]})
    assert breaks(ExactCopyOperator(ExactCopyConfig(columns=("a",))), batch, source=source) == [T, T, F]
    assert breaks(ExactCopyOperator(ExactCopyConfig()), batch, source=source) == [F, F, F]


@pytest.mark.parametrize("size", [511, 512, 513, 5000, 40_000])
def test_exact_copy_sees_a_difference_anywhere_in_a_long_text(breaks: Breaks, size: int) -> None:
    text = "ab" * (size // 2) + "c" * (size % 2)
    others = [text[:-1] + "z", "z" + text[1:], text[: size // 2] + "z" + text[size // 2 + 1 :], text[:-1]]
    source = memory_source(pa.table({"c": [text]}))
    found = breaks(ExactCopyOperator(ExactCopyConfig()), column([text, *others]), source=source)
    assert found == [T, F, F, F, F]


def test_copies_need_a_source_with_the_columns(breaks: Breaks) -> None:
    operator = ExactCopyOperator(ExactCopyConfig())
    with pytest.raises(SpecError, match="the job has none"):
        breaks(operator, column([1]))
    with pytest.raises(SpecError, match="no column 'c'"):
        breaks(operator, column([1]), source=memory_source(pa.table({"cc": [1]})))
    with pytest.raises(SourceError, match="hold"):
        breaks(operator, column([1]), source=memory_source(pa.table({"c": ["x"]})))


@pytest.mark.parametrize(
    "operator",
    [
        ExactCopyOperator(ExactCopyConfig()),
        NearCopyOperator(NearCopyConfig(columns=("c",))),
        AllowedOperator(AllowedConfig(column="c", values_from="source")),
    ],
    ids=lambda operator: operator.reason,
)
@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:0], lambda data: data[:-1], lambda data: data[1:]],
    ids=["empty", "short", "head"],
)
def test_damaged_preparations_are_refused(operator: Operator, damage: Callable[[bytes], bytes]) -> None:
    source = memory_source(pa.table({"c": [1, 2]}))
    prepared = operator.prepare(source, source.schema.root_table)
    with pytest.raises(ProvenanceError, match="is damaged"):
        operator.judge(source.schema.root_table, damage(prepared))


NEAR: dict[str, tuple[pa.DataType, list[Any], float, list[Any]]] = {
    "int": (pa.int64(), [100], 5, [94, 95, 105, 111, None]),
    "float": (pa.float64(), [1.0], 0.1, [0.79, 0.9, 1.1, 1.21, None]),
    "negative": (pa.float64(), [-0.05], 0.1, [-0.26, -0.15, 0.05, 0.16, None]),
    "decimal": (
        pa.decimal128(6, 2),
        [Decimal("1.00")],
        0.1,
        [Decimal("0.79"), Decimal("0.90"), Decimal("1.10"), Decimal("1.21"), None],
    ),
    "date": (
        pa.date32(),
        [date(2013, 1, 10)],
        2,
        [date(2013, 1, 5), date(2013, 1, 8), date(2013, 1, 12), date(2013, 1, 15), None],
    ),
    "timestamp": (
        pa.timestamp("ms"),
        [datetime(2013, 1, 1, 12)],
        60,
        [
            datetime(2013, 1, 1, 11, 57),
            datetime(2013, 1, 1, 11, 59),
            datetime(2013, 1, 1, 12, 1),
            datetime(2013, 1, 1, 12, 3),
            None,
        ],
    ),
    "duration": (
        pa.duration("s"),
        [timedelta(0)],
        1,
        [timedelta(seconds=s) for s in (-3, -1, 1, 3)] + [None],
    ),
    "time": (pa.time32("s"), [time(12)], 60, [time(11, 57), time(11, 59), time(12, 1), time(12, 3), None]),
}


@pytest.mark.parametrize("name", NEAR)
def test_near_copy_finds_what_is_within_the_tolerance(breaks: Breaks, name: str) -> None:
    type_, known, tolerance, values = NEAR[name]
    source = memory_source(pa.table({"c": pa.array(known, type_), "k": ["x"]}))
    operator = NearCopyOperator(NearCopyConfig(columns=("c", "k"), tolerance={"c": tolerance}))
    rows = pa.record_batch({"c": pa.array(values, type_), "k": ["x"] * len(values)})
    assert breaks(operator, rows, source=source)[1:] == [T, T, F, F]
    assert breaks(operator, rows, source=source)[0] is (
        name == "int"
    )  # 94 is between one and two tolerances away
    others = rows.set_column(1, "k", pa.array(["y"] * len(values)))
    assert breaks(operator, others, source=source) == [F] * len(values)


def test_near_copy_takes_null_and_nan_for_themselves_only(breaks: Breaks) -> None:
    source = memory_source(pa.table({"c": [math.nan, None, math.inf]}))
    operator = NearCopyOperator(NearCopyConfig(columns=("c",), tolerance={"c": 1}))
    assert breaks(operator, column([math.nan, None, math.inf, 0.0, 1e300]), source=source) == [T, T, T, F, T]
    without_nulls = memory_source(pa.table({"c": [0.0]}))
    assert breaks(operator, column([math.nan, None, 0.5]), source=without_nulls) == [F, F, T]


def test_near_copy_combines_several_tolerances(breaks: Breaks) -> None:
    source = memory_source(pa.table({"a": [10.0], "b": [100], "k": ["x"]}))
    tolerance = {"b": 10.0, "a": 1.0}
    operator = NearCopyOperator(NearCopyConfig(columns=("a", "b", "k"), tolerance=tolerance))
    batch = pa.record_batch(
        {"a": [9.0, 11.0, 9.0, 13.0, 9.0], "b": [90, 110, 130, 100, 110], "k": list("xxxxy")}
    )
    assert breaks(operator, batch, source=source) == [T, T, F, F, F]
