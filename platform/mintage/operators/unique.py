"""`unique`: no two rows have the same values in some columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from mintage.contracts import DatasetJudge, Operator, OperatorConfig, RowJudge, TableSchema
from mintage.operators._columns import default_reason, find_columns
from mintage.operators._frames import to_frame
from mintage.operators._hash_sets import GrowingSet
from mintage.operators.row_hash import Words, hash_rows


class UniqueConfig(OperatorConfig):
    """Options of the operator `unique`."""

    columns: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="Columns whose values, taken together, may occur once."
    )


class UniqueOperator(Operator):
    """Rejects a row that repeats an accepted row of its shard, or an earlier row of its batch.

    Rows of different shards are compared when all are committed: one shard cannot know what another
    one draws, so a repetition between two of them fails the job. As in SQL, a row with a null in any
    of the columns repeats nothing.
    """

    Config: ClassVar[type[OperatorConfig]] = UniqueConfig

    def __init__(self, config: UniqueConfig) -> None:
        super().__init__(config)
        self._options = config

    @property
    def reason(self) -> str:
        """The config's name, or `unique:` and the columns."""
        return self._options.name or default_reason("unique", self._options.columns)

    def check(self, table: TableSchema) -> None:
        """Refuse unknown columns."""
        find_columns(table, self._options.columns, self.reason)

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        """Judge rows by those that the shard has accepted so far."""
        del table, prepared
        return UniqueJudge(self._options.columns)

    def dataset_judge(self, table: TableSchema) -> DatasetJudge | None:
        """Compare the rows of all shards; rows that are only tagged may repeat one another."""
        del table
        return (
            None if self._options.action == "tag" else UniqueDatasetJudge(self.reason, self._options.columns)
        )


class UniqueJudge(RowJudge):
    """Remembers eight bytes for each accepted row, its hash.

    A repeated row is always found. A row that repeats nothing is taken for a repetition with a
    probability of n / 2**64 after n accepted rows: less than one row in 10**11 of a shard of 10**8.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = list(columns)
        self._accepted = GrowingSet()

    def violation(self) -> pl.Expr:
        """Where a row repeats an accepted one, or an earlier one of this batch."""
        complete = pl.all_horizontal(pl.col(name).is_not_null() for name in self._columns)
        repeated = pl.map_batches(self._columns, self._repeated, return_dtype=pl.Boolean)
        return complete & repeated

    def accept(self, rows: pl.DataFrame) -> None:
        """Remember the rows that were kept."""
        self._accepted.add(hash_rows(rows.select(self._columns).get_columns()))

    def _repeated(self, columns: Sequence[pl.Series]) -> pl.Series:
        hashes = hash_rows(columns)
        repeated = pl.Series(self._accepted.contains(hashes), dtype=pl.Boolean)
        return repeated | ~pl.Series(hashes).is_first_distinct()


class UniqueDatasetJudge(DatasetJudge):
    """Keeps eight bytes for each row of the table, its hash, until all rows are compared at once."""

    def __init__(self, reason: str, columns: Sequence[str]) -> None:
        self._reason = reason
        self._columns = list(columns)
        self._hashes: list[Words] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Hash the rows without nulls."""
        rows = to_frame(batch, self._columns).drop_nulls()
        self._hashes.append(hash_rows(rows.get_columns()))

    def problem(self) -> str:
        """How many rows repeat a row of another shard."""
        rows = sum(len(part) for part in self._hashes)
        repeated = rows - len(np.unique(np.concatenate(self._hashes))) if self._hashes else 0
        if not repeated:
            return ""
        return f"{self._reason}: {repeated:,} of {rows:,} rows repeat a row of another shard"
