"""Reading JSON lines: a first pass over all of a file finds the types, further passes convert to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mintage.errors import SourceError
from mintage_connectors.files.location import SourceFile
from mintage_connectors.files.reader import FileFormat
from mintage_connectors.files.reading import reading, shorten
from mintage_connectors.jsonl.blocks import Block, carrier, line_blocks, parse
from mintage_connectors.jsonl.config import JsonlConfig
from mintage_connectors.text.inference import Kind, join_kinds, moment_kind_of
from mintage_connectors.text.stream import TextLimits, checked_text
from mintage_connectors.text.values import decode, first_that_fails

_EXACT = 2**53
_KIND = b"kind"
_LONG_INTEGER = re.compile(rb"[:\s]-?[1-9][0-9]{18,}\s*[,}]")
_NUMBERS = (Kind.INTEGER, Kind.LONG, Kind.FLOAT)
_FIX = "write one flat JSON object on each line, with values of one type under each name"
_CHANGED = "the file may have changed since it was first read; run the job again"


class JsonlFormat(FileFormat):
    """One flat JSON object on each line; a name that is missing means null."""

    name: ClassVar[str] = "JSON lines"
    unknown: ClassVar[pa.DataType] = pa.string()

    def __init__(self, config: JsonlConfig) -> None:
        self._config = config
        self._types = config.types()

    def inspect(self, file: SourceFile) -> pa.Schema:
        """Read the file once and find the type of each column over all its rows."""
        kinds: dict[str, Kind] = {}
        fixed = {name: carrier(type_) for name, type_ in self._types.items()}
        unseen = list(self._types)
        for block in self._blocks(file):
            table = self._read(file, block, fixed)
            kinds = kinds or dict.fromkeys(block.first_names(), Kind.NOTHING)
            unseen = [name for name in unseen if not _names(block, table, name)]
            for name, column in zip(table.schema.names, table.columns, strict=True):
                if name in self._types:
                    self._check_values(file, block, name, column)
                kinds[name] = self._join_block(file, block, name, column, kinds.get(name, Kind.NOTHING))
        if unseen:
            raise SourceError(
                f"column_types names {unseen[0]!r}, which {file.uri} does not have",
                f"columns: {', '.join(name for name in list(kinds)[:20] if name not in unseen)}",
            )
        return pa.schema([_field(name, kind, self._types.get(name)) for name, kind in kinds.items()])

    def scan(
        self, file: SourceFile, inspected: pa.Schema, wanted: pa.Schema, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Convert the wanted columns to their types while reading."""
        del inspected, batch_rows
        carriers = pa.schema([field.with_type(carrier(field.type)) for field in wanted])
        for block in self._blocks(file):
            with reading(file.uri, _CHANGED):
                batch = parse(block.data, carriers, "ignore")
                columns = [decode_carried(batch.column(field.name), field.type) for field in wanted]
            yield pa.RecordBatch.from_arrays(columns, schema=wanted)

    def join(self, one: pa.Field, other: pa.Field) -> pa.Field | None:
        """Join what two files suggest, where both are numbers, or both text, or one has no values."""
        if one.name in self._types:
            return one
        kind = _join(*(Kind(side.metadata[_KIND].decode()) for side in (one, other)))
        return None if kind is None else _field(one.name, kind)

    def _blocks(self, file: SourceFile) -> Iterator[Block]:
        limits = TextLimits(
            uncompressed_bytes=self._config.max_uncompressed_bytes, line_bytes=self._config.max_line_bytes
        )
        return line_blocks(checked_text(file, "utf-8", limits))

    def _read(self, file: SourceFile, block: Block, fixed: dict[str, pa.DataType]) -> pa.RecordBatch:
        """Parse a block; text that looks like a time is kept as text, and remembered in `fixed`."""
        while True:
            try:
                batch = parse(block.data, pa.schema(fixed.items()), "infer")
            except pa.ArrowInvalid as exc:
                raise _problem(file, block, exc) from exc
            moments = [field.name for field in batch.schema if pt.is_timestamp(field.type)]
            if not moments:
                return batch
            fixed.update(dict.fromkeys(moments, pa.string()))

    def _join_block(self, file: SourceFile, block: Block, name: str, column: pa.Array, before: Kind) -> Kind:
        if name in self._types:
            return Kind.TEXT
        kind = _join(before, found := self._kind_of(file, block, name, column))
        if kind is None:
            at = pc.index(column.is_valid(), True).as_py()
            raise SourceError(
                f"{file.uri}, line {block.line_of(at):,}: the column {name!r} is {found.value} here and "
                f"{before.value} in the lines before",
                _FIX,
            )
        return kind

    def _kind_of(self, file: SourceFile, block: Block, name: str, column: pa.Array) -> Kind:
        type_ = column.type
        if pt.is_nested(type_):
            at = pc.index(column.is_valid(), True).as_py()
            raise SourceError(
                f"{file.uri}, line {block.line_of(max(at, 0)):,}: the column {name!r} holds {type_}, "
                "but rows must be flat",
                "write nested values as columns of their own, such as user_name for {user: {name: …}}",
            )
        if pt.is_string(type_):
            return moment_kind_of(pc.drop_null(pc.unique(column)))
        if pt.is_integer(type_):
            bounds = pc.min_max(column).as_py()
            return Kind.INTEGER if max(-bounds["min"], bounds["max"]) <= _EXACT else Kind.LONG
        if pt.is_floating(type_):
            self._check_digits(file, block, name, column)
            return Kind.FLOAT
        return Kind.BOOLEAN if pt.is_boolean(type_) else Kind.NOTHING

    def _check_digits(self, file: SourceFile, block: Block, name: str, column: pa.Array) -> None:
        """Refuse whole numbers beyond 64 bits, which the parser takes for floats."""
        largest = pc.max(pc.abs(column)).as_py()
        if largest is not None and largest >= 2**63 and (found := _LONG_INTEGER.search(block.data)):
            line = block.first_line + block.data.count(b"\n", 0, found.start())
            raise SourceError(
                f"{file.uri}, line {line:,}: a whole number of more than 64 bits, in the column {name!r} "
                "or beside it",
                f"set column_types: {{{name}: uint64}}, a decimal, or double if the last digits do not count",
            )

    def _check_values(self, file: SourceFile, block: Block, name: str, column: pa.Array) -> None:
        type_ = self._types[name]
        try:
            decode_carried(column, type_)
        except pa.ArrowInvalid as exc:
            at = first_that_fails(column, type_) if pt.is_string(column.type) else 0
            raise SourceError(
                f"{file.uri}, line {block.line_of(at):,}: {str(column[at])[:100]!r} in the column {name!r} "
                f"is no {type_}",
                f"repair the value, or set another type in column_types (this one is set to {type_})",
            ) from exc


def decode_carried(values: pa.Array, type_: pa.DataType) -> pa.Array:
    """Values as the parser reads them, in the type that they stand for."""
    if values.type == type_:
        return values
    return decode(values, type_) if pt.is_string(values.type) else values.cast(type_)


def _join(one: Kind, other: Kind) -> Kind | None:
    """As `join_kinds`, but a number, a boolean and a text do not become text: JSON says which they are."""
    kind = join_kinds(one, other)
    native = [each in (*_NUMBERS, Kind.BOOLEAN) for each in (one, other)]
    return None if kind is Kind.TEXT and any(native) else kind


def _field(name: str, kind: Kind, type_: pa.DataType | None = None) -> pa.Field:
    return pa.field(name, type_ or kind.type, metadata={_KIND: kind.value.encode()})


def _names(block: Block, rows: pa.RecordBatch, name: str) -> bool:
    """Whether a block has a column: the parser adds those that it was told of, with nulls."""
    spellings = (json.dumps(name, ensure_ascii=ascii_only).encode() for ascii_only in (False, True))
    return rows.column(name).null_count < rows.num_rows or any(text in block.data for text in spellings)


def _problem(file: SourceFile, block: Block, exc: pa.ArrowInvalid) -> SourceError:
    text = str(exc)
    row = re.search(r"in row (\d+)", text)
    line = f"line {block.line_of(int(row[1])):,}" if row else f"from line {block.first_line:,} on"
    return SourceError(f"{file.uri}, {line}: {shorten(text.removeprefix('JSON parse error: '))}", _FIX)
