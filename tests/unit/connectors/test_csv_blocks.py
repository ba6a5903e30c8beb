"""Cutting CSV into blocks of whole records gives the records that a reader of the whole text sees."""

from __future__ import annotations

import csv
import io
from typing import Literal

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.errors import SourceError
from mintage_connectors.csv.blocks import Dialect, record_blocks, split_header

AS_TEXT = arrow_csv.ConvertOptions(default_column_type=pa.string(), strings_can_be_null=False)
VALUES = st.text("ab\n,;\"'\r ", max_size=6)


def _chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _rows(data: bytes, size: int, dialect: Dialect) -> list[list[str]]:
    rows: list[list[str]] = []
    for block in record_blocks(iter(_chunks(data, size)), "t.csv", dialect, 1 << 20):
        columns = block.parse(["a", "b"], AS_TEXT).to_pydict()
        rows += [list(row) for row in zip(columns["a"], columns["b"], strict=True)]
    return rows


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], ids=["where needed", "always"])
@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8), size=st.integers(1, 40))
def test_blocks_hold_all_records_wherever_chunks_end(
    quoting: Literal[0, 1], rows: list[tuple[str, str]], size: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", quotechar="'", quoting=quoting, lineterminator="\r\n").writerows(rows)
    data = text.getvalue().encode()
    assert _rows(data, size, Dialect(delimiter=";", quote="'")) == [list(row) for row in rows]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_quote_within_a_value_is_part_of_it(size: int) -> None:
    data = b'5" pipe,x\n"a\nb",6"\n"c""d",e\n7",8\n'
    assert _rows(data, size, Dialect()) == [['5" pipe', "x"], ["a\nb", '6"'], ['c"d', "e"], ['7"', "8"]]


def test_lines_are_counted_across_blocks() -> None:
    data = b'a,b\n"1\n\n1",2\n' + b"3,4\n" * 5
    blocks = list(record_blocks(iter(_chunks(data, 8)), "t.csv", Dialect(), 100))
    assert b"".join(block.data for block in blocks) == data
    assert [block.first_line for block in blocks] == [
        1 + data.count(b"\n", 0, data.find(block.data)) if at < 2 else block.first_line
        for at, block in enumerate(blocks)
    ]
    assert blocks[-1].first_line + blocks[-1].data.count(b"\n") == data.count(b"\n") + 1


def test_a_header_may_hold_line_breaks_and_follow_empty_lines() -> None:
    data = b'\n\r\n"a\n1",b\n2,3\n'
    names, rest = split_header(next(record_blocks(iter([data]), "t.csv", Dialect(), 100)))
    assert (names, rest.data, rest.first_line) == (["a\n1", "b"], b"2,3\n", 5)


def test_a_record_beyond_the_limit_ends_the_reading_early() -> None:
    read = 0

    def endless() -> object:
        nonlocal read
        while True:
            read += 1
            yield b'"' + b"x" * 99 if read == 1 else b"x\n" * 50

    with pytest.raises(SourceError, match="a quote that is never closed, or a record of over 1,000 bytes"):
        list(record_blocks(endless(), "t.csv", Dialect(), 1000))  # type: ignore[arg-type]  # an endless iterator
    assert read < 20
