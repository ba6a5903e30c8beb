"""The judge of rules that look at one row at a time."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from mintage.contracts import RowJudge


@dataclass(frozen=True, slots=True)
class StatelessJudge(RowJudge):
    """Says the same of every batch; a null verdict is none, as with CHECK in SQL."""

    broken: pl.Expr

    def violation(self) -> pl.Expr:
        """Where the rule is broken."""
        return self.broken.fill_null(value=False)
