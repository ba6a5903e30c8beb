"""JSON lines: flat records, types of whole columns, and errors with their line."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from mintage.errors import SourceError
from tests.unit.connectors.tables import read, reader, write


def test_values_have_the_types_that_json_gives_them(tmp_path: Path) -> None:
    lines = (
        '{"n": 1, "x": 1.5, "ok": true, "s": "007", "day": "2013-01-01", "at": "2013-01-01T10:00:00Z"}\n'
        '{"n": null, "x": 2, "ok": false, "s": "\\u2603\\n", "at": "2013-01-01T10:00:00+02:00"}\n'
        '{"late": null}\n'
    )
    table = read("jsonl", write(tmp_path / "t.jsonl", lines))
    types = [
        pa.int64(),
        pa.float64(),
        pa.bool_(),
        pa.string(),
        pa.date32(),
        pa.timestamp("us", "UTC"),
        pa.string(),
    ]
    assert table.schema.types == types
    assert table["day"].to_pylist() == [dt.date(2013, 1, 1), None, None]
    assert table["at"][1].as_py() == dt.datetime(2013, 1, 1, 8, tzinfo=dt.UTC)
    assert table["s"].to_pylist() == ["007", "\u2603\n", None]
    assert table["late"].to_pylist() == [None] * 3


@pytest.mark.parametrize(
    ("late", "type_"), [("2.5", pa.float64()), ("null", pa.int64())], ids=["float", "null"]
)
def test_a_value_in_any_block_counts_as_much_as_one_in_the_first(
    tmp_path: Path, late: str, type_: pa.DataType
) -> None:
    block = '{"x": 7}\n' * 150_000
    table = read("jsonl", write(tmp_path / "t.jsonl", f'{block}{{"x": {late}, "new": 1}}\n{block}'))
    assert table.schema.field("x").type == type_
    assert table["new"].slice(149_999, 3).to_pylist() == [None, 1, None]
    assert table.num_rows == 300_001


def test_a_time_in_the_first_block_and_text_in_a_late_one_is_text(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"x": "2013-01-01"}\n' * 100_000 + '{"x": "soon"}\n')
    table = read("jsonl", path)
    assert (table["x"][0].as_py(), table["x"][100_000].as_py()) == ("2013-01-01", "soon")


def test_gzip_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl.gz", gzip.compress(b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}'))
    assert read("jsonl", path)["a"].to_pylist() == [1, 2]


def test_column_types_override_what_values_suggest(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"a": 18446744073709551615, "d": "2013-01-01"}\n')
    table = read("jsonl", path, column_types={"a": "uint64", "d": "string"})
    assert table.to_pylist() == [{"a": 2**64 - 1, "d": "2013-01-01"}]


def test_a_scan_yields_the_columns_that_are_asked_for(tmp_path: Path) -> None:
    found = reader("jsonl", write(tmp_path / "t.jsonl", '{"a": 1, "b": "x", "c": 2.5}\n' * 5))
    batches = list(found.scan(["c", "a"], 2))
    assert [batch.num_rows for batch in batches] == [2, 2, 1]
    assert batches[0].to_pydict() == {"c": [2.5, 2.5], "a": [1, 1]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", r"is empty \(0 bytes\)", id="empty"),
        pytest.param("\n\n", "has no columns", id="blank"),
        pytest.param("{}\n", "has no columns", id="objects without names"),
        pytest.param(
            '{"a": 1}\n\n{"a": "x"}\n',
            r"line 3: Column\(/a\) changed from number to string",
            id="mixed types",
        ),
        pytest.param(
            '{"a": 1}\n{"a": {"b": 1}}\n', "line 2: .*changed from number to object", id="nested late"
        ),
        pytest.param(
            '{"a": null}\n{"a": {"b": 1}}\n', "line 2: the column 'a' holds struct.*flat", id="nested"
        ),
        pytest.param('{"a": [1]}\n', "line 1: the column 'a' holds list.*flat", id="list"),
        pytest.param('[{"a": 1}]\n', "line 1: Column.. changed from object to array", id="array"),
        pytest.param('{"a": 1}\n{"a": \n', "line 2: ", id="cut off"),
        pytest.param('{"a": 1, "a": 2}\n', "line 1: .*specified twice", id="name twice"),
        pytest.param('{"": 1}\n', "column 1 .* has no name", id="no name"),
        pytest.param('{"a": "\0"}\n', "a NUL byte in line 1", id="NUL"),
        pytest.param(b'{"a": "\xfc"}\n', "byte 0xfc at offset 7, line 1", id="encoding"),
        pytest.param(
            '{"a": 1}\n{"a": 98765432109876543210}\n', "line 2: a whole number of more than 64", id="digits"
        ),
        pytest.param('{"a": "' + "x" * 2000 + '"}\n', "a line of more than 1,024 bytes", id="line too long"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = write(tmp_path / "t.jsonl", content)
    with pytest.raises(SourceError, match=message) as caught:
        read("jsonl", path, max_line_bytes=1024)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_text_after_a_block_of_numbers_is_refused_with_its_line(tmp_path: Path) -> None:
    numbers = '{"a": 1}\n' * 150_000
    path = write(tmp_path / "t.jsonl", numbers + '{"b": 1}\n' * 150_000 + '{"a": "x"}\n')
    with pytest.raises(
        SourceError, match="line 300,001: the column 'a' is text here and integer in the lines before"
    ):
        read("jsonl", path)


def test_a_value_that_is_not_of_the_given_type_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"d": "2013-01-01"}\n{"d": null}\n{"d": "soon"}\n')
    with pytest.raises(SourceError, match=r"line 3: 'soon' in the column 'd' is no date32"):
        read("jsonl", path, column_types={"d": "date32[day]"})


def test_files_whose_types_differ_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", '{"a": 1}\n')
    write(tmp_path / "2.jsonl", '{"a": "x"}\n')
    with pytest.raises(
        SourceError, match=r"the column 'a' is string in .*2.jsonl, int64 in the files before"
    ):
        read("jsonl", tmp_path)
