"""A served model as the API describes it."""

from __future__ import annotations

from collections.abc import Sequence

from mintage.contracts import TableSchema, type_name
from mintage.serving.answers import (
    ColumnAnswer,
    ConditionsAnswer,
    ModelAnswer,
    ProvenanceAnswer,
    TableAnswer,
)
from mintage.serving.models import ServedModel


def describe(served: ServedModel, rows: int) -> ModelAnswer:
    """What whoever asks for rows has to know; where the data set lies is not told."""
    plan, allowed = served.plan, served.spec.columns
    tables = served.stored.tables if allowed is None else (served.stored.root_table,)
    return ModelAnswer(
        name=served.name,
        digest=plan.model.digest,
        generator=plan.model.generator.name,
        determinism=plan.model.determinism,
        root=plan.schema.root,
        tables=[_table(table, allowed) for table in tables],
        rules=[rule.reason for rule in served.rules],
        conditions=ConditionsAnswer(values=served.takes_values, ranges=served.takes_ranges),
        rows=rows,
        provenance=ProvenanceAnswer(
            dataset=served.dataset,
            version=served.pin.version,
            statement=served.pin.statement,
            root=served.root,
            run_id=plan.run_id,
            signers=list(served.signers),
            privacy=dict(served.privacy),
        ),
    )


def _table(table: TableSchema, allowed: Sequence[str] | None) -> TableAnswer:
    columns = [
        ColumnAnswer(
            name=column.name,
            type=type_name(column.type),
            semantics=column.semantics.value,
            nullable=column.nullable,
        )
        for column in table.columns
        if allowed is None or column.name in allowed
    ]
    return TableAnswer(name=table.name, columns=columns)
