"""Judging a column of values with one rule, as a shard does."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from mintage.contracts import DatasetSchema, Operator, Source, TableSchema
from mintage.operators.validation import BatchValidator, BoundRule, check_rules

Breaks = Callable[..., list[bool]]


@pytest.fixture
def breaks() -> Breaks:
    """Which rows of a batch break a rule, by checking, preparing and running it."""

    def judge(operator: Operator, *batches: pa.RecordBatch, source: Source | None = None) -> list[bool]:
        table = TableSchema.of("data", batches[0].schema)
        schema = DatasetSchema.flat(table)
        check_rules(schema, [(operator, "data")])
        rule = BoundRule(table="data", operator=operator, prepared=operator.prepare(source, table))
        validator = BatchValidator(schema, [rule])
        found: list[bool] = []
        for batch in batches:
            numbered = batch.append_column("row", pa.array(range(batch.num_rows), pa.int64()))
            kept = set(validator.validate({"data": numbered})["data"].accepted["row"].to_pylist())
            found += [row not in kept for row in range(batch.num_rows)]
        return found

    return judge
