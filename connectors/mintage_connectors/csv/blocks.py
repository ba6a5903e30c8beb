"""CSV in blocks of whole records, each of which is parsed by itself, from memory.

Arrow could read a stream by itself, but it would read far ahead of what is used, in threads of its
own that call back into Python, and these do not survive a process that ends early.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from mintage.errors import SourceError
from mintage_connectors.files.reading import shorten
from mintage_connectors.text.stream import native_stream

if TYPE_CHECKING:
    from _csv import Reader as _CsvReader

_END = ord("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How records are told apart: the characters between and around values."""

    delimiter: str = ","
    quote: str = '"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some whole records of the file called `place`; the first begins on line `first_line`, from 1."""

    place: str
    data: bytes
    first_line: int
    dialect: Dialect

    def parse(self, names: Sequence[str], convert: arrow_csv.ConvertOptions) -> pa.RecordBatch:
        """The records as rows. Raises `SourceError` for a record with another number of values."""
        ragged: list[arrow_csv.InvalidRow] = []

        def refuse(row: arrow_csv.InvalidRow) -> str:
            ragged.append(row)
            return "error"

        # In a table of one column, an empty line is a null.
        parse = _parse_options(self.dialect, ignore_empty_lines=len(names) > 1, invalid_row_handler=refuse)
        read = arrow_csv.ReadOptions(use_threads=False, block_size=len(self.data), column_names=list(names))
        try:
            table = arrow_csv.read_csv(native_stream(self.data), read, parse, convert).combine_chunks()
        except pa.ArrowInvalid as exc:
            raise self._problem(exc, ragged, len(names)) from exc
        columns = [one.chunk(0) if one.num_chunks else pa.array([], one.type) for one in table.columns]
        return pa.RecordBatch.from_arrays(columns, schema=table.schema)

    def line_of(self, record: int, columns: int) -> int:
        """The line on which a record (from 0) begins; in several columns, empty lines are no records."""
        text = io.StringIO(self.data.decode(), newline="")
        parser = csv.reader(text, delimiter=self.dialect.delimiter, quotechar=self.dialect.quote)
        # Record by record, but only to say where an error is: Arrow's parser does not count lines.
        starts = (line for line, values in _with_lines(parser) if values or columns == 1)
        try:
            return self.first_line + next(itertools.islice(starts, record, None), 0)
        except csv.Error:
            return self.first_line + record

    def _problem(
        self, exc: pa.ArrowInvalid, ragged: Sequence[arrow_csv.InvalidRow], columns: int
    ) -> SourceError:
        if not ragged:
            return SourceError(
                f"{self.place}, from line {self.first_line:,} on: {shorten(str(exc))}",
                "the file may have changed since it was first read; run the job again, or set column_types",
            )
        row = ragged[0]
        return SourceError(
            f"{self.place}, line {self.line_of(row.number - 1, columns):,}: {row.actual_columns} values "
            f"where {row.expected_columns} are expected: {shorten(row.text)!r}",
            "quote values that hold the delimiter, or set the options delimiter and quote",
        )


def record_blocks(
    chunks: Iterator[bytes], place: str, dialect: Dialect, max_record_bytes: int
) -> Iterator[Block]:
    """Whole records, about as many at a time as a chunk holds. The text must end in a line break.

    Raises `SourceError` for a record of more than `max_record_bytes`, and for one that never ends.
    """
    held, line = b"", 1
    for chunk in chunks:
        held += chunk
        end = _end_of_records(held, dialect)
        if len(held) - end > max_record_bytes + len(chunk):
            break
        if end:
            yield Block(place=place, data=held[:end], first_line=line, dialect=dialect)
            line += held.count(b"\n", 0, end)
            held = held[end:]
    if held:
        raise SourceError(
            f"{place} has a quote that is never closed, or a record of over {max_record_bytes:,} bytes, from "
            f"line {line:,} on: {shorten(held[:200].decode(errors='replace'))!r}",
            "close the quote, set the option quote to another character, or raise max_line_bytes",
        )


def split_header(block: Block) -> tuple[list[str], Block]:
    """The values of the first record, and the block without it and without empty lines before it."""
    start = len(block.data) - len(block.data.lstrip(b"\r\n"))
    end = next((at + 1 for at in _record_ends(block.data, block.dialect) if at >= start), len(block.data))
    read = arrow_csv.ReadOptions(use_threads=False, block_size=max(end - start, 1))
    try:
        header = native_stream(block.data[start:end])
        names = arrow_csv.read_csv(header, read, _parse_options(block.dialect)).schema.names
    except pa.ArrowInvalid as exc:
        raise SourceError(
            f"{block.place} has no header: {shorten(str(exc))}", "remove the file, or write it again"
        ) from exc
    line = block.first_line + block.data.count(b"\n", 0, end)
    return names, Block(place=block.place, data=block.data[end:], first_line=line, dialect=block.dialect)


def _parse_options(dialect: Dialect, **options: object) -> arrow_csv.ParseOptions:
    return arrow_csv.ParseOptions(
        delimiter=dialect.delimiter, quote_char=dialect.quote, newlines_in_values=True, **options
    )


def _end_of_records(data: bytes, dialect: Dialect) -> int:
    """How many bytes of `data`, which begins with a record, are whole records."""
    if dialect.quote.encode() not in data:
        return data.rfind(b"\n") + 1
    ends = _record_ends(data, dialect)
    return int(ends[-1]) + 1 if len(ends) else 0


def _record_ends(data: bytes, dialect: Dialect) -> Sequence[int]:
    """The positions of all line breaks outside quotes."""
    codes = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(codes == ord(dialect.quote))
    opening = quotes[::2]
    before = codes[opening[opening > 0] - 1]
    if not np.isin(before, [*f"{dialect.delimiter}{dialect.quote}\r\n".encode()]).all():
        return _ends_by_value(data, dialect)
    # Every quote opens or closes (a doubled one does both): outside, as many have closed as have opened.
    breaks = np.flatnonzero(codes == _END)
    outside = np.searchsorted(quotes, breaks) % 2 == 0
    return [int(at) for at in breaks[outside]]


def _ends_by_value(data: bytes, dialect: Dialect) -> list[int]:
    """As `_record_ends`, value by value: where a quote stands within a value, it is part of the text."""
    quote, delimiter = (re.escape(one.encode()) for one in (dialect.quote, dialect.delimiter))
    quoted = rb"%(q)s(?:[^%(q)s]++|%(q)s%(q)s)*+(?:%(q)s|\Z)" % {b"q": quote}
    value = rb"(?>%(quoted)s)?+[^%(d)s\n]*+(%(d)s|\n|\Z)" % {b"quoted": quoted, b"d": delimiter}
    return [found.end() - 1 for found in re.finditer(value, data) if found[1] == b"\n"]


def _with_lines(parser: _CsvReader) -> Iterator[tuple[int, list[str]]]:
    line = 0
    for values in parser:
        yield line, values
        line = parser.line_num
