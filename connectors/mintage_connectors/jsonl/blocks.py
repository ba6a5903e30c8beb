"""JSON lines in blocks of whole lines, each of which is parsed by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.json as arrow_json
import pyarrow.types as pt

from mintage_connectors.text.stream import native_stream

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some whole lines of a file; the first one is line `first_line`, counted from 1."""

    data: bytes
    first_line: int

    def line_of(self, row: int) -> int:
        """The line on which a row of this block stands; empty lines are no rows. For messages."""
        lines = [
            number for number, line in enumerate(self.data.split(b"\n"), self.first_line) if line.strip()
        ]
        return lines[min(row, len(lines) - 1)]

    def first_names(self) -> list[str]:
        """The names in the first row, in their order; the block must have been parsed before."""
        first = self.data.lstrip().partition(b"\n")[0]
        try:
            return list(json.loads(first))
        except ValueError:
            # An object over several lines, which the parser takes as well: then its order is the parser's.
            return []


def line_blocks(chunks: Iterator[bytes], block_bytes: int = _BLOCK) -> Iterator[Block]:
    """Whole lines, about `block_bytes` at a time; the last line may lack its line break."""
    parts: list[bytes] = []
    held, line = 0, 1
    for chunk in chunks:
        parts.append(chunk)
        held += len(chunk)
        if held < block_bytes or b"\n" not in chunk:
            continue
        whole, mark, rest = b"".join(parts).rpartition(b"\n")
        if whole.strip():
            yield Block(data=whole + mark, first_line=line)
        line += whole.count(b"\n") + 1
        parts, held = [rest], len(rest)
    if (last := b"".join(parts)).strip():
        yield Block(data=last, first_line=line)


def parse(data: bytes, schema: pa.Schema, unexpected: Literal["ignore", "error", "infer"]) -> pa.RecordBatch:
    """The rows of a block; columns that `schema` names have its types. Raises `pyarrow.ArrowInvalid`."""
    table = arrow_json.read_json(
        native_stream(data),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=max(len(data), 1)),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
    ).combine_chunks()
    return pa.RecordBatch.from_arrays(
        [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns],
        schema=table.schema,
    )


def carrier(type_: pa.DataType) -> pa.DataType:
    """The type as which JSON carries a value: numbers and booleans as such, all else as text."""
    if pt.is_duration(type_):
        return pa.int64()
    native = pt.is_integer(type_) or pt.is_boolean(type_) or type_ in (pa.float32(), pa.float64())
    return type_ if native else pa.string()
