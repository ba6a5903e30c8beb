"""Arrow types as text."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.contracts import parse_type, type_name
from mintage.errors import SpecError
from mintage.testing import every_type

PLAIN = [
    pa.null(), pa.bool_(), pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.string(),
    pa.large_string(), pa.binary(), pa.large_binary(), pa.binary(16), pa.date32(), pa.date64(),
    pa.time32("s"), pa.time64("ns"), pa.duration("us"), pa.timestamp("s"), pa.timestamp("ns", "UTC"),
    pa.timestamp("us", "America/Argentina/Buenos_Aires"), pa.timestamp("ms", "+01:00"), pa.decimal128(38, 0),
    pa.decimal128(10, -2), pa.decimal256(76, 38),
]  # fmt: skip
types = st.recursive(
    st.sampled_from(PLAIN),
    lambda inner: st.one_of(
        inner.map(pa.list_), st.tuples(inner, st.integers(0, 5)).map(lambda pair: pa.list_(pair[0], pair[1]))
    ),
    max_leaves=5,
)


@given(types)
def test_a_type_survives_its_name(type_: pa.DataType) -> None:
    assert parse_type(type_name(type_)) == type_


def test_every_type_of_the_published_sample_is_carried() -> None:
    schema = every_type().schema
    assert [parse_type(type_name(field.type)) for field in schema] == schema.types


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        pytest.param(pa.dictionary(pa.int8(), pa.large_string()), "large_string", id="dictionary"),
        pytest.param(
            pa.list_(pa.dictionary(pa.int8(), pa.string())), "list<string>", id="list-of-dictionaries"
        ),
        pytest.param(pa.large_list(pa.int8()), "list<int8>", id="large-list"),
        pytest.param(
            pa.list_(pa.field("element", pa.int8(), nullable=False)), "list<int8>", id="named-items"
        ),
    ],
)
def test_what_is_only_encoding_is_not_part_of_the_name(type_: pa.DataType, name: str) -> None:
    assert type_name(type_) == name


@pytest.mark.parametrize(
    "type_",
    [pa.struct([("a", pa.int8())]), pa.map_(pa.string(), pa.int8()), pa.month_day_nano_interval()],
    ids=str,
)
def test_a_type_that_is_not_carried_is_refused_when_named(type_: pa.DataType) -> None:
    with pytest.raises(SpecError, match="not supported"):
        type_name(type_)
    with pytest.raises(SpecError, match="not supported"):
        type_name(pa.list_(type_))


@pytest.mark.parametrize(
    "name",
    [
        "", "int128", "INT64", " int64", "int64\n", "timestamp", "timestamp[fortnight]", "timestamp[us, tz=]",
        "timestamp[us, tz=a b]", "decimal128(99, 2)", "decimal128(10)", "decimal256(0, 0)", "list<>",
        "list<int64",
        "fixed_size_list<int8>[99999999999999999999]", "fixed_size_binary[99999999999999999999]",
        pytest.param("list<" * 5000 + "int8" + ">" * 5000, id="nested-too-deep"),
        pytest.param("x" * 10_000_000, id="ten-megabytes"),
    ],
)  # fmt: skip
def test_a_name_of_no_type_is_refused_shortly(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_type(name)
    assert len(str(caught.value)) < 400


@given(st.text(max_size=60))
def test_any_text_is_a_type_or_refused(name: str) -> None:
    try:
        found = parse_type(name)
    except SpecError:
        return
    assert parse_type(type_name(found)) == found
