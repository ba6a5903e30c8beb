"""The rows of the trials: those that candidates learn from, and those that only the judge sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mintage.contracts import SCAN_ROWS, DatasetSchema, Semantics, Source, TableReader, TableSchema
from mintage.errors import SourceError
from mintage_generators.tabular.auto.config import AutoConfig
from mintage_generators.tabular.codec.reservoir import take_rows

FEWEST_HELD_OUT = 100
"""Held-out rows below which no judgement is made: the detection test asks for as many."""
FEWEST_LEARNED = 200
MOST_HELD_OUT = 5000


class KeptReader(TableReader):
    """Rows that were taken from a source and are in memory."""

    def __init__(self, table: pa.Table, digest: str) -> None:
        self._table, self._digest = table, digest

    @property
    def schema(self) -> pa.Schema:
        """The table's schema."""
        return self._table.schema

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield slices of the table; raises `SourceError` for a column that it does not have."""
        missing = sorted(set(columns or ()) - set(self._table.column_names))
        if missing:
            raise SourceError(f"the source has no column {missing[0]!r}", "name one that it has")
        table = self._table if columns is None else self._table.select(list(columns))
        yield from table.to_batches(max_chunksize=batch_rows)

    def digest(self) -> str:
        """The digest of the source, and which of its rows these are."""
        return self._digest


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRows:
    """What a trial learns from, and what judges it."""

    source: Source
    learned: pa.Table
    held_out: pa.Table
    seen: int
    """Rows of the whole source."""
    kinds: dict[str, Semantics]
    """What columns mean where their types do not say it."""


def part_rows(source: Source, config: AutoConfig, rng: np.random.Generator) -> TrialRows | str:
    """Take rows for the trials and hold a share of them out; why not, where there are too few.

    One pass; the rows depend on the order of the source's rows, never on how they were cut into batches.
    """
    table = source.schema.root_table
    found = take_rows(source.scan(), source.readers[table.name].schema, config.trial_rows, rng)
    rows = found.table.num_rows
    held = min(MOST_HELD_OUT, max(FEWEST_HELD_OUT, int(rows * config.trial_holdout)))
    if rows - held < FEWEST_LEARNED:
        return f"{rows} rows are too few to hold some out: {FEWEST_HELD_OUT + FEWEST_LEARNED} are needed"
    mask = np.zeros(rows, dtype=np.bool_)
    mask[rng.permutation(rows)[:held]] = True
    learned = found.table.filter(pa.array(~mask)).combine_chunks()
    reader = KeptReader(learned, f"{source.digest}:trial:{rows}:{held}")
    return TrialRows(
        source=Source(schema=DatasetSchema.flat(table), readers={table.name: reader}, digest=reader.digest()),
        learned=learned,
        held_out=found.table.filter(pa.array(mask)).combine_chunks(),
        seen=found.seen,
        kinds=_kinds(table, config),
    )


def _kinds(table: TableSchema, config: AutoConfig) -> dict[str, Semantics]:
    told = {c.name: c.semantics for c in table.columns if c.semantics is not Semantics.of(c.type)}
    roles = {name: Semantics(c.role) for name, c in config.columns.items() if c.role and name in table.names}
    return {**told, **roles}
