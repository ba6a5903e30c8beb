"""What came of judging rows: the rows that are kept, and counts that add up over batches and shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import polars as pl
import pyarrow as pa

from mintage.operators.rules import BoundRule

_NONE: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows of one table: `drawn` = `accepted` + all `rejected` + `orphaned` + `surplus`."""

    drawn: int = 0
    """Rows that were judged."""
    accepted: int = 0
    """Rows that are kept."""
    rejected: Mapping[str, int] = field(default_factory=lambda: _NONE)
    """Rows dropped because they break a rule, each under the first one that it breaks."""
    violations: Mapping[str, int] = field(default_factory=lambda: _NONE)
    """Rows drawn that break each rule, whatever became of them and whatever else they break."""
    tagged: Mapping[str, int] = field(default_factory=lambda: _NONE)
    """Rows kept although they break a rule with action `tag`."""
    orphaned: int = 0
    """Rows dropped because a row that they refer to was rejected."""
    surplus: int = 0
    """Rows without fault that are beyond the limit, or belong to a row that is."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            drawn=self.drawn + other.drawn,
            accepted=self.accepted + other.accepted,
            rejected=_sum(self.rejected, other.rejected),
            violations=_sum(self.violations, other.violations),
            tagged=_sum(self.tagged, other.tagged),
            orphaned=self.orphaned + other.orphaned,
            surplus=self.surplus + other.surplus,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict on a batch of one table.

    `accepted` has the batch's own Arrow schema, with `_tags` when the table has rules that tag.
    `rejected` are the rows dropped for breaking a rule, or orphaned by that, with their `_reason`;
    None unless rejects are kept.
    """

    accepted: pa.RecordBatch
    rejected: pl.DataFrame | None
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A rule with action `fail` that more rows break than it tolerates."""

    reason: str
    table: str
    violations: int
    drawn: int
    above: float

    def __str__(self) -> str:
        share = self.violations / self.drawn
        return (
            f"{self.reason}: {self.violations:,} of {self.drawn:,} rows drawn of table {self.table!r} break "
            f"it ({share:.4%}), more than above: {self.above:g} tolerates"
        )


def find_excesses(rules: Iterable[BoundRule], counts: Mapping[str, Counts]) -> tuple[Excess, ...]:
    """The rules with action `fail` that were broken too often, in their order.

    `counts` are those of whole tables, summed over all shards.
    """
    found = []
    for rule in rules:
        table = counts.get(rule.table, Counts())
        violations, above = table.violations.get(rule.reason, 0), rule.operator.config.above
        if rule.operator.config.action == "fail" and violations > above * table.drawn:
            found.append(
                Excess(
                    reason=rule.reason,
                    table=rule.table,
                    violations=violations,
                    drawn=table.drawn,
                    above=above,
                )
            )
    return tuple(found)


def _sum(first: Mapping[str, int], second: Mapping[str, int]) -> Mapping[str, int]:
    if not first or not second:
        return first or second
    return {reason: first.get(reason, 0) + second.get(reason, 0) for reason in {**first, **second}}
