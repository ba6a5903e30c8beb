"""All rules of one table in one pass over a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from mintage.contracts import RowJudge, TableSchema
from mintage.errors import PluginError
from mintage.operators._fates import Fates, Mask
from mintage.operators._frames import to_frame
from mintage.operators.rules import ORPHANED, REASON, TAGS, BoundRule
from mintage.operators.verdicts import Counts, Judged

_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the rules say about a batch: the rows that break each one, None for no rows.

    `first` is the position of the first rule, of those that reject, that a row breaks, -1 for none.
    """

    broken: tuple[Mask | None, ...] = ()
    first: np.ndarray[tuple[int], np.dtype[np.int16]] | None = None

    @property
    def rejected(self) -> Mask | None:
        """The rows that are rejected; None for none."""
        return None if self.first is None else self.first >= 0


class TablePass:
    """The judges of one table, for the batches of one shard in order."""

    def __init__(self, table: TableSchema, rules: Sequence[BoundRule], *, keep_rejects: bool) -> None:
        self._table = table
        self._rules = tuple(rules)
        self._judges = tuple(rule.operator.judge(table, rule.prepared) for rule in rules)
        self._keep_rejects = keep_rejects

    def judge(self, batch: pa.RecordBatch) -> Verdict:
        """Evaluate every rule on every row, in one polars select."""
        if not self._rules or not batch.num_rows:
            return Verdict(broken=(None,) * len(self._rules))
        broken = self._evaluate(batch)
        first: np.ndarray[tuple[int], np.dtype[np.int16]] | None = None
        for position, (rule, mask) in enumerate(zip(self._rules, broken, strict=True)):
            if mask is not None and not rule.tags:
                first = np.full(batch.num_rows, -1, dtype=np.int16) if first is None else first
                first[mask & (first < 0)] = position
        return Verdict(broken=broken, first=first)

    def finish(self, batch: pa.RecordBatch, verdict: Verdict, fates: Fates) -> Judged:
        """Keep the rows that stay, count the others, and let the judges learn what was kept."""
        kept = fates.kept
        accepted = batch if kept is None else batch.filter(pa.array(kept))
        self._teach(accepted)
        rejected = self._rejects(batch, verdict, fates) if self._keep_rejects else None
        counts = self._count(batch, verdict, fates)
        return Judged(accepted=self._with_tags(accepted, verdict, kept), rejected=rejected, counts=counts)

    def _evaluate(self, batch: pa.RecordBatch) -> tuple[Mask | None, ...]:
        violations = [judge.violation() for judge in self._judges]
        frame = to_frame(batch, _columns_read(violations, self._table.names))
        named = [violation.alias(str(index)) for index, violation in enumerate(violations)]
        try:
            verdicts = frame.select(named).get_columns()
        except _FAILURES:
            verdicts = [
                self._evaluate_alone(frame, index, violation) for index, violation in enumerate(named)
            ]
        return tuple(self._mask(verdict, index, batch.num_rows) for index, verdict in enumerate(verdicts))

    def _evaluate_alone(self, frame: pl.DataFrame, index: int, violation: pl.Expr) -> pl.Series:
        """Evaluate one rule, to find out which one fails."""
        try:
            return frame.select(violation).to_series()
        except _FAILURES as exc:
            raise PluginError(
                f"the rule {self._rules[index].reason} could not judge rows of table {self._table.name!r}: "
                f"{str(exc).strip().splitlines()[0]}",
                "remove the rule, or report this to the author of its operator",
            ) from exc

    def _mask(self, verdict: pl.Series, index: int, rows: int) -> Mask | None:
        if verdict.dtype != pl.Boolean or len(verdict) != rows or verdict.null_count():
            raise PluginError(
                f"the rule {self._rules[index].reason} gave {len(verdict)} verdicts of type {verdict.dtype}, "
                f"{verdict.null_count()} of them null, on {rows} rows",
                "its operator must say true or false of each row; mintage.testing checks that",
            )
        return verdict.to_numpy() if verdict.any() else None

    def _teach(self, accepted: pa.RecordBatch) -> None:
        learners = [judge for judge in self._judges if type(judge).accept is not RowJudge.accept]
        if learners:
            frame = to_frame(accepted)
            for judge in learners:
                judge.accept(frame)

    def _count(self, batch: pa.RecordBatch, verdict: Verdict, fates: Fates) -> Counts:
        rules, first = list(enumerate(self._rules)), verdict.first
        by_rule = (
            np.bincount(first[first >= 0], minlength=len(rules))
            if first is not None
            else np.zeros(len(rules))
        )
        orphaned, surplus, kept = _total(fates.orphaned), _total(fates.surplus), fates.kept
        return Counts(
            drawn=batch.num_rows,
            accepted=batch.num_rows if kept is None else _total(kept),
            rejected={rule.reason: int(by_rule[index]) for index, rule in rules if not rule.tags},
            violations={rule.reason: _total(verdict.broken[index]) for index, rule in rules},
            tagged={
                rule.reason: _total(_among(verdict.broken[index], kept)) for index, rule in rules if rule.tags
            },
            orphaned=orphaned,
            surplus=surplus,
        )

    def _rejects(self, batch: pa.RecordBatch, verdict: Verdict, fates: Fates) -> pl.DataFrame:
        codes = np.full(batch.num_rows, -1, dtype=np.int16) if verdict.first is None else verdict.first
        if fates.orphaned is not None:
            codes = np.where(fates.orphaned, np.int16(len(self._rules)), codes)
        rejected = codes >= 0
        reasons = pl.Series([*(rule.reason for rule in self._rules), ORPHANED], dtype=pl.String)
        rows = to_frame(batch.filter(pa.array(rejected)))
        return rows.with_columns(reasons.gather(pl.Series(codes[rejected])).alias(REASON))

    def _with_tags(self, accepted: pa.RecordBatch, verdict: Verdict, kept: Mask | None) -> pa.RecordBatch:
        tags = {
            rule.reason: _kept_only(verdict.broken[index], kept)
            for index, rule in enumerate(self._rules)
            if rule.tags
        }
        if not tags:
            return accepted
        return accepted.append_column(pa.field(TAGS, pa.string()), _join(tags, accepted.num_rows))


def _columns_read(violations: Sequence[pl.Expr], known: Sequence[str]) -> list[str] | None:
    """The columns that the expressions read; None for all, when an expression does not say."""
    names: set[str] = set()
    for violation in violations:
        read = violation.meta.root_names()
        if not read or violation.meta.has_multiple_outputs():
            return None
        names.update(read)
    return [name for name in known if name in names] if names <= set(known) else None


def _join(tags: Mapping[str, Mask | None], rows: int) -> pa.Array:
    """The reasons of each row, comma-joined; null where there are none."""
    present = {reason: mask for reason, mask in tags.items() if mask is not None and mask.any()}
    if not present:
        return pa.nulls(rows, pa.string())
    parts = [
        pl.when(pl.Series(mask)).then(pl.lit(reason, dtype=pl.String)) for reason, mask in present.items()
    ]
    joined = pl.select(pl.concat_str(parts, separator=",", ignore_nulls=True).replace("", None)).to_series()
    return joined.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())


def _among(mask: Mask | None, kept: Mask | None) -> Mask | None:
    return mask if mask is None or kept is None else mask & kept


def _kept_only(mask: Mask | None, kept: Mask | None) -> Mask | None:
    return mask if mask is None or kept is None else mask[kept]


def _total(mask: Mask | None) -> int:
    return 0 if mask is None else int(np.count_nonzero(mask))
