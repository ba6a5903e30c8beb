"""Reading one CSV file: a first pass over all of it finds the types, further passes convert to them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.types as pt

from mintage.errors import SourceError
from mintage_connectors.csv.blocks import Block, Dialect, record_blocks, split_header
from mintage_connectors.csv.config import CsvConfig
from mintage_connectors.files.location import SourceFile
from mintage_connectors.files.reader import FileFormat
from mintage_connectors.files.reading import reading
from mintage_connectors.files.schemas import check_names
from mintage_connectors.text.inference import FALSE, TRUE, Inference, Kind, join_kinds
from mintage_connectors.text.stream import TextLimits, checked_text
from mintage_connectors.text.values import decode, first_that_fails

_KIND, _QUOTED = b"kind", b"quoted"
_NATIVE_FLOATS = (pa.float32(), pa.float64())
_CHANGED = "the file may have changed since it was first read; run the job again, or set column_types"


class CsvFormat(FileFormat):
    """CSV as RFC 4180 describes it, with the delimiter, quote and encoding of the config."""

    name: ClassVar[str] = "CSV"
    unknown: ClassVar[pa.DataType] = pa.string()

    def __init__(self, config: CsvConfig) -> None:
        self._config = config
        self._types = config.types()
        self._nulls = pa.array(config.nulls, pa.string())

    def inspect(self, file: SourceFile) -> pa.Schema:
        """Read the file once, as text, and find the type of each column over all its rows."""
        rows = _Rows(file, self._config)
        self._check_types(file, rows.names)
        found = {name: Inference(self._nulls) for name in rows.names}
        for block, batch in rows.scan({}):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if name in self._types:
                    self._check_values(block, name, column, batch.num_columns)
                found[name].update(column)
        return pa.schema([self._field(name, inference) for name, inference in found.items()])

    def scan(
        self, file: SourceFile, inspected: pa.Schema, wanted: pa.Schema, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Convert the wanted columns to their types while reading."""
        del batch_rows
        native = {one.name: _native(one.type, _has_quoted_nulls(inspected.field(one.name))) for one in wanted}
        for _, batch in _Rows(file, self._config).scan(native, wanted.names):
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

    def _check_types(self, file: SourceFile, names: Sequence[str]) -> None:
        if unknown := sorted(set(self._types) - set(names)):
            raise SourceError(
                f"column_types names {unknown[0]!r}, which {file.uri} does not have",
                f"columns: {', '.join(names[:20])}",
            )

    def _check_values(self, block: Block, name: str, column: pa.Array, columns: int) -> None:
        type_ = self._types[name]
        values = column if pt.is_string(type_) else self._without_nulls(column)
        try:
            decode(values, type_)
        except pa.ArrowInvalid as exc:
            at = first_that_fails(values, type_)
            raise SourceError(
                f"{block.place}, line {block.line_of(at, columns):,}: {values[at].as_py()[:100]!r} in the "
                f"column {name!r} is no {type_}",
                f"repair the value, or set another type in column_types (this one is set to {type_})",
            ) from exc

    def _decode(self, column: pa.Array, type_: pa.DataType) -> pa.Array:
        if column.type == type_:
            return column
        return decode(self._without_nulls(column), type_) if pt.is_string(column.type) else column.cast(type_)

    def _without_nulls(self, values: pa.Array) -> pa.Array:
        spelled = pc.is_in(values, self._nulls)
        return pc.if_else(spelled, pa.scalar(None, pa.string()), values)


class _Rows:
    """The rows of one file, block by block."""

    def __init__(self, file: SourceFile, config: CsvConfig) -> None:
        self._config = config
        limits = TextLimits(
            uncompressed_bytes=config.max_uncompressed_bytes, line_bytes=config.max_line_bytes
        )
        self._blocks = record_blocks(
            checked_text(file, config.encoding, limits),
            file.uri,
            Dialect(delimiter=config.delimiter, quote=config.quote),
            config.max_line_bytes,
        )
        first = next(self._blocks)
        self.names, rest = split_header(first)
        if config.header:
            check_names(self.names, file.uri)
        else:
            self.names, rest = [f"column_{number}" for number in range(1, len(self.names) + 1)], first
        self._blocks = itertools.chain([rest] if rest.data else [], self._blocks)

    def scan(
        self, types: Mapping[str, pa.DataType], columns: Sequence[str] = ()
    ) -> Iterator[tuple[Block, pa.RecordBatch]]:
        """Blocks with their rows: these columns (none: all), of the types given, of text where none is."""
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
        for block in self._blocks:
            yield block, block.parse(self.names, convert)


def _field(name: str, kind: Kind, *, quoted: bool = False) -> pa.Field:
    return pa.field(name, kind.type, metadata={_KIND: kind.value.encode(), _QUOTED: b"1" if quoted else b""})


def _has_quoted_nulls(inspected: pa.Field) -> bool:
    return bool(inspected.metadata[_QUOTED])


def _native(type_: pa.DataType, quoted_nulls: bool) -> pa.DataType:
    """The type to which the parser itself converts: text, where it would not do as the first pass did."""
    if quoted_nulls or not (pt.is_integer(type_) or pt.is_boolean(type_) or type_ in _NATIVE_FLOATS):
        return pa.string()
    return type_
