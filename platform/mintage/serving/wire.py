"""Rows as bytes: an Arrow IPC stream or JSON lines, batch by batch."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Protocol

import polars as pl
import pyarrow as pa

from mintage.contracts import with_mark
from mintage.errors import ConditionError

ARROW = "application/vnd.apache.arrow.stream"
JSON_LINES = "application/x-ndjson"
_FORMS = (JSON_LINES, ARROW)
"""What is sent, in the order in which it is preferred by who takes anything."""


class Encoder(Protocol):
    """Turns batches of one schema into bytes."""

    def batch(self, batch: pa.RecordBatch) -> bytes:
        """The bytes of a batch, with what comes before it."""
        ...

    def end(self) -> bytes:
        """What comes behind the last batch."""
        ...


class ArrowEncoder:
    """An Arrow IPC stream whose schema carries a mark."""

    def __init__(self, schema: pa.Schema, mark: Mapping[str, str]) -> None:
        self._schema = with_mark(schema, mark)
        self._sink = _Sink()
        self._writer = pa.ipc.new_stream(self._sink, self._schema)

    def batch(self, batch: pa.RecordBatch) -> bytes:
        """The schema first, then the batch."""
        self._writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=self._schema))
        return self._sink.take()

    def end(self) -> bytes:
        """The mark of the stream's end, and the schema if there was no row."""
        self._writer.close()
        return self._sink.take()


class JsonEncoder:
    """One JSON object for each row: dates and times as ISO 8601 text, what is not a number as null."""

    def __init__(self, schema: pa.Schema, mark: Mapping[str, str]) -> None:
        del mark
        self._as_text = [field.name for field in schema if pa.types.is_decimal(field.type)]
        if binary := [field.name for field in schema if _is_bytes(field.type)]:
            raise ConditionError(
                f"column {binary[0]!r} holds bytes, which JSON cannot carry",
                f"ask for Accept: {ARROW}, or name other columns",
            )

    def batch(self, batch: pa.RecordBatch) -> bytes:
        """The lines of a batch."""
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        frame = frame.with_columns(
            pl.selectors.float().fill_nan(None),
            pl.selectors.datetime().dt.to_string("iso:strict"),
            *(pl.col(name).cast(pl.String) for name in self._as_text),
        )
        lines = io.BytesIO()
        frame.write_ndjson(lines)
        return lines.getvalue()

    def end(self) -> bytes:
        """Nothing."""
        return b""


ENCODERS: Mapping[str, Callable[[pa.Schema, Mapping[str, str]], Encoder]] = {
    ARROW: ArrowEncoder,
    JSON_LINES: JsonEncoder,
}


def choose_form(accept: str) -> str | None:
    """The media type to answer with, by an Accept header; None when no one that is known is accepted.

    >>> choose_form("*/*"), choose_form("application/vnd.apache.arrow.stream, */*;q=0.1") == ARROW
    ('application/x-ndjson', True)
    >>> choose_form("text/html")
    """
    ranges = [_range(part) for part in accept.split(",")] if accept.strip() else [("*/*", 1.0)]
    quality = {form: _quality(form, ranges) for form in _FORMS}
    best = max(_FORMS, key=lambda form: quality[form])
    return best if quality[best] > 0 else None


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0


def _quality(form: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of the narrowest range that covers a media type."""
    for known in (form, f"{form.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in ranges if name == known]
        if found:
            return found[0]
    return 0.0


def _is_bytes(type_: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_kind(type_) for is_kind in kinds)


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type]  # a buffer, as io says
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
