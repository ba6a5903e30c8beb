"""What a data set looks like: tables, their Arrow columns, and what the columns mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import pyarrow as pa

from mintage.contracts.arrow_types import parse_type, type_name
from mintage.errors import SpecError


class Semantics(StrEnum):
    """What a column means, beyond how it is stored."""

    NUMERIC = "numeric"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    KEY = "key"
    BINARY = "binary"

    @classmethod
    def of(cls, type_: pa.DataType) -> Semantics:
        """The meaning that a type suggests when nothing else is said."""
        if pa.types.is_boolean(type_):
            return cls.BOOLEAN
        if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
            return cls.NUMERIC
        if pa.types.is_temporal(type_):
            return cls.DATETIME
        if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_dictionary(type_):
            return cls.CATEGORY
        return cls.BINARY


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSchema:
    """One column: its name, Arrow type, meaning, and whether it may be null."""

    name: str
    type: pa.DataType
    semantics: Semantics
    nullable: bool = True

    @classmethod
    def of(cls, field: pa.Field) -> Self:
        """The column that an Arrow field describes."""
        return cls(
            name=field.name, type=field.type, semantics=Semantics.of(field.type), nullable=field.nullable
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """Columns of this table that name a row of another (or of the same) table."""

    columns: tuple[str, ...]
    table: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """One named table: columns in order, primary key, foreign keys."""

    name: str
    columns: tuple[ColumnSchema, ...]
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        twice = (
            sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        )
        if twice:
            raise SpecError(
                f"table {self.name!r} has columns of the same name: {twice[:5]}", "rename one of each pair"
            )
        known = set(names)
        used = [*self.primary_key, *(name for key in self.foreign_keys for name in key.columns)]
        if missing := [name for name in used if name not in known]:
            raise SpecError(
                f"table {self.name!r} has a key on the unknown column {missing[0]!r}",
                f"known columns: {', '.join(names[:20])}",
            )

    @classmethod
    def of(cls, name: str, schema: pa.Schema) -> Self:
        """The table that an Arrow schema describes, without keys."""
        return cls(name=name, columns=tuple(ColumnSchema.of(field) for field in schema))

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> ColumnSchema:
        """The column called `name`; raises `SpecError` that lists the known ones."""
        for column in self.columns:
            if column.name == name:
                return column
        raise SpecError(
            f"table {self.name!r} has no column {name!r}", f"known columns: {', '.join(self.names[:20])}"
        )

    def arrow(self) -> pa.Schema:
        """The Arrow schema of a batch of this table."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    def to_json(self) -> dict[str, object]:
        """The table as plain JSON values."""
        return {
            "name": self.name,
            "columns": [
                {
                    "name": c.name,
                    "type": type_name(c.type),
                    "semantics": c.semantics.value,
                    "nullable": c.nullable,
                }
                for c in self.columns
            ],
            "primary_key": list(self.primary_key),
            "foreign_keys": [
                {"columns": list(k.columns), "table": k.table, "references": list(k.references)}
                for k in self.foreign_keys
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSchema:
    """One or more tables; shards are cut along `root`.

    Tables stand in an order in which a table comes after those it references, so that walking them
    in order meets a parent before its children.
    """

    tables: tuple[TableSchema, ...]
    root: str

    def __post_init__(self) -> None:
        seen: dict[str, TableSchema] = {}
        for table in self.tables:
            if table.name in seen:
                raise SpecError(f"there are two tables called {table.name!r}", "rename one of them")
            seen[table.name] = table
            for key in table.foreign_keys:
                _check_key(key, table.name, seen)
        self.table(self.root)

    @classmethod
    def flat(cls, table: TableSchema) -> Self:
        """A data set of a single table."""
        return cls(tables=(table,), root=table.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The table names, in order."""
        return tuple(table.name for table in self.tables)

    @property
    def root_table(self) -> TableSchema:
        """The table along which shards are cut."""
        return self.table(self.root)

    def table(self, name: str) -> TableSchema:
        """The table called `name`; raises `SpecError` that lists the known ones."""
        for table in self.tables:
            if table.name == name:
                return table
        raise SpecError(f"there is no table {name!r}", f"known tables: {', '.join(self.names)}")

    def to_json(self) -> dict[str, object]:
        """The schema as plain JSON values; `from_json` reads it back."""
        return {"root": self.root, "tables": [table.to_json() for table in self.tables]}

    @classmethod
    def from_json(cls, value: dict[str, object]) -> Self:
        """The schema that `to_json` wrote. Raises `SpecError` for anything else."""
        try:
            tables = value["tables"]
            assert isinstance(tables, list)
            return cls(root=str(value["root"]), tables=tuple(_table_from_json(table) for table in tables))
        except (KeyError, TypeError, ValueError, AssertionError) as exc:
            raise SpecError(f"this is no schema of a data set: {exc!r}", "restore it from a copy") from exc


def _check_key(key: ForeignKey, table: str, earlier: dict[str, TableSchema]) -> None:
    """Raise `SpecError` unless a key refers to columns of the same or an earlier table."""
    if key.table not in earlier:
        raise SpecError(
            f"table {table!r} has a key into {key.table!r}, which does not stand before it",
            f"tables before it: {', '.join(name for name in earlier if name != table) or 'none'}",
        )
    if len(key.columns) != len(key.references):
        raise SpecError(
            f"table {table!r} has a key of {len(key.columns)} columns on {len(key.references)}", "pair them"
        )
    for column in key.references:
        earlier[key.table].column(column)


def _table_from_json(value: dict[str, object]) -> TableSchema:
    columns, keys = value["columns"], value["foreign_keys"]
    assert isinstance(columns, list)
    assert isinstance(keys, list)
    return TableSchema(
        name=str(value["name"]),
        columns=tuple(
            ColumnSchema(
                name=c["name"],
                type=parse_type(c["type"]),
                semantics=Semantics(c["semantics"]),
                nullable=c["nullable"],
            )
            for c in columns
        ),
        primary_key=tuple(value["primary_key"]),  # type: ignore[arg-type]  # JSON list of strings
        foreign_keys=tuple(
            ForeignKey(columns=tuple(k["columns"]), table=k["table"], references=tuple(k["references"]))
            for k in keys
        ),
    )
