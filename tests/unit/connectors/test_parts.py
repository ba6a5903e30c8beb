"""Parts: what a sink writes comes back value by value, in every format."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.errors import SourceError, SpecError
from tests.unit.connectors.tables import make, part, read_part

FORMATS = ["parquet", "csv", "jsonl", "ipc"]
TEXT_FORMATS = ["csv", "jsonl"]

_DECIMAL = st.decimals(-(10**12), 10**12, places=4, allow_nan=False)
_MOMENT = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999))
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_ODD_TEXT = st.sampled_from(
    ["", "NA", "null", '"', "'", "\n", "\r\n", ",", "=1+1", "\\", "\x01\x1f\x7f", "\u2028", "\0"]
)
_NUMBERS: dict[pa.DataType, st.SearchStrategy[object]] = {
    pa.int8(): st.integers(-(2**7), 2**7 - 1), pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1), pa.float16(): st.floats(width=16),
    pa.float32(): st.floats(width=32), pa.float64(): st.floats(),
    pa.decimal128(20, 4): _DECIMAL, pa.bool_(): st.booleans(),
    pa.decimal128(38, 20): st.decimals(-(10**17), 10**17, places=20, allow_nan=False),
    pa.decimal256(60, 4): _DECIMAL,
}  # fmt: skip
_TIMES: dict[pa.DataType, st.SearchStrategy[object]] = {
    pa.date32(): st.dates(date(1, 1, 1)), pa.date64(): st.dates(date(1, 1, 1)),
    pa.time32("s"): st.times().map(lambda value: value.replace(microsecond=0)),
    pa.time64("us"): st.times(), pa.timestamp("us"): _MOMENT, pa.timestamp("us", "UTC"): _MOMENT,
    pa.timestamp("us", "Europe/Berlin"): _MOMENT,
    pa.timestamp("s"): _MOMENT.map(lambda value: value.replace(microsecond=0)),
    pa.duration("us"): st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000)),
}  # fmt: skip
_BYTES: dict[pa.DataType, st.SearchStrategy[object]] = {
    pa.string(): _TEXT | _ODD_TEXT, pa.large_string(): _TEXT | _ODD_TEXT, pa.binary(): st.binary(max_size=9),
    pa.binary(3): st.binary(min_size=3, max_size=3), pa.null(): st.none(),
}  # fmt: skip
VALUES = _NUMBERS | _TIMES | _BYTES
NANOSECONDS = {
    "timestamp[ns]": pa.timestamp("ns"),
    "timestamp[ns, UTC]": pa.timestamp("ns", "UTC"),
    "time64[ns]": pa.time64("ns"),
    "duration[ns]": pa.duration("ns"),
}


def _same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables are equal, where NaN equals NaN and -0.0 does not equal 0.0."""
    if one.schema != other.schema or one.num_rows != other.num_rows:
        return False
    return all(
        a.is_valid().equals(b.is_valid()) and repr(a.to_pylist()) == repr(b.to_pylist())
        for a, b in zip(one.combine_chunks().columns, other.combine_chunks().columns, strict=True)
    )


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("type_", VALUES, ids=str)
@settings(max_examples=12)
@given(data=st.data())
def test_every_value_of_every_type_comes_back(kind: str, type_: pa.DataType, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[type_], min_size=1, max_size=8))
    alone = pa.table({"x": pa.array(values, type_)})
    beside = alone.append_column("y", pa.array(range(len(values))))
    for table in (alone, beside):
        assert _same(read_part(kind, part(kind, table), table.schema), table)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("type_", NANOSECONDS.values(), ids=list(NANOSECONDS))
def test_nanoseconds_come_back(kind: str, type_: pa.DataType) -> None:
    values = pa.array([1, None, 86_399_999_999_999], pa.int64()).cast(type_)
    table = pa.table({"x": values})
    back = read_part(kind, part(kind, table), table.schema)
    assert back["x"].cast(pa.int64()).to_pylist() == [1, None, 86_399_999_999_999]


@pytest.mark.parametrize("kind", FORMATS)
def test_nulls_and_empty_text_stay_apart(kind: str) -> None:
    table = pa.table({"s": ["", None, "NA", " "], "t": pa.array([None, "", None, "x"])})
    assert read_part(kind, part(kind, table), table.schema) == table


@pytest.mark.parametrize("kind", FORMATS)
def test_a_large_part_comes_back_across_blocks(kind: str) -> None:
    count = 60_000
    table = pa.table({"n": range(count), "s": [f'{number} "quoted",\nline' for number in range(count)]})
    assert read_part(kind, part(kind, table), table.schema).combine_chunks() == table.combine_chunks()


@pytest.mark.parametrize("kind", FORMATS)
def test_dictionaries_are_written_as_their_values(kind: str) -> None:
    table = pa.table({"c": pa.array(["x", None, "y", "x"])})
    stream = io.BytesIO()
    writer = make(kind).write(stream, table.schema)
    for values in (["x", None], ["y", "x"]):
        writer.write(pa.record_batch({"c": pa.array(values).dictionary_encode()}))
    writer.close()
    assert read_part(kind, stream.getvalue(), table.schema).combine_chunks() == table


@pytest.mark.parametrize("kind", FORMATS)
def test_odd_names_come_back(kind: str) -> None:
    names = ['a "quoted", name', "line\nbreak", "\u2603", "=1+1", "a.b"]
    table = pa.table([[1]] * len(names), names)
    assert read_part(kind, part(kind, table), table.schema) == table


@pytest.mark.parametrize("kind", FORMATS)
def test_equal_batches_give_equal_bytes_without_a_trace_of_the_run(kind: str) -> None:
    table = pa.table({"n": range(1000), "s": ["a", "b"] * 500}).replace_schema_metadata({"when": "now"})
    assert part(kind, table) == part(kind, table)
    if kind == "parquet":
        assert b"now" not in part(kind, table)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_part_of_another_schema_is_refused(kind: str) -> None:
    data = part(kind, pa.table({"n": [1], "s": ["a"]}))
    with pytest.raises(SourceError):
        read_part(kind, data, pa.schema({"n": pa.int64(), "t": pa.string()}))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_part_cut_off_is_refused_or_shorter(kind: str) -> None:
    table = pa.table({"n": range(1000), "s": ["some text"] * 1000})
    data = part(kind, table)
    try:
        rows = read_part(kind, data[: len(data) // 2], table.schema).num_rows
    except SourceError:
        return
    assert kind in TEXT_FORMATS
    assert rows < 1000


@pytest.mark.parametrize("kind", TEXT_FORMATS)
@pytest.mark.parametrize(
    "type_", [pa.list_(pa.int64()), pa.list_(pa.float32(), 2), pa.struct({"a": pa.int64()})], ids=str
)
def test_nested_columns_are_refused_before_anything_is_written(kind: str, type_: pa.DataType) -> None:
    stream = io.BytesIO()
    with pytest.raises(SpecError, match="cannot hold the column 'v'") as caught:
        make(kind).write(stream, pa.schema({"v": type_}))
    assert "parquet" in caught.value.hint
    assert stream.getvalue() == b""


@pytest.mark.parametrize("kind", TEXT_FORMATS)
def test_years_that_text_cannot_hold_are_refused(kind: str) -> None:
    table = pa.table({"t": pa.array([2**40], pa.timestamp("s"))})
    with pytest.raises(SpecError, match="years 1 to 9999"):
        part(kind, table)


def test_parquet_has_one_row_group_for_each_write_and_the_codec_of_the_config() -> None:
    batch = pa.record_batch({"n": range(10)})
    stream = io.BytesIO()
    writer = make("parquet", compression="snappy").write(stream, batch.schema)
    for rows in (batch, batch.slice(0, 0), batch.slice(3)):
        writer.write(rows)
    writer.close()
    metadata = pq.ParquetFile(stream).metadata
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [10, 7]
    assert metadata.row_group(0).column(0).compression == "SNAPPY"
    assert pl.read_parquet(stream.getvalue())["n"].to_list() == [*range(10), *range(3, 10)]


def test_a_level_belongs_to_zstd() -> None:
    assert len(part("parquet", pa.table({"s": ["abc" * 50] * 9}), level=19))
    with pytest.raises(SpecError, match="level: 3 has no meaning with compression snappy"):
        make("parquet", compression="snappy", level=3)


def test_csv_is_read_by_others() -> None:
    table = pa.table(
        {
            "n": [1, None],
            "x": [0.1, 1e300],
            "s": ['a "b",\nc', ""],
            "t": pa.array([datetime(2013, 1, 2, 3), None], pa.timestamp("us", "UTC")),
            "c": pa.array([time(1, 2, 3), None], pa.time64("us")),
            "m": pa.array([Decimal("1.10"), None], pa.decimal128(9, 2)),
        }
    )
    rows = list(csv.reader(io.StringIO(part("csv", table).decode(), newline="")))
    assert rows[0] == ["n", "x", "s", "t", "c", "m"]
    assert rows[1] == ["1", "0.1", 'a "b",\nc', "2013-01-02T03:00:00.000000Z", "01:02:03.000000", "1.10"]
    assert rows[2] == ["", "1e+300", "", "", "", ""]
    assert part("csv", table).endswith(b'\n,1e+300,"",,,\n')


def test_json_lines_are_read_by_others() -> None:
    table = pa.table(
        {"n": [1, None], "s": ['a "b"\n\x01\\', "\u2603"], "x": [0.5, float("nan")], "ok": [True, None]}
    )
    lines = part("jsonl", table).decode().splitlines()
    assert json.loads(lines[0]) == {"n": 1, "s": 'a "b"\n\x01\\', "x": 0.5, "ok": True}
    assert lines[1] == '{"n":null,"s":"\u2603","x":NaN,"ok":null}'


def test_formulas_are_escaped_when_asked_for_and_come_back() -> None:
    values = ["=1+1", "+49", "-1", "@x", "\tx", "'=1", "''=1", "'x", "a=1", "", None]
    table = pa.table({"=head": values, "n": pa.array(range(len(values))).cast(pa.int64())})
    data = part("csv", table, escape_formulas=True)
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert rows[0] == ["'=head", "n"]
    assert [row[0] for row in rows[1:5]] == ["'=1+1", "'+49", "'-1", "'@x"]
    assert not any(row[0][:1] in tuple("=+-@\t") for row in rows if row[0])
    assert read_part("csv", data, table.schema, escape_formulas=True) == table


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_csv_with_another_delimiter_comes_back(delimiter: str) -> None:
    table = pa.table({"s": ["a;b\tc|d,e", None], "n": [1, 2]})
    assert (
        read_part("csv", part("csv", table, delimiter=delimiter), table.schema, delimiter=delimiter) == table
    )
