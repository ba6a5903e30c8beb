"""A codec learned under differential privacy: every look at the rows goes through a ledger.

Nothing of a row is kept as it is: listed values are those whose noisy count passes a threshold,
bounds and quantiles are edges of noisy histograms, and a column's `counts` are noisy, or even where
nothing was counted. What a user says of a column is taken as public and costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import Source, TableSchema
from mintage.errors import SourceError, SpecError
from mintage_generators.tabular.codec.column import Column, ExactColumn, count_values, plain
from mintage_generators.tabular.codec.physical import is_number
from mintage_generators.tabular.codec.private_looks import Looker
from mintage_generators.tabular.codec.private_numbers import learn_numbers, looks_at_numbers
from mintage_generators.tabular.codec.reservoir import MAX_CELLS
from mintage_generators.tabular.codec.scalars import read_scalar
from mintage_generators.tabular.codec.table import FittedTable, TableCodec, foresee_table
from mintage_generators.tabular.ledger import Domain, Ledger

MAX_LISTED = 10_000
"""Values of a text column listed at most."""

_ROWS_SHARE = 0.02
"""Part of the codec's budget that counting the rows takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateTable(FittedTable):
    """Also tells the noisy number of rows learned from, at least 1."""

    rows: float


def fit_private_table(
    source: Source, ledger: Ledger, *, rho: float, finest: float, bins: int, fit_rows: int
) -> PrivateTable:
    """Learn the codec of the source's only table; spends at most `rho` and the ledger's threshold delta.

    Args:
        source: The rows; read twice.
        ledger: Where each look is booked; its `privacy.domains` are what is public.
        rho: Budget of zCDP for everything in here.
        finest: Budget that one marginal of two columns will be measured with.
        bins: Bins of a number at most; fewer where that noise would drown pairs of them.
        fit_rows: Rows to hold in memory at most, about: of more, each is taken with one probability.

    Raises `SourceError` for columns that cannot be carried or that noise drowns, `SpecError` for domains
    of columns that are not there or of values that are of another type.
    """
    table = foresee_table(source).root_table
    domains = ledger.privacy.domains
    _check_names(table, domains)
    total = float(ledger.counts("number of rows", np.array(_count_rows(source)), rho=_ROWS_SHARE * rho))
    rows = max(1.0, total)
    ledger.check_rows(rows)
    taken = min(1.0, _limit(table, fit_rows) / rows)
    arrays = _take(source, table, taken, ledger)
    looks = [_looks(column.type, domains.get(column.name)) for column in table.columns]
    each = (1 - _ROWS_SHARE) * rho / max(1, sum(looks))
    delta = ledger.threshold_delta / max(1, sum(count > 0 for count in looks))
    bins = max(2, min(bins, round(np.sqrt(taken * rows / ledger.deviation(finest)))))
    columns, tokens = [], []
    for (
        array,
        column,
    ) in zip(arrays, table.columns, strict=True):
        looker = Looker(ledger=ledger, column=column.name, rho=each, delta=delta)
        learned = _learn(array, domains.get(column.name), looker, rows=taken * rows, bins=bins)
        columns.append(with_counts(learned, learned.counts))
        tokens.append(learned.approximate(array, learned.encode(array)))
    codec = TableCodec(schema=table, columns=tuple(columns))
    record: dict[str, object] = {"rows_learned_from_about": round(taken * rows), "functions": []}
    return PrivateTable(codec=codec, tokens=np.stack(tokens, axis=1), record=record, rows=taken * rows)


def with_counts(column: Column, noisy: np.ndarray) -> Column:
    """The column with noisy counts, none below 0 and one above it."""
    counts = np.maximum(np.rint(noisy), 0).astype(np.int64)
    return replace(column, counts=counts if counts.any() else np.ones_like(counts))


def _check_names(table: TableSchema, domains: Mapping[str, Domain]) -> None:
    for name in domains:
        if name not in table.names:
            raise SpecError(
                f"privacy.domains: there is no column {name!r}",
                f"known columns: {', '.join(table.names[:20])}",
            )


def _count_rows(source: Source) -> int:
    return sum(batch.num_rows for batch in source.scan())


def _limit(table: TableSchema, fit_rows: int) -> float:
    return min(fit_rows, max(1000, MAX_CELLS // len(table.columns)))


def _take(source: Source, table: TableSchema, share: float, ledger: Ledger) -> list[pa.Array]:
    """The columns of the rows taken. Each row is taken or not whatever the others are.

    A sample of a fixed size would not do: there, one more row drives another one out.
    """
    batches = []
    for batch in source.scan():
        chosen = batch
        if share < 1.0:
            chosen = batch.filter(pa.array(ledger.noise.uniform(batch.num_rows) < share))
        batches.append(chosen)
    read = pa.Table.from_batches(batches, source.schema.root_table.arrow())
    return [plain(read.column(name)) for name in table.names]


def _looks(type_: pa.DataType, domain: Domain | None) -> int:
    """How many mechanisms look at a column; the same for all rows that it might hold."""
    if (domain is not None and domain.values) or pa.types.is_boolean(type_) or pa.types.is_null(type_):
        return 0
    return looks_at_numbers(type_, domain) if is_number(type_) else 1


def _learn(array: pa.Array, domain: Domain | None, looker: Looker, *, rows: float, bins: int) -> Column:
    if domain is not None and domain.values:
        return _listed(looker.column, array.type, list(domain.values))
    if pa.types.is_null(array.type):
        return _listed(looker.column, array.type, [None])
    if pa.types.is_boolean(array.type):
        return _listed(looker.column, array.type, [None, False, True])
    if is_number(array.type):
        return learn_numbers(array, domain, looker, rows=rows, bins=bins)
    if domain is not None:
        raise SpecError(
            f"privacy.domains: column {looker.column!r} is text, which has neither bounds nor decimals",
            "list its values instead",
        )
    return _seen_values(array, looker)


def _listed(name: str, type_: pa.DataType, values: list[object]) -> ExactColumn:
    scalars = [read_scalar(name, type_, value) for value in values]  # type: ignore[arg-type]  # JSON values
    counted, counts = count_values(pa.chunked_array([plain(pa.array(scalars, type_))]))
    return ExactColumn.of(name, type_, (counted, np.ones(len(counts), np.int64)))


def _seen_values(array: pa.Array, looker: Looker) -> ExactColumn:
    values, counts = count_values(pa.chunked_array([array]))
    # In order of appearance they would tell the order of the rows.
    order = pc.sort_indices(values)
    values, counts = values.take(order), counts[order.to_numpy()]
    noisy, shown = looker.seen("values", counts)
    if not shown.any():
        raise SourceError(
            f"column {looker.column!r} has no value of so many rows that the noise leaves it visible",
            "raise privacy.epsilon, list its values under privacy.domains, or leave the column out",
        )
    if shown.sum() > MAX_LISTED:
        shown &= noisy >= np.sort(noisy[shown])[-MAX_LISTED]
    return ExactColumn.of(
        looker.column, array.type, (values.filter(pa.array(shown)), noisy[shown].astype(np.int64))
    )
