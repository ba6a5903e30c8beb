"""How the tables of two data sets differ, in words."""

from __future__ import annotations

from collections.abc import Iterator

from mintage.contracts import DatasetSchema, TableSchema


def find_schema_changes(old: DatasetSchema, new: DatasetSchema) -> list[str]:
    """What is not the same in both, one change a line; empty when the schemas are equal."""
    changes = list(_changes(old, new))
    if not changes and old.to_json() != new.to_json():
        return ["the relations between the tables differ"]
    return changes


def _changes(old: DatasetSchema, new: DatasetSchema) -> Iterator[str]:
    if old.root != new.root:
        yield f"the root table is {new.root!r}, not {old.root!r}"
    for name in old.names:
        if name not in new.names:
            yield f"there is no table {name!r} any more"
        else:
            yield from _table_changes(old.table(name), new.table(name))
    yield from (f"there is a new table {name!r}" for name in new.names if name not in old.names)


def _table_changes(old: TableSchema, new: TableSchema) -> Iterator[str]:
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    place = f"table {old.name!r}"
    for name, column in before.items():
        if name not in after:
            yield f"{place} has no column {name!r} any more"
        elif after[name] != column:
            parts = ("type", "semantics", "nullable")
            said = [
                f"{part} {getattr(after[name], part)}, not {getattr(column, part)}"
                for part in parts
                if getattr(after[name], part) != getattr(column, part)
            ]
            yield f"{place}, column {name!r}: {', '.join(said) or 'it is described in another way'}"
    yield from (f"{place} has a new column {name!r}" for name in after if name not in before)
    common = [name for name in before if name in after]
    if common != [name for name in after if name in before]:
        yield f"{place} has its columns in another order"
    elif before == after and old != new:
        yield f"{place} has other keys"
