"""Writing and reading back parts in JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from mintage.contracts import PartWriter
from mintage_connectors.csv.writer import check_flat
from mintage_connectors.files.reading import reading
from mintage_connectors.jsonl.blocks import carrier, line_blocks, parse
from mintage_connectors.jsonl.format import decode_carried
from mintage_connectors.text.values import encode

_CHUNK = 1 << 20
_CONTROL = "".join(map(chr, range(0x20)))
_SPACE, _QUOTE, _BACKSLASH = b' "\\'
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


class JsonlWriter(PartWriter):
    """Writes one JSON object for each row, all columns in order, nulls as `null`."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        check_flat(schema, "JSON lines")
        self._stream = stream
        keys = [json.dumps(name, ensure_ascii=False) for name in schema.names]
        self._before = [f"{',' if at else '{'}{key}:" for at, key in enumerate(keys)]

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        if not batch.num_rows:
            return
        pieces: list[pa.Scalar | pa.Array] = []
        for before, column in zip(self._before, batch.columns, strict=True):
            pieces += [pa.scalar(before, pa.large_string()), _tokens(column).cast(pa.large_string())]
        pieces += [pa.scalar("}\n", pa.large_string()), pa.scalar("", pa.large_string())]
        lines = pc.binary_join_element_wise(*pieces)
        _, offsets, data = lines.buffers()
        del offsets
        self._stream.write(memoryview(data))

    def close(self) -> None:
        """Nothing is left to write."""


def scan_jsonl_part(stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows that `JsonlWriter` wrote, as it got them. Raises `SourceError` for what it did not write."""
    carriers = pa.schema([pa.field(field.name, carrier(field.type)) for field in schema])
    with reading("the part", "it is damaged, or was not written with these options"):
        for block in line_blocks(iter(partial(stream.read, _CHUNK), b"")):
            batch = parse(block.data, carriers, "error")
            columns = [decode_carried(batch.column(field.name), field.type) for field in schema]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _tokens(values: pa.Array) -> pa.Array:
    """Each value as JSON text."""
    values = values.dictionary_decode() if pt.is_dictionary(values.type) else values
    if carrier(values.type) == pa.string():
        return pc.fill_null(_quoted(encode(values)), "null")
    text = values.cast(pa.int64() if pt.is_duration(values.type) else values.type).cast(pa.string())
    if pt.is_floating(values.type) and not pc.all(pc.is_finite(values)).as_py():
        for word, token in _NOT_FINITE.items():
            text = pc.if_else(pc.equal(text, word), token, text)
    return pc.fill_null(text, "null")


def _quoted(text: pa.Array) -> pa.Array:
    if _needs_escapes(text):
        for character in "\\" + '"' + _CONTROL:
            text = pc.replace_substring(text, character, json.dumps(character)[1:-1])
    return pc.binary_join_element_wise('"', text, '"', "")


def _needs_escapes(text: pa.Array) -> bool:
    data = text.buffers()[2]
    # All bytes that the array shares are looked at, so a slice may be escaped in vain: that changes nothing.
    codes = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
    return bool(((codes < _SPACE) | (codes == _QUOTE) | (codes == _BACKSLASH)).any())
