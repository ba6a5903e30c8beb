"""Writing and reading back parts in CSV."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.types as pt

from mintage.contracts import PartWriter
from mintage.errors import SourceError, SpecError
from mintage_connectors.csv.blocks import Dialect, record_blocks, split_header
from mintage_connectors.csv.config import CsvConfig
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import check_part_columns
from mintage_connectors.text.inference import FALSE, TRUE
from mintage_connectors.text.values import decode, encode

_FORMULA = r"^'*[=+\-@\t\r]"
_CHUNK = 1 << 20
_MAX_RECORD = 256 << 20
_ROWS = 16_384
"""Rows that are formatted at once: twice as fast as Arrow's default of 1,024."""


class CsvWriter(PartWriter):
    """Writes a header and rows, quoted as in RFC 4180: text always is, a null never."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema, config: CsvConfig) -> None:
        check_flat(schema, "CSV")
        self._escapes = config.escape_formulas
        self._schema = pa.schema(
            [pa.field(name, _written_type(schema.field(name).type)) for name in schema.names]
        )
        names = _header(schema, config)
        options = arrow_csv.WriteOptions(delimiter=config.delimiter, quoting_style="needed", batch_size=_ROWS)
        self._header = pa.schema(
            [field.with_name(name) for field, name in zip(self._schema, names, strict=True)]
        )
        self._writer = arrow_csv.CSVWriter(stream, self._header, write_options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        columns = [self._as_written(column) for column in batch.columns]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._header))

    def close(self) -> None:
        """Hand the last bytes to the stream."""
        self._writer.close()

    def _as_written(self, column: pa.Array) -> pa.Array:
        column = column.dictionary_decode() if pt.is_dictionary(column.type) else column
        if _written_type(column.type) == column.type:
            return _escape(column) if self._escapes and pt.is_string(column.type) else column
        return encode(column)


def scan_csv_part(stream: BinaryIO, schema: pa.Schema, config: CsvConfig) -> Iterator[pa.RecordBatch]:
    """The rows that `CsvWriter` wrote, as it got them. Raises `SourceError` for what it did not write."""
    types = {field.name: _written_type(field.type) for field in schema}
    convert = arrow_csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
        true_values=list(TRUE), false_values=list(FALSE),
    )  # fmt: skip
    chunks = iter(partial(stream.read, _CHUNK), b"")
    with reading("the part", "it is damaged, or was not written with these options"):
        blocks = record_blocks(chunks, "the part", Dialect(delimiter=config.delimiter), _MAX_RECORD)
        if (first := next(blocks, None)) is None:
            raise SourceError("the part has no header", "it is damaged")
        names, rest = split_header(first)
        check_part_columns(names, _header(schema, config))
        for block in itertools.chain([rest] if rest.data else [], blocks):
            yield _as_given(block.parse(schema.names, convert), schema, config)


def check_flat(schema: pa.Schema, name: str) -> None:
    """Raise `SpecError` for a column that text formats do not hold."""
    for field in schema:
        if pt.is_nested(field.type):
            raise SpecError(
                f"{name} cannot hold the column {field.name!r} of the type {field.type}",
                "choose sink.format: parquet",
            )


def _header(schema: pa.Schema, config: CsvConfig) -> list[str]:
    names = pa.array(schema.names)
    return [str(name) for name in (_escape(names) if config.escape_formulas else names)]


def _as_given(batch: pa.RecordBatch, schema: pa.Schema, config: CsvConfig) -> pa.RecordBatch:
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        if column.type != field.type:
            column = decode(column, field.type)
        elif config.escape_formulas and pt.is_string(field.type):
            column = pc.replace_substring_regex(column, r"^'('*[=+\-@\t\r])", r"\1")
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _written_type(type_: pa.DataType) -> pa.DataType:
    """The type that Arrow writes and reads by itself without loss, text for all others."""
    plain = (
        pt.is_integer(type_)
        or pt.is_boolean(type_)
        or type_ in (pa.float32(), pa.float64())
        or pt.is_date32(type_)
    )
    return type_ if plain else pa.string()


def _escape(values: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(values, rf"({_FORMULA})", r"'\1")
