"""Reading one CSV file: a first pass over all of it finds the types, further passes convert to them."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.types as pt

from mintage.errors import SourceError
from mintage_connectors.csv.config import CsvConfig
from mintage_connectors.files.location import SourceFile
from mintage_connectors.files.reader import FileFormat
from mintage_connectors.files.reading import reading, shorten
from mintage_connectors.files.schemas import check_names
from mintage_connectors.text.inference import FALSE, TRUE, Inference, Kind, join_kinds
from mintage_connectors.text.stream import ChunkStream, TextLimits, checked_text
from mintage_connectors.text.values import decode, first_that_fails

if TYPE_CHECKING:
    from _csv import Reader as _CsvReader

_BLOCK = 1 << 20
_KIND, _QUOTED = b"kind", b"quoted"
_NATIVE_FLOATS = (pa.float32(), pa.float64())
_AS_TEXT = arrow_csv.ConvertOptions(check_utf8=False, default_column_type=pa.string())
_CHANGED = "the file may have changed since it was first read; run the job again, or set column_types"


class CsvFormat(FileFormat):
    """CSV as RFC 4180 describes it, with the delimiter, quote and encoding of the config."""

    name: ClassVar[str] = "CSV"
    unknown: ClassVar[pa.DataType] = pa.string()

    def __init__(self, config: CsvConfig) -> None:
        self._config = config
        self._types = config.types()

    def inspect(self, file: SourceFile) -> pa.Schema:
        """Read the file once, as text, and find the type of each column over all its rows."""
        rows = _Rows(file, self._config)
        found: dict[str, Inference] = {}
        done = 0
        for batch in rows.scan({}):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if name in self._types:
                    self._check_values(rows, done, name, column)
                found.setdefault(name, Inference(self._config.nulls)).update(column)
            done += batch.num_rows
        names = rows.names
        if unknown := sorted(set(self._types) - set(names)):
            raise SourceError(
                f"column_types names {unknown[0]!r}, which {file.uri} does not have",
                f"columns: {', '.join(names[:20])}",
            )
        return pa.schema([self._field(name, found.get(name, Inference())) for name in names])

    def scan(
        self, file: SourceFile, inspected: pa.Schema, wanted: pa.Schema, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Convert the wanted columns to their types while reading."""
        del batch_rows
        native = {one.name: _native(one.type, _has_quoted_nulls(inspected.field(one.name))) for one in wanted}
        for batch in _Rows(file, self._config).scan(native, wanted.names):
            with reading(file.uri, _CHANGED):
                columns = [
                    self._decode(column, one.type) for column, one in zip(batch.columns, wanted, strict=True)
                ]
            yield pa.RecordBatch.from_arrays(columns, schema=wanted)

    def join(self, one: pa.Field, other: pa.Field) -> pa.Field | None:
        """Join what two files suggest; text and something else do not go together unseen."""
        if one.name in self._types:
            return one
        kinds = [Kind(side.metadata[_KIND].decode()) for side in (one, other)]
        kind = join_kinds(*kinds)
        is_drift = kind is Kind.TEXT and kinds[0] is not kinds[1] and Kind.NOTHING not in kinds
        return None if is_drift else _field(one.name, kind)

    def drift_hint(self, column: str) -> str:
        """Files of text can be read as text."""
        return f"if all of it is text, set column_types: {{{column}: string}}"

    def _field(self, name: str, inference: Inference) -> pa.Field:
        one = _field(name, inference.kind, quoted=inference.quoted_nulls)
        return one.with_type(self._types[name]) if name in self._types else one

    def _check_values(self, rows: _Rows, done: int, name: str, column: pa.Array) -> None:
        type_ = self._types[name]
        values = column if pt.is_string(type_) else self._without_nulls(column)
        try:
            decode(values, type_)
        except pa.ArrowInvalid as exc:
            at = first_that_fails(values, type_)
            raise SourceError(
                f"{rows.file.uri}, {rows.place(done + at)}: {values[at].as_py()[:100]!r} in the column "
                f"{name!r} is no {type_}",
                f"repair the value, or set another type in column_types (this one is set to {type_})",
            ) from exc

    def _decode(self, column: pa.Array, type_: pa.DataType) -> pa.Array:
        if column.type == type_:
            return column
        return decode(self._without_nulls(column), type_) if pt.is_string(column.type) else column.cast(type_)

    def _without_nulls(self, values: pa.Array) -> pa.Array:
        spelled = pc.is_in(values, pa.array(self._config.nulls, pa.string()))
        return pc.if_else(spelled, pa.scalar(None, pa.string()), values)


class _Rows:
    """The rows of one file as the parser yields them; finds the names of its columns at once."""

    def __init__(self, file: SourceFile, config: CsvConfig) -> None:
        self.file = file
        self._config = config
        self.names = self._find_names()

    def scan(self, types: Mapping[str, pa.DataType], columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Batches of these columns (none: all), of the types given and of text where none is."""
        convert = arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=dict(types),
            default_column_type=pa.string(),
            null_values=list(self._config.nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=list(TRUE),
            false_values=list(FALSE),
            include_columns=list(columns),
        )
        ragged: list[arrow_csv.InvalidRow] = []
        try:
            with self._open(convert, ragged) as reader:
                yield from reader
        except (pa.ArrowException, OSError) as exc:
            raise self._problem(exc, ragged) from exc

    def place(self, row: int) -> str:
        """Where a row of data (from 0) stands in the file, for messages."""
        return self._place(row + int(self._config.header))

    def _find_names(self) -> list[str]:
        read = arrow_csv.ReadOptions(
            use_threads=False, block_size=self._block, autogenerate_column_names=not self._config.header
        )
        try:
            with arrow_csv.open_csv(self._stream(), read, self._parse([]), _AS_TEXT) as reader:
                names = list(reader.schema.names)
        except (pa.ArrowException, OSError) as exc:
            raise self._problem(exc, []) from exc
        if not self._config.header:
            return [f"column_{number}" for number in range(1, len(names) + 1)]
        check_names(names, self.file.uri)
        return names

    def _open(
        self, convert: arrow_csv.ConvertOptions, ragged: list[arrow_csv.InvalidRow]
    ) -> arrow_csv.CSVStreamingReader:
        read = arrow_csv.ReadOptions(
            use_threads=False,
            block_size=self._block,
            column_names=None if self._config.header else self.names,
        )
        # In a table of one column, an empty line is a null.
        parse = self._parse(ragged, ignore_empty_lines=len(self.names) > 1)
        return arrow_csv.open_csv(self._stream(), read, parse, convert)

    def _parse(
        self, ragged: list[arrow_csv.InvalidRow], *, ignore_empty_lines: bool = True
    ) -> arrow_csv.ParseOptions:
        def refuse(row: arrow_csv.InvalidRow) -> str:
            ragged.append(row)
            return "error"

        return arrow_csv.ParseOptions(
            delimiter=self._config.delimiter,
            quote_char=self._config.quote,
            newlines_in_values=True,
            ignore_empty_lines=ignore_empty_lines,
            invalid_row_handler=refuse,
        )

    @property
    def _block(self) -> int:
        return max(_BLOCK, self._config.max_line_bytes)

    def _stream(self) -> io.BufferedReader:
        limits = TextLimits(
            uncompressed_bytes=self._config.max_uncompressed_bytes, line_bytes=self._config.max_line_bytes
        )
        return io.BufferedReader(ChunkStream(checked_text(self.file, self._config.encoding, limits)), _BLOCK)

    def _problem(self, exc: Exception, ragged: Sequence[arrow_csv.InvalidRow]) -> SourceError:
        if ragged:
            row = ragged[0]
            return SourceError(
                f"{self.file.uri}, {self._place(row.number - 1)}: {row.actual_columns} values where "
                f"{row.expected_columns} are expected: {shorten(row.text)!r}",
                "quote values that hold the delimiter, or set the options delimiter and quote",
            )
        if "straddling" in str(exc):
            return SourceError(
                f"{self.file.uri} has a quote that is never closed, or a row of over {self._block:,} bytes",
                "look for a value that begins with a quote and lacks one at its end, or raise max_line_bytes",
            )
        return SourceError(f"{self.file.uri} is no CSV that can be read: {shorten(str(exc))}", _CHANGED)

    def _place(self, record: int) -> str:
        """The line on which a record begins; records are counted from 0, with the header."""
        text = io.TextIOWrapper(self._stream(), "utf-8", newline="")
        parser = csv.reader(text, delimiter=self._config.delimiter, quotechar=self._config.quote)
        # Row by row, but only to say where an error is: Arrow's parser does not count lines.
        starts = (line for line, values in _with_lines(parser) if values or len(self.names) == 1)
        try:
            return f"line {next(itertools.islice(starts, record, None)):,}"
        except (csv.Error, StopIteration):
            return f"row {record + 1:,}"


def _with_lines(parser: _CsvReader) -> Iterator[tuple[int, list[str]]]:
    line = 1
    for values in parser:
        yield line, values
        line = parser.line_num + 1


def _field(name: str, kind: Kind, *, quoted: bool = False) -> pa.Field:
    return pa.field(name, kind.type, metadata={_KIND: kind.value.encode(), _QUOTED: b"1" if quoted else b""})


def _has_quoted_nulls(inspected: pa.Field) -> bool:
    return bool(inspected.metadata[_QUOTED])


def _native(type_: pa.DataType, quoted_nulls: bool) -> pa.DataType:
    """The type to which the parser itself converts: text, where it would not do as the first pass did."""
    if quoted_nulls or not (pt.is_integer(type_) or pt.is_boolean(type_) or type_ in _NATIVE_FLOATS):
        return pa.string()
    return type_
