"""Rows of one request: drawn batch by batch from the model, judged by the data set's rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from mintage.contracts import KEYS_PER_SHARD, Quota, SampleRequest, Shard, TableSchema
from mintage.engine.accepting import draw
from mintage.engine.filling import Filling
from mintage.errors import SpecError, StarvationError
from mintage.jobs.planning import check_quotas, quotas_of, wanted_of
from mintage.operators.validation import BatchValidator
from mintage.plan.quotas import plan_quotas
from mintage.serving.models import ServedModel
from mintage.spec import SampleAsk, nearest

BATCH_ROWS = 4096
"""Rows drawn at a time, at most. Part of what a seed means: the randomness is keyed by the batch."""

SHARD = 2**31 - 1
"""The number of the shard that a request stands for: none that a data set will ever have. So rows that
are served share neither their randomness nor their keys with those of the data set, whatever their seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a request comes to for the model that it asks: checked, and a pure function of its fields."""

    rows: int
    seed: int
    quotas: tuple[Quota, ...]
    validate: bool
    table: str
    columns: tuple[str, ...]
    """Columns that are sent, in order."""


def plan_drawing(served: ServedModel, ask: SampleAsk, seed: int) -> Drawing:
    """Check a request against a model.

    Raises `SpecError` for columns and tables that there are not, `ConditionError` for conditions that the
    model cannot meet.
    """
    tables = served.stored if ask.validate_rows else served.plan.schema
    table = _table(served, tables.tables, ask.table)
    asked = {*ask.where, *(name for condition in ask.conditions for name in condition.values)}
    if ask.balance is not None:
        asked.add(ask.balance.column)
    _check_known(asked, _open_columns(served, served.plan.schema.root_table), "conditions")
    open_columns = _open_columns(served, table)
    _check_known(ask.columns or (), open_columns, "columns")
    quotas = _quotas(ask)
    check_quotas(served.model, quotas)
    return Drawing(
        rows=ask.rows,
        seed=seed,
        quotas=quotas,
        validate=ask.validate_rows,
        table=table.name,
        columns=ask.columns or open_columns,
    )


def draw_batches(served: ServedModel, drawing: Drawing) -> Iterator[pa.RecordBatch]:
    """The rows of the table that is asked for, batch by batch, all its columns.

    Raises `StarvationError` when the rules leave too little of what the conditions ask for.
    """
    validator = BatchValidator(served.plan.schema, served.rules if drawing.validate else ())
    shard = Shard(
        index=SHARD,
        quotas=drawing.quotas,
        seed=drawing.seed,
        batch_rows=min(BATCH_ROWS, served.model.batch_rows),
    )
    filling = Filling(shard=shard, min_acceptance=served.plan.min_acceptance)
    root = served.plan.schema.root
    rejected: Counter[str] = Counter()
    for position, request in chain(filling.planned(), filling.top_up()):
        judged = validator.validate(draw(served.model, request), limit=filling.missing(position))
        counts = judged[root].counts
        rejected.update(counts.rejected)
        _count(filling, position, counts.drawn, counts.accepted, rejected)
        if judged[drawing.table].accepted.num_rows:
            yield judged[drawing.table].accepted


def warm_up(served: ServedModel) -> None:
    """Draw a row, so that the first request does not wait for libraries."""
    request = SampleRequest(seed=0, shard=SHARD, batch=0, rows=1, first_key=SHARD * KEYS_PER_SHARD)
    draw(served.model, request)


def _count(filling: Filling, position: int, drawn: int, accepted: int, rejected: Counter[str]) -> None:
    try:
        filling.count(position, drawn=drawn, accepted=accepted, rejected=dict(rejected))
    except StarvationError as exc:
        raise StarvationError(
            exc.message.removeprefix(f"shard {SHARD}: "),
            "ask for other conditions, or for rows that no rule has judged with validate: false",
        ) from exc


def _quotas(ask: SampleAsk) -> tuple[Quota, ...]:
    if ask.where:
        return plan_quotas(ask.rows, [(wanted_of(ask.where), ask.rows)])
    return quotas_of(ask.rows, ask.conditions, ask.balance)


def _table(served: ServedModel, tables: Sequence[TableSchema], asked: str | None) -> TableSchema:
    root = served.plan.schema.root
    by_name = {table.name: table for table in tables}
    if served.spec.columns is not None:
        by_name = {root: by_name[root]}  # only columns of the root table were opened
    if (asked or root) not in by_name:
        raise SpecError(f"table: there is no table {asked!r}", nearest(str(asked), by_name))
    return by_name[asked or root]


def _open_columns(served: ServedModel, table: TableSchema) -> tuple[str, ...]:
    allowed = served.spec.columns
    return table.names if allowed is None else tuple(name for name in table.names if name in allowed)


def _check_known(asked: Sequence[str] | set[str], known: Sequence[str], key: str) -> None:
    for name in sorted(set(asked)):
        if name not in known:
            raise SpecError(f"{key}: there is no column {name!r}", nearest(name, known))
    if len(set(asked)) < len(asked):
        raise SpecError(f"{key}: a column is named twice", "name each once")
