"""Partitions in the names of folders, as Hive, Spark and Polars write them: `year=2013/month=1/x.parquet`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import parse_type
from mintage.errors import SourceError
from mintage_connectors.text.inference import Inference
from mintage_connectors.text.values import decode

if TYPE_CHECKING:
    from mintage_connectors.files.location import SourceFile

Partitions = tuple[tuple[str, str | None], ...]
"""Column and value of each folder on the way to a file, outermost first; None is a null."""

_NULL = "__HIVE_DEFAULT_PARTITION__"


def partitions_of(path: str) -> Partitions:
    """The partitions in a relative path.

    >>> partitions_of("year=2013/city=New%20York/x.parquet")
    (('year', '2013'), ('city', 'New York'))
    """
    folders = [folder.partition("=") for folder in path.split("/")[:-1] if "=" in folder.strip("=")]
    return tuple((unquote(name), None if value == _NULL else unquote(value)) for name, _, value in folders)


def partition_schema(files: Sequence[SourceFile], types: Mapping[str, str]) -> pa.Schema:
    """The partition columns of a table, typed over the values of all files; empty when there are none.

    Raises `SourceError` when a file is partitioned by other columns than the first one is.
    """
    names = [name for name, _ in files[0].partitions]
    for file in files:
        if (found := [name for name, _ in file.partitions]) != names:
            raise SourceError(
                f"{file.uri} is partitioned by {found or 'nothing'}, {files[0].uri} by {names or 'nothing'}",
                "use the same folders for all files, or set partitions: none",
            )
    if unknown := sorted(set(types) - set(names)):
        raise SourceError(
            f"partition_types names {unknown[0]!r}, by which {files[0].uri} is not partitioned",
            f"partition columns: {', '.join(names) or 'none'}",
        )
    return pa.schema([pa.field(name, _type_of(files, at, types.get(name))) for at, name in enumerate(names)])


def partition_columns(file: SourceFile, schema: pa.Schema, rows: int) -> dict[str, pa.Array]:
    """The partition columns of `rows` rows of a file. Raises `SourceError` for a value of another type."""
    columns = {}
    for (name, value), field in zip(file.partitions, schema, strict=True):
        try:
            scalar = decode(pa.array([value], pa.string()), field.type)[0]
        except pa.ArrowInvalid as exc:
            raise SourceError(
                f"{file.uri}: the partition {name}={value} is no {field.type}",
                f"set partition_types: {{{name}: string}}",
            ) from exc
        columns[name] = pa.repeat(scalar, rows)
    return columns


def _type_of(files: Sequence[SourceFile], at: int, named: str | None) -> pa.DataType:
    if named:
        return parse_type(named)
    values = pa.array([file.partitions[at][1] for file in files], pa.string())
    # A folder `month=01` holds the month 1: in names of folders, zeros pad numbers so that they sort.
    padded = pc.replace_substring_regex(values, r"^0+([0-9]+)$", r"\1")
    inference = Inference()
    inference.update(padded)
    return inference.type
