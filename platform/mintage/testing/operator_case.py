"""An operator under test: its config, rows to judge, and which of them break the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from mintage.contracts import Operator, OperatorConfig, RowJudge, Source, TableSchema


@dataclass(frozen=True, kw_only=True)
class OperatorCase:
    """What the operator checks look at.

    Attributes:
        operator: The class.
        config: A valid config of it.
        rows: Rows to judge, best with some that break the rule, some that keep it, and nulls.
        breaks: Whether each of the rows breaks the rule; None when that is tested elsewhere.
        columns: The columns that the config names; without one of them, `check` has to refuse the table.
        source: What `prepare` reads.
    """

    operator: type[Operator]
    config: OperatorConfig
    rows: pa.Table
    breaks: Sequence[bool] | None = None
    columns: Sequence[str] = ()
    source: Source | None = None

    @property
    def table(self) -> TableSchema:
        """The schema of the rows, as the root table `data`."""
        return TableSchema.of("data", self.rows.schema)

    def make(self) -> Operator:
        """The operator, made anew."""
        return self.operator(self.config)

    def judge(self) -> RowJudge:
        """A judge of the rows, prepared anew."""
        operator = self.make()
        return operator.judge(self.table, operator.prepare(self.source, self.table))

    def frame(self) -> pl.DataFrame:
        """The rows as polars sees them."""
        frame = pl.from_arrow(self.rows)
        assert isinstance(frame, pl.DataFrame)
        return frame
