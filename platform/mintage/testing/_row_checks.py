"""The rows of a request: as many as asked for, as the schema says, with keys that hold."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from mintage.contracts import DatasetSchema, ForeignKey, Model, SampleRequest, TableSchema, type_name
from mintage.testing._drawing import draw, require_schema
from mintage.testing.errors import require
from mintage.testing.generator_case import GeneratorCase

_FAR_SHARD = 70_000
"""A shard whose keys do not fit in 32 bits."""


def meets_its_schema(case: GeneratorCase) -> None:
    """Exactly the root rows asked for; every batch is valid, of the schema's types and nullability."""
    schema = case.model.schema
    _check_declared(schema)
    for rows in (1, case.rows, 3 * case.rows + 1):
        counts = dict.fromkeys(schema.names, 0)
        for name, batch in case.model.sample(case.request(rows=rows)):
            require(
                name in counts, "meets_its_schema", f"a batch of {name!r}, but the schema has {schema.names}"
            )
            require_schema(schema, name, batch)
            _check_batch(schema.table(name), batch)
            counts[name] += batch.num_rows
        made = counts[schema.root]
        require(
            made == rows,
            "meets_its_schema",
            f"{rows} rows of {schema.root!r} were asked for, {made} were made",
        )


def keeps_its_keys(case: GeneratorCase) -> None:
    """Parents come first and foreign keys resolve within a request; primary keys never come twice."""
    requests = [
        case.request(),
        case.request(batch=1),
        case.request(shard=1, rows=1),
        case.request(shard=_FAR_SHARD),
    ]
    for request in requests:
        _check_foreign_keys(case.model, request)
    drawn = [draw(case.model, request) for request in requests]
    for table in case.model.schema.tables:
        if table.primary_key:
            _check_primary_key(table, pa.concat_tables([rows[table.name] for rows in drawn]))


def _check_declared(schema: DatasetSchema) -> None:
    check = "meets_its_schema"
    require(
        schema.root in schema.names, check, f"the root {schema.root!r} is none of the tables {schema.names}"
    )
    require(len(set(schema.names)) == len(schema.names), check, f"tables of the same name: {schema.names}")
    earlier: set[str] = set()
    for table in schema.tables:
        earlier.add(table.name)
        for column in table.columns:
            type_name(column.type)
        for key in table.foreign_keys:
            place = f"a foreign key of {table.name!r}"
            require(
                key.table in earlier, check, f"{place} references {key.table!r}, which must stand before it"
            )
            known = schema.table(key.table).names
            require(
                set(key.references) <= set(known),
                check,
                f"{place} references {key.references}, not in {known}",
            )
            require(
                len(key.columns) == len(key.references),
                check,
                f"{place} has {key.columns} for {key.references}",
            )
    require(
        DatasetSchema.from_json(schema.to_json()).names == schema.names,
        check,
        "the schema does not survive JSON",
    )


def _check_batch(table: TableSchema, batch: pa.RecordBatch) -> None:
    # Only a full validation finds offsets and codes that point outside their buffers.
    batch.validate(full=True)
    for column in table.columns:
        nulls = batch.column(column.name).null_count
        require(
            column.nullable or not nulls,
            "meets_its_schema",
            f"{table.name}.{column.name} is not nullable, but {nulls} of {batch.num_rows} values are null",
        )


def _check_foreign_keys(model: Model, request: SampleRequest) -> None:
    seen: dict[str, list[pa.RecordBatch]] = {name: [] for name in model.schema.names}
    for name, batch in model.sample(request):
        require_schema(model.schema, name, batch)
        # Added first, because a row may reference another one of its own batch.
        seen[name].append(batch)
        for key in model.schema.table(name).foreign_keys:
            _check_resolves(name, key, batch, seen)


def _check_resolves(
    name: str, key: ForeignKey, batch: pa.RecordBatch, seen: Mapping[str, list[pa.RecordBatch]]
) -> None:
    children = _columns(pa.Table.from_batches([batch]), key.columns).drop_nulls()
    parents = seen[key.table]
    if parents and children.height:
        referenced = _columns(pa.Table.from_batches(parents), key.references)
        children = children.join(
            referenced, left_on=list(key.columns), right_on=list(key.references), how="anti"
        )
    require(
        children.is_empty(),
        "keeps_its_keys",
        f"{name}.{key.columns} references rows of {key.table!r} that did not come before it: "
        f"{children.head(3).rows()}",
    )


def _check_primary_key(table: TableSchema, rows: pa.Table) -> None:
    keys = _columns(rows, table.primary_key)
    nulls = sum(keys.null_count().row(0))
    require(
        nulls == 0,
        "keeps_its_keys",
        f"the primary key {table.primary_key} of {table.name!r} is null in {nulls}",
    )
    twice = keys.filter(keys.is_duplicated())
    require(
        twice.is_empty(),
        "keeps_its_keys",
        f"the primary key {table.primary_key} of {table.name!r} is there more than once across batches "
        f"and shards: {twice.unique(maintain_order=True).head(3).rows()}",
    )


def _columns(table: pa.Table, names: tuple[str, ...]) -> pl.DataFrame:
    frame = pl.from_arrow(table.select(list(names)))
    assert isinstance(frame, pl.DataFrame)
    return frame
