"""Drawing rows from a model, with the checks without which nothing else can be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from mintage.contracts import DatasetSchema, Model, SampleRequest, TableBatch
from mintage.testing._tables import Rows
from mintage.testing.errors import require

_CHECK = "meets_its_schema"


def draw(model: Model, request: SampleRequest) -> Rows:
    """All rows that the request yields, by table."""
    return gather(model.schema, model.sample(request))


def draw_interleaved(model: Model, requests: Sequence[SampleRequest]) -> list[Rows]:
    """The rows of each request, with all of them under way at once: a batch of each in turn."""
    waiting = dict(enumerate(model.sample(request) for request in requests))
    batches: list[list[TableBatch]] = [[] for _ in requests]
    while waiting:
        for index, iterator in list(waiting.items()):
            step = next(iterator, None)
            if step is None:
                del waiting[index]
            else:
                batches[index].append(step)
    return [gather(model.schema, iter(found)) for found in batches]


def gather(schema: DatasetSchema, batches: Iterator[TableBatch]) -> Rows:
    """The batches as one table each; fails for tables that the schema does not have, or has otherwise."""
    found: dict[str, list[pa.RecordBatch]] = {name: [] for name in schema.names}
    for name, batch in batches:
        require(name in found, _CHECK, f"a batch of the table {name!r}, but the schema has {schema.names}")
        require_schema(schema, name, batch)
        found[name].append(batch)
    return {name: pa.Table.from_batches(found[name], schema.table(name).arrow()) for name in schema.names}


def require_schema(schema: DatasetSchema, name: str, batch: pa.RecordBatch) -> None:
    """Fail unless the batch has exactly its table's Arrow schema: order, types, nullability, no metadata."""
    expected = schema.table(name).arrow()
    require(
        batch.schema.equals(expected, check_metadata=True),
        _CHECK,
        f"a batch of table {name!r} has\n{batch.schema}\nbut the schema says\n{expected}",
    )
