"""CSV: types are those of whole columns, nulls are told from empty text, and options are obeyed."""

from __future__ import annotations

import datetime as dt
import gzip
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from mintage.errors import SourceError, SpecError
from tests.unit.connectors.tables import read, reader, write

BLOCK_ROWS = 150_000
"""Rows of a few bytes that take more than one block of the parser."""


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        pytest.param(["1", "-20", "NA"], pa.int64(), id="integers"),
        pytest.param(["9007199254740993", "1"], pa.int64(), id="integers beyond what floats hold"),
        pytest.param(["9007199254740993", "1.5"], pa.string(), id="such integers beside floats"),
        pytest.param(["9223372036854775808"], pa.string(), id="more than 64 bits"),
        pytest.param(["1", "2.5", "-.5", "1e3", "inf", "-nan"], pa.float64(), id="floats"),
        pytest.param(["1e999"], pa.string(), id="a float that overflows"),
        pytest.param(["007", "12"], pa.string(), id="leading zeros"),
        pytest.param(["+49", "30"], pa.string(), id="a leading plus"),
        pytest.param(["0x10"], pa.string(), id="hexadecimal"),
        pytest.param([" 5", "6\t"], pa.int64(), id="blanks around numbers"),
        pytest.param(["true", "False", "TRUE"], pa.bool_(), id="booleans"),
        pytest.param(["0", "1"], pa.int64(), id="zero and one"),
        pytest.param(["true", "1"], pa.string(), id="booleans beside numbers"),
        pytest.param(["2013-01-01", "1969-12-31"], pa.date32(), id="dates"),
        pytest.param(["2013-02-30"], pa.string(), id="a day that is none"),
        pytest.param(["2013-01-01", "2013-01-01 10:00"], pa.timestamp("us"), id="dates beside timestamps"),
        pytest.param(["2013-01-01T10:00:00.123456"], pa.timestamp("us"), id="microseconds"),
        pytest.param(["2013-01-01T10:00:00.123456789"], pa.timestamp("ns"), id="nanoseconds"),
        pytest.param(
            ["2013-01-01T10:00:00Z", "2013-01-01T10:00:00+02:00"], pa.timestamp("us", "UTC"), id="instants"
        ),
        pytest.param(
            ["2013-01-01T10:00:00Z", "2013-01-01T10:00:00"], pa.string(), id="with and without a zone"
        ),
        pytest.param(["NA", "NULL"], pa.string(), id="nothing but nulls"),
        pytest.param(["?", "1"], pa.string(), id="a question mark is no null"),
    ],
)
def test_a_column_has_the_narrowest_type_that_loses_nothing(
    tmp_path: Path, values: list[str], type_: pa.DataType
) -> None:
    path = write(tmp_path / "t.csv", "x,y\n" + "".join(f"{value},1\n" for value in values))
    table = read("csv", path)
    assert table.schema.field("x").type == type_
    assert table.num_rows == len(values)
    table.validate(full=True)


@pytest.mark.parametrize(
    ("late", "type_"),
    [("2.5", pa.float64()), ("late", pa.string()), ("", pa.int64())],
    ids=["float", "text", "null"],
)
def test_a_value_in_any_block_counts_as_much_as_one_in_the_first(
    tmp_path: Path, late: str, type_: pa.DataType
) -> None:
    block = "7,abcdefghijklmnop\n" * BLOCK_ROWS
    table = read("csv", write(tmp_path / "t.csv", f"x,pad\n{block}{late},z\n{block}"))
    assert table.schema.field("x").type == type_
    assert table.num_rows == 2 * BLOCK_ROWS + 1
    assert str(table["x"][0]) in ("7", "7.0")


def test_values_come_out_as_they_were_written(tmp_path: Path) -> None:
    text = 'n,when,day,ok,s\n1,2013-01-01T10:00:00+02:00,2013-01-02,true,"a ""b"", c\nd \u2603"\n,,,,\n'
    table = read("csv", write(tmp_path / "t.csv", text))
    assert table.to_pylist()[0] == {
        "n": 1,
        "when": dt.datetime(2013, 1, 1, 8, tzinfo=dt.UTC),
        "day": dt.date(2013, 1, 2),
        "ok": True,
        "s": 'a "b", c\nd \u2603',
    }
    assert set(table.to_pylist()[1].values()) == {None}


def test_quoted_nulls_are_text_in_text_and_nulls_in_numbers(tmp_path: Path) -> None:
    table = read("csv", write(tmp_path / "t.csv", '"s","n"\n"","1"\n"NA","NA"\n,""\n'))
    assert table["s"].to_pylist() == ["", "NA", None]
    assert table["n"].to_pylist() == [1, None, None]
    assert table.schema.field("n").type == pa.int64()


def test_nulls_are_spelled_as_the_option_says(tmp_path: Path) -> None:
    table = read("csv", write(tmp_path / "t.csv", "x,s\n?,NA\n1,?\n"), nulls=["?"])
    assert table["x"].to_pylist() == [None, 1]
    assert table["s"].to_pylist() == ["NA", None]


def test_delimiter_quote_and_missing_header_are_obeyed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "1;'a;b'\n2;c\n")
    table = read("csv", path, delimiter=";", quote="'", header=False)
    assert table.to_pydict() == {"column_1": [1, 2], "column_2": ["a;b", "c"]}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1", "shift_jis"])
def test_other_encodings_are_read_by_name(tmp_path: Path, encoding: str) -> None:
    text = "name,n\n\u30c6\u30b9\u30c8,1\n" if encoding == "shift_jis" else "name,n\nGr\u00fc\u00dfe,1\n"
    table = read("csv", write(tmp_path / "t.csv", text.encode(encoding)), encoding=encoding)
    assert table.to_pydict() == {"name": [text.split("\n")[1].split(",")[0]], "n": [1]}


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read("csv", write(tmp_path / "t.csv", b"\xef\xbb\xbfa,b\n1,2\n")).column_names == ["a", "b"]


def test_a_character_may_lie_across_two_chunks(tmp_path: Path) -> None:
    pad = (1 << 20) - 1 - len("a,b\n") - 2
    path = write(tmp_path / "t.csv", f"a,b\n{'x' * (pad // 2)},{'y' * (pad - pad // 2)}\n\u2603,2\n")
    assert read("csv", path)["a"][1].as_py() == "\u2603"


def test_gzip_and_zip_hold_the_same_table(tmp_path: Path) -> None:
    text = b"a,b\n1,x\n2,y\n"
    plain = write(tmp_path / "t.csv", text)
    packed = write(tmp_path / "t.csv.gz", gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "t.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", text)
    assert read("csv", plain) == read("csv", packed) == read("csv", tmp_path / "t.csv.zip")


@pytest.mark.parametrize("text", ["a,b", "a,b\n", "a,b\r\n"])
def test_a_header_alone_is_a_table_without_rows(tmp_path: Path, text: str) -> None:
    table = read("csv", write(tmp_path / "t.csv", text))
    assert (table.column_names, table.num_rows) == (["a", "b"], 0)


def test_line_breaks_may_be_of_windows_and_the_last_one_missing(tmp_path: Path) -> None:
    assert read("csv", write(tmp_path / "t.csv", "a,b\r\n1,x\r\n2,y")).to_pydict() == {
        "a": [1, 2],
        "b": ["x", "y"],
    }


def test_an_empty_line_is_a_null_in_one_column_and_nothing_in_several(tmp_path: Path) -> None:
    assert read("csv", write(tmp_path / "one.csv", "a\n1\n\n3\n"))["a"].to_pylist() == [1, None, 3]
    assert read("csv", write(tmp_path / "two.csv", "a,b\n1,2\n\n3,4\n"))["a"].to_pylist() == [1, 3]


def test_column_types_override_what_values_suggest(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "zip,price,took,at\n01234,1.10,90,10:00:01\n99999,2.5,7,NA\n")
    types = {"zip": "int32", "price": "decimal128(10, 2)", "took": "duration[s]", "at": "time32[s]"}
    table = read("csv", path, column_types=types)
    assert [str(field.type) for field in table.schema] == [
        "int32",
        "decimal128(10, 2)",
        "duration[s]",
        "time32[s]",
    ]
    assert table["zip"].to_pylist() == [1234, 99999]
    assert table["took"].to_pylist() == [dt.timedelta(seconds=90), dt.timedelta(seconds=7)]
    assert table["at"].to_pylist() == [dt.time(10, 0, 1), None]


def test_a_scan_yields_the_columns_and_batches_that_are_asked_for(tmp_path: Path) -> None:
    found = reader("csv", write(tmp_path / "t.csv", "a,b,c\n" + "1,x,2.5\n" * 10))
    batches = list(found.scan(["c", "a"], 4))
    assert [batch.num_rows for batch in batches] == [4, 4, 2]
    assert batches[0].schema.names == ["c", "a"]
    with pytest.raises(SourceError, match="no column 'd'"):
        next(found.scan(["d"]))
    with pytest.raises(SpecError, match="0 rows"):
        next(found.scan(batch_rows=0))


def test_files_of_a_folder_are_one_table_with_types_of_all_files(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "x,y,z\n1,,2013-01-01\n")
    write(tmp_path / "b.csv", "z,y,x\n2013-01-01T10:00:00,true,2.5\n")
    table = read("csv", tmp_path)
    assert table["x"].to_pylist() == [1.0, 2.5]
    assert table["y"].to_pylist() == [None, True]
    assert table["z"].type == pa.timestamp("us")


def test_ten_thousand_columns_are_read(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(10_000)]
    path = write(tmp_path / "t.csv", ",".join(names) + "\n" + ",".join("1" * 10_000) + "\n")
    assert read("csv", path).num_columns == 10_000
