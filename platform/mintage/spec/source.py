"""What a job learns from: one table, or several with keys between them."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from mintage.contracts import Semantics
from mintage.spec._base import Kind, Name, Options, SpecModel, Uri
from mintage.spec._problems import nearest, problem

IN_MEMORY = "frame"
"""The connector kind of tables that are handed over in Python and so have no uri."""


MAX_FURTHER = 100
"""Tables that one source may accumulate."""


class ForeignKeySpec(SpecModel):
    """Columns of this table that name a row of another, or of the same, table."""

    columns: tuple[Name, ...] = Field(min_length=1, description="Columns of this table, in the key's order.")
    table: Name = Field(description="The table that is referenced.")
    references: tuple[Name, ...] = Field(
        default=(), description="Columns of the referenced table; its primary key when not given."
    )


class _Located(SpecModel):
    """Where rows lie, and how they are read."""

    uri: Uri | None = Field(
        default=None,
        description="Path or URI of a file, or of a folder of files, without credentials. Left out "
        f"only with kind `{IN_MEMORY}`, for tables that are handed over in Python.",
    )
    kind: Kind | None = Field(
        default=None,
        description="Connector that reads it, such as parquet or csv; by the suffix of the uri when"
        " not given.",
    )
    options: Options = Field(
        default_factory=dict, description="Options of the connector, see its documentation."
    )
    storage: Options = Field(
        default_factory=dict,
        description="Options of the store, such as endpoint_url; never credentials, and no part of "
        "the run's identity.",
    )
    attestation: Uri | None = Field(
        default=None,
        description="File that says who declared the table to be real, see `mintage attest`; by default "
        "what lies beside the table, or in its folder.",
    )


class FurtherSpec(_Located):
    """Further rows of a table; a plain text stands for `{uri: text}`."""

    @model_validator(mode="after")
    def _has_place(self) -> Self:
        if self.uri is None:
            raise problem("is missing", path="uri", todo="name a file, a folder or a data set")
        _check_place(self)
        return self


class _Readable(_Located):
    """How one table is read, and what its columns mean."""

    columns: dict[Name, Semantics] = Field(
        default_factory=dict,
        description="What columns mean, where it is not what their type suggests: numeric, "
        "category, boolean, datetime, text, key or binary.",
    )
    primary_key: tuple[Name, ...] = Field(default=(), description="Columns that name a row of this table.")


class TableSpec(_Readable):
    """One of several tables; a plain text stands for `{uri: text}`."""

    foreign_keys: tuple[ForeignKeySpec, ...] = Field(
        default=(), description="Keys of this table into other tables."
    )

    @model_validator(mode="after")
    def _has_place(self) -> Self:
        _check_place(self)
        return self


def _from_text(value: object) -> object:
    return {"uri": value} if isinstance(value, str) else value


class SourceSpec(_Readable):
    """What is learned from: one table (`uri`), or several (`tables`), never both."""

    tables: dict[
        Name, Annotated[TableSpec, BeforeValidator(_from_text, json_schema_input_type=str | TableSpec)]
    ] = Field(
        default_factory=dict,
        description="The tables by name, each a mapping as for one table, or its uri alone.",
    )
    accumulate: tuple[
        Annotated[FurtherSpec, BeforeValidator(_from_text, json_schema_input_type=str | FurtherSpec)], ...
    ] = Field(
        default=(),
        max_length=MAX_FURTHER,
        description="Further tables of the same columns, whose rows are learned from after those of `uri`: "
        "real rows beside synthetic ones. Each a mapping with uri, kind, options, storage and attestation, "
        "or its uri alone.",
    )
    root: Name | None = Field(
        default=None,
        description="With several tables: the one whose rows are counted by `rows`; by default the "
        "only one that references no other.",
    )

    @model_validator(mode="after")
    def _is_one_or_several(self) -> Self:
        if not self.tables:
            if self.root is not None:
                raise problem("has no meaning without tables", path="root", value=self.root, todo="remove it")
            _check_place(self)
            return self
        flat = sorted({"accumulate", *_Readable.model_fields} & self.model_fields_set)
        if flat:
            raise problem(
                f"{', '.join(flat)} cannot stand beside tables",
                todo="move it into the table that it describes",
            )
        _check_keys(self.tables)
        _check_root(self)
        return self

    @property
    def root_table(self) -> str | None:
        """The name of the root table; None for a single table, which is called like the job."""
        return self.root or (_roots(self.tables)[0] if self.tables else None)


def _check_place(table: _Located) -> None:
    if table.uri is None and table.kind != IN_MEMORY:
        raise problem(
            "is missing",
            path="uri",
            todo=f"name a file or folder; tables handed over in Python have kind: {IN_MEMORY} and no uri",
        )
    if table.uri is not None and table.kind == IN_MEMORY:
        raise problem(
            f"cannot stand beside kind {IN_MEMORY}",
            path="uri",
            value=table.uri,
            todo="remove the uri or the kind",
        )


def _check_keys(tables: Mapping[str, TableSpec]) -> None:
    for name, table in tables.items():
        for index, key in enumerate(table.foreign_keys):
            path = f"tables.{name}.foreign_keys[{index}]"
            if key.table not in tables:
                raise problem(
                    "is not a table of this source",
                    path=f"{path}.table",
                    value=key.table,
                    todo=nearest(key.table, tables),
                )
            _check_references(key, tables[key.table], path)


def _check_references(key: ForeignKeySpec, parent: TableSpec, path: str) -> None:
    references = key.references or parent.primary_key
    if not references:
        raise problem(
            f"is missing, and table {key.table!r} has no primary_key",
            path=f"{path}.references",
            todo=f"give references here, or a primary_key to table {key.table!r}",
        )
    if len(references) != len(key.columns):
        raise problem(
            f"must have as many columns as columns ({len(key.columns)})",
            path=f"{path}.references",
            value=references,
            todo=f"columns are {list(key.columns)}, they reference {list(references)}",
        )


def _check_root(source: SourceSpec) -> None:
    tables = source.tables
    if source.root is not None and source.root not in tables:
        raise problem(
            "is not a table of this source", path="root", value=source.root, todo=nearest(source.root, tables)
        )
    try:
        TopologicalSorter(_parents(tables)).prepare()
    except CycleError as exc:
        circle = " -> ".join(reversed(exc.args[1]))
        raise problem(
            f"foreign keys go in a circle: {circle}", path="tables", todo="remove one of these foreign_keys"
        ) from exc
    if source.root is None and len(roots := _roots(tables)) > 1:
        raise problem(
            f"is missing, and {len(roots)} tables reference no other: {', '.join(roots[:10])}",
            path="root",
            todo="name the table whose rows are counted by `rows`",
        )


def _parents(tables: Mapping[str, TableSpec]) -> dict[str, set[str]]:
    """The tables that each table references; a table may reference itself."""
    return {name: {key.table for key in table.foreign_keys} - {name} for name, table in tables.items()}


def _roots(tables: Mapping[str, TableSpec]) -> list[str]:
    return [name for name, parents in _parents(tables).items() if not parents]
