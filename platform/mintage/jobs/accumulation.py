"""Several tables of the same columns, read as one: real rows beside synthetic ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mintage.contracts import SCAN_ROWS, TableReader, type_name
from mintage.errors import SpecError
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of

_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class AccumulatedReader(TableReader):
    """The rows of several readers, one after the other, in the columns of the first."""

    readers: tuple[TableReader, ...]
    digests: tuple[str, ...]
    """Of each reader, which were taken when it was opened."""

    def __post_init__(self) -> None:
        for index, reader in enumerate(self.readers[1:]):
            if differences := _differences(self.readers[0].schema, reader.schema):
                more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
                raise SpecError(
                    f"source.accumulate[{index}]: its columns are not those of the source: "
                    f"{'; '.join(differences[:_SHOWN])}{more}",
                    "accumulate tables of the same columns, of the same types",
                )

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch: a column may be null that may be in any of the tables."""
        others = [reader.schema for reader in self.readers[1:]]
        fields = [
            field.with_nullable(field.nullable or any(other.field(field.name).nullable for other in others))
            for field in self.readers[0].schema
        ]
        return pa.schema(fields)

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all tables in their order, at most `batch_rows` at a time."""
        whole = self.schema
        names = whole.names if columns is None else list(columns)
        for reader in self.readers:
            for batch in reader.scan(names, batch_rows):
                fields = [whole.field(name) for name in names]
                arrays = [
                    array if array.type == field.type else array.cast(field.type)
                    for array, field in zip(batch.columns, fields, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def digest(self) -> str:
        """`sha256:<hex>` of the digests of all tables, in their order."""
        return digest_of(canonical_json({"format": "mintage-accumulated/1", "tables": list(self.digests)}))

    def marks(self) -> tuple[Mapping[str, str], ...]:
        """What any of the tables says of its own origin."""
        return tuple(mark for reader in self.readers for mark in reader.marks())


def _plain(type_: pa.DataType) -> pa.DataType:
    """The type with short offsets: how long they are says nothing of the values."""
    return {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}.get(type_, type_)


def _differences(first: pa.Schema, other: pa.Schema) -> list[str]:
    """What must change in `other` for it to have the columns of `first`, whatever their order."""
    types = {field.name: _plain(field.type) for field in first}
    found = {field.name: _plain(field.type) for field in other}
    lacking = [f"it lacks {name} ({type_name(type_)})" for name, type_ in types.items() if name not in found]
    more = [f"it adds {name} ({type_name(type_)})" for name, type_ in found.items() if name not in types]
    changed = [
        f"{name} is {type_name(found[name])}, not {type_name(type_)}"
        for name, type_ in types.items()
        if name in found and found[name] != type_
    ]
    return [*lacking, *more, *changed]
