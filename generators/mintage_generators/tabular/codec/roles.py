"""What each column of a source is: as the config says, and else as its values look."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from mintage.contracts import ColumnSchema, Semantics, TableSchema
from mintage.errors import SourceError
from mintage_generators.tabular.codec.column import plain
from mintage_generators.tabular.codec.config import CodecConfig, ColumnConfig
from mintage_generators.tabular.codec.keys import looks_like_keys
from mintage_generators.tabular.codec.personal import PersonalKind, can_be, personal_kind
from mintage_generators.tabular.codec.physical import check_type, is_number, is_text, value_type

Role = Literal["learned", "numeric", "category", "key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns that are taken, and what each is; `personal` has those to make up, by index."""

    table: TableSchema
    roles: tuple[Role, ...]
    personal: dict[int, PersonalKind]


def taken_columns(table: TableSchema, config: CodecConfig) -> TableSchema:
    """The table without what is excluded; raises `SourceError` for names and roles that cannot be."""
    said = {
        "exclude": config.exclude,
        "columns": config.columns,
        "personal.columns": config.personal.columns,
        "personal.keep": config.personal.keep,
    }
    for option, names in said.items():
        check_names(option, names, table.names)
    left = tuple(column for column in table.columns if column.name not in set(config.exclude))
    if not left:
        raise SourceError("all columns are excluded", "leave at least one column")
    for column in left:
        check_type(column.name, column.type)
        _check_role(column, config)
    return TableSchema(name=table.name, columns=left)


def check_names(option: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Raise `SourceError` for a name that is no column, with the nearest that are."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            listed = ", ".join(near or known[:20])
            raise SourceError(
                f"{option} names the column {name!r}, which the source does not have",
                f"did you mean {listed}?" if near else f"known columns: {listed}",
            )


def roles_of(table: TableSchema, rows: pa.Table, config: CodecConfig) -> Columns:
    """What each column of `table` is; `rows` has the same columns."""
    roles: list[Role] = []
    personal: dict[int, PersonalKind] = {}
    for i, column in enumerate(table.columns):
        said = config.columns.get(column.name, ColumnConfig()).role
        array = plain(rows.column(i)) if is_text(value_type(column.type)) or _whole(column) else None
        kind = None if said or array is None else _personal(column.name, array, config)
        if kind is PersonalKind.UUID and array is not None and looks_like_keys(column.name, array):
            kind, said = None, "key"
        if kind is not None:
            personal[i] = kind
        elif said is None and array is not None and looks_like_keys(column.name, array):
            said = "key"
        roles.append(said or "learned")
    return Columns(table=table, roles=tuple(roles), personal=personal)


def emitted(table: TableSchema, config: CodecConfig, columns: Columns | None = None) -> TableSchema:
    """What is made of a table: plain types, and what keys and personal columns mean, as far as it is known.

    Keys of narrow integers become 64 bits wide, since the numbers of a large run need them.
    """
    made = []
    for i, column in enumerate(table.columns):
        said = config.columns.get(column.name, ColumnConfig()).role
        role = columns.roles[i] if columns else said
        type_, semantics = value_type(column.type), column.semantics
        if role == "key":
            type_, semantics = key_type(type_), Semantics.KEY
        elif column.name in config.personal.columns or (columns and i in columns.personal):
            semantics = Semantics.TEXT
        made.append(ColumnSchema(name=column.name, type=type_, semantics=semantics, nullable=column.nullable))
    return TableSchema(name=table.name, columns=tuple(made))


def key_type(type_: pa.DataType) -> pa.DataType:
    """The type of keys made for a column of that type."""
    return type_ if is_text(type_) or pa.types.is_uint64(type_) else pa.int64()


def _personal(name: str, array: pa.Array, config: CodecConfig) -> PersonalKind | None:
    personal = config.personal
    if name in personal.columns:
        return personal.columns[name]
    if not personal.detect or name in personal.keep:
        return None
    return personal_kind(name, array, personal.locale)


def _whole(column: ColumnSchema) -> bool:
    return bool(pa.types.is_integer(value_type(column.type)))


def _check_role(column: ColumnSchema, config: CodecConfig) -> None:
    name, type_ = column.name, value_type(column.type)
    role = config.columns.get(name, ColumnConfig()).role
    kind = config.personal.columns.get(name)
    if kind is not None and (role is not None or name in config.personal.keep):
        raise SourceError(
            f"column {name!r} is said to be personal ({kind}) and also something else",
            "name it once, under personal.columns, personal.keep or columns",
        )
    if kind is not None and not can_be(kind, type_):
        raise SourceError(
            f"column {name!r} is of type {type_}, which holds no {kind}",
            "cast it to text in the source, or remove it from personal.columns",
        )
    if role == "numeric" and (not is_number(type_) or pa.types.is_boolean(type_)):
        raise SourceError(
            f"column {name!r} is said to be numeric, but is of type {type_}",
            "cast it to numbers in the source, or say category",
        )
    if role == "key" and not (is_text(type_) or pa.types.is_integer(type_)):
        raise SourceError(
            f"column {name!r} is said to be a key, but is of type {type_}", "keys are text or integers"
        )
