"""Constraints while a table is learned: rows that break them are left out, and combinations learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
import pyarrow as pa

from mintage.contracts import SCAN_ROWS, Source, TableReader
from mintage.errors import ConditionError, SpecError
from mintage_generators.tabular.codec.column import UNKNOWN, Column, ExactColumn, plain
from mintage_generators.tabular.codec.combinations import Group
from mintage_generators.tabular.codec.conditions import Conditions
from mintage_generators.tabular.codec.constraints import (
    CombinationConstraint,
    Constraint,
    DependencyConstraint,
    columns_of,
)
from mintage_generators.tabular.codec.functions import Function
from mintage_generators.tabular.codec.made import MadeColumn
from mintage_generators.tabular.codec.physical import numbers, value_type
from mintage_generators.tabular.codec.relations import Inequality, Sum
from mintage_generators.tabular.codec.rules import Rules, Typed, compile_rules, declare
from mintage_generators.tabular.codec.ruling import Ruling
from mintage_generators.tabular.codec.scalars import read_scalar
from mintage_generators.tabular.codec.table import FittedTable

MAX_PAIRS = 5_000_000
"""Distinct combinations of a dependency's columns that are held while its source is read."""

_NEAR = 1e-9
_NEAR_SINGLE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    name: str
    type: pa.DataType


@dataclass(slots=True)
class Judge:
    """Tells the rows of a batch that keep all constraints, and counts those that break each."""

    constraints: Sequence[Constraint]
    rules: Rules
    names: Sequence[Typed]
    winners: Mapping[int, pl.DataFrame] = field(default_factory=dict)

    def broken(self, batch: pa.RecordBatch) -> list[np.ndarray]:
        """For each constraint the rows that break it, bool (rows,)."""
        every: tuple[Inequality | Sum, ...] = (*self.rules.inequalities, *self.rules.sums)
        said = {rule.said: rule for rule in every}
        found = []
        for place, constraint in enumerate(self.constraints):
            rule = said.get(str(constraint))
            if place in self.winners:
                found.append(self._not_among(batch, columns_of(constraint), self.winners[place]))
            elif rule is None:
                found.append(self._outside(batch, constraint))
            elif isinstance(rule, Sum):
                found.append(self._adds_up_wrong(batch, rule))
            else:
                low, high = (self._numbers(batch, i) for i in (rule.lower, rule.upper))
                found.append(low[1] & high[1] & ~(rule.above(low[0]) <= high[0]))
        return found

    def _numbers(self, batch: pa.RecordBatch, i: int) -> tuple[np.ndarray, np.ndarray]:
        """A column on its scale, and which rows have a number."""
        array = plain(batch.column(self.names[i].name))
        own, valid = numbers(array), array.is_valid().to_numpy(zero_copy_only=False)
        scale = self.rules.scales.get(i)
        if own.dtype == np.float64 or (scale and scale.floats):
            own = own.astype(np.float64)
            return own, valid & ~np.isnan(own)
        return own if scale is None else own.astype(np.int64) * scale.factors[i], valid

    def _outside(self, batch: pa.RecordBatch, constraint: Constraint) -> np.ndarray:
        if isinstance(constraint, CombinationConstraint):
            return np.zeros(batch.num_rows, np.bool_)
        i = next(i for i, name in enumerate(self.names) if name.name == columns_of(constraint)[0])
        array = plain(batch.column(self.names[i].name))
        values, valid = numbers(array), array.is_valid().to_numpy(zero_copy_only=False)
        low, high = self.rules.spans[i]
        outside = np.zeros(len(values), np.bool_)
        if low is not None:
            outside |= values < low
        if high is not None:
            outside |= values > high
        return np.asarray(outside & valid)

    def _adds_up_wrong(self, batch: pa.RecordBatch, rule: Sum) -> np.ndarray:
        total, known = self._numbers(batch, rule.total)
        parts = [self._numbers(batch, part) for part in rule.parts]
        every = np.logical_and.reduce([valid for _, valid in parts])
        values = [values for values, _ in parts]
        apart = np.abs(np.add.reduce(values) - total)
        if total.dtype == np.float64:
            single = any(self.names[i].type.bit_width < 64 for i in (rule.total, *rule.parts))
            size = np.add.reduce([np.abs(value) for value in values])
            apart = np.where(apart <= np.maximum(1.0, size) * (_NEAR_SINGLE if single else _NEAR), 0, apart)
        return np.asarray((every != known) | (every & known & (apart != 0)))

    def _not_among(
        self, batch: pa.RecordBatch, columns: tuple[str, ...], allowed: pl.DataFrame
    ) -> np.ndarray:
        frame = _frame(batch, columns).with_row_index("row of batch")
        kept = frame.join(allowed, on=list(columns), how="semi", nulls_equal=True)["row of batch"].to_numpy()
        out = np.ones(batch.num_rows, np.bool_)
        out[kept] = False
        return out


class _KeptReader(TableReader):
    """Another reader's rows less those that break a constraint."""

    def __init__(self, reader: TableReader, judge: Judge) -> None:
        self._reader, self._judge = reader, judge

    @property
    def schema(self) -> pa.Schema:
        return self._reader.schema

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        for batch in self._reader.scan(None, batch_rows):
            kept = ~np.logical_or.reduce(self._judge.broken(batch))
            batch = batch.filter(pa.array(kept))
            yield batch if columns is None else batch.select(list(columns))

    def digest(self) -> str:
        return self._reader.digest()


def keep_rows(source: Source, constraints: Sequence[Constraint]) -> tuple[Source, dict[str, object]]:
    """The source less the rows that break constraints, and how many break each, for the fit record.

    Of a dependency, the rows are kept that have the commonest value for what determines it. Raises
    `SpecError` for constraints that contradict each other, and when no row keeps them all.
    """
    if not constraints:
        return source, {}
    judge = _judge(source, constraints)
    rows, counts, left_out = 0, np.zeros(len(constraints), np.int64), 0
    for batch in source.scan():
        broken = judge.broken(batch)
        rows += batch.num_rows
        counts += [int(mask.sum()) for mask in broken]
        left_out += int(np.logical_or.reduce(broken).sum())
    each = {str(c): int(n) for c, n in zip(constraints, counts, strict=True)}
    if rows and left_out == rows:
        worst = ", ".join(f"{said} ({count} of {rows} rows)" for said, count in each.items() if count)
        raise SpecError(
            f"no row of the source keeps the constraints; broken: {worst}", "take back those that are wrong"
        )
    root = source.schema.root
    readers = {**source.readers, root: _KeptReader(source.readers[root], judge)}
    facts = {"rows_read": rows, "rows_left_out": left_out, "rows_that_break": each}
    return replace(source, readers=readers), {"constraints": facts}


def check_constraints(source: Source, constraints: Sequence[Constraint]) -> None:
    """Raise `SpecError` for constraints that the source's columns show to be wrong, without reading rows."""
    if constraints:
        declare(constraints, _names(source))


def _names(source: Source) -> list[_Name]:
    return [_Name(name=c.name, type=value_type(c.type)) for c in source.schema.root_table.columns]


def _judge(source: Source, constraints: Sequence[Constraint]) -> Judge:
    names = _names(source)
    winners: dict[int, pl.DataFrame] = {}
    rules = declare(constraints, names)
    types = {name.name: name.type for name in names}
    for place, constraint in enumerate(constraints):
        if isinstance(constraint, DependencyConstraint):
            winners[place] = _commonest(source, constraint)
        elif isinstance(constraint, CombinationConstraint) and constraint.values is not None:
            winners[place] = pl.DataFrame(pl.from_arrow(_listed(constraint, types)))
    return Judge(constraints=constraints, rules=rules, names=names, winners=winners)


def _listed(constraint: CombinationConstraint, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The combinations listed, as a table of the columns' types; raises `SpecError` for wrong values."""
    arrays = []
    try:
        for place, name in enumerate(constraint.columns):
            values = [read_scalar(name, types[name], row[place]) for row in constraint.values or ()]
            arrays.append(pa.array([value.as_py() for value in values], types[name]))
    except ConditionError as exc:
        raise SpecError(f"{constraint}: {exc.message}", exc.hint) from exc
    return pa.Table.from_arrays(arrays, names=list(constraint.columns))


def _frame(batch: pa.RecordBatch, columns: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({name: pl.Series(values=plain(batch.column(name))) for name in columns})


def _commonest(source: Source, constraint: DependencyConstraint) -> pl.DataFrame:
    """For each value of the determining columns, the value that most rows have with it."""
    columns = columns_of(constraint)
    counted: pl.DataFrame | None = None
    for batch in source.scan(columns=list(dict.fromkeys(columns))):
        part = _frame(batch, columns).group_by(columns, maintain_order=True).len()
        both = part if counted is None else pl.concat([counted, part])
        counted = both.group_by(columns, maintain_order=True).agg(pl.col("len").sum())
        if len(counted) > MAX_PAIRS:
            raise SpecError(
                f"{constraint}: the source has more than {MAX_PAIRS} combinations of these columns",
                "declare dependencies between columns of fewer values",
            )
    if counted is None:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.Null))
    first = counted.sort("len", descending=True, maintain_order=True)
    return first.unique(subset=list(constraint.columns), keep="first", maintain_order=True).select(columns)


def govern(
    fitted: FittedTable, constraints: Sequence[Constraint], min_support: int
) -> tuple[FittedTable, Rules | None]:
    """The rules of a fitted table, and the table with only those functions that they leave to it.

    Raises `SpecError` for constraints that cannot be kept together, or not by a column of its kind.
    """
    if not constraints:
        return fitted, None
    columns, record = fitted.codec.columns, dict(fitted.record)
    _refuse_made(constraints, columns)
    groups, rare = _groups(fitted, constraints, min_support)
    rules, kept, dropped = _settle_functions(constraints, columns, groups, fitted.codec.functions)
    try:
        Ruling.of(rules, columns, kept, Conditions(allowed={}, written={}))
    except ConditionError as exc:
        raise SpecError(exc.message, exc.hint) from exc
    names = [column.name for column in columns]
    record["functions"] = [[names[f.source], names[f.result]] for f in kept]
    record["rare_combinations_left_out"] = rare
    record["functions_given_up_for_constraints"] = [[names[f.source], names[f.result]] for f in dropped]
    codec = replace(fitted.codec, functions=kept)
    return replace(fitted, codec=codec, record=record), rules


def _refuse_made(constraints: Sequence[Constraint], columns: Sequence[Column]) -> None:
    made = {column.name for column in columns if isinstance(column, MadeColumn)}
    for constraint in constraints:
        if found := made.intersection(columns_of(constraint)):
            raise SpecError(
                f"{constraint}: the values of column {found.pop()!r} are made up, not learned",
                "take the constraint back, or say in the generator's options that the column is none of "
                "personal identifiers or keys",
            )


def _groups(
    fitted: FittedTable, constraints: Sequence[Constraint], min_support: int
) -> tuple[list[Group], dict[str, int]]:
    index = {column.name: i for i, column in enumerate(fitted.codec.columns)}
    columns = fitted.codec.columns
    groups, rare = [], {}
    for constraint in constraints:
        if not isinstance(constraint, CombinationConstraint | DependencyConstraint):
            continue
        members = tuple(index[name] for name in columns_of(constraint))
        for i in members:
            if not isinstance(columns[i], ExactColumn):
                raise SpecError(
                    f"{constraint}: column {columns[i].name!r} has too many values to be listed",
                    "leave it out of combinations and dependencies, or round its values",
                )
        if isinstance(constraint, CombinationConstraint) and constraint.values is not None:
            table = _listed(constraint, {columns[i].name: columns[i].type for i in members})
            group, fewer = _seen(table, columns, members, 1)
        else:
            least = min_support if isinstance(constraint, CombinationConstraint) else 1
            group, fewer = _seen(fitted.rows, columns, members, least)
        if not len(group.tuples):
            raise SpecError(
                f"{constraint}: none of the combinations is one of values that the source has in enough rows",
                "list other combinations, or lower min_support",
            )
        groups.append(group)
        rare[str(constraint)] = fewer
    return groups, rare


def _seen(
    rows: pa.Table, columns: Sequence[Column], members: tuple[int, ...], least: int
) -> tuple[Group, int]:
    """The combinations that at least that many rows have, and how many have fewer, or protected values."""
    tokens = np.stack([columns[i].encode(plain(rows.column(columns[i].name))) for i in members], axis=1)
    tuples, counts = np.unique(tokens, axis=0, return_counts=True)
    kept = (counts >= least) & (tuples != UNKNOWN).all(axis=1)
    group = Group(columns=members, tuples=np.ascontiguousarray(tuples[kept], np.int32))
    return group, int((~kept).sum())


def _settle_functions(
    constraints: Sequence[Constraint],
    columns: Sequence[Column],
    groups: list[Group],
    functions: Sequence[Function],
) -> tuple[Rules, tuple[Function, ...], list[Function]]:
    """Functions whose result is drawn under rules become combinations; where that cannot be, they go."""
    rules = compile_rules(constraints, columns, groups)
    kept, dropped = list(functions), []
    while tied := [f for f in kept if f.result in rules.tied or _shares_result(f, kept, rules.tied)]:
        function = tied[0]
        kept.remove(function)
        pairs = np.stack([np.arange(len(function.table)), function.table], axis=1)
        pairs = np.ascontiguousarray(pairs[function.table != UNKNOWN], np.int32)
        group = Group(columns=(function.source, function.result), tuples=pairs)
        try:
            rules = compile_rules(constraints, columns, [*groups, group])
            groups = [*groups, group]
        except SpecError:
            # A function that was only found, not asked for; the record tells that it was given up.
            dropped.append(function)
    return rules, tuple(kept), dropped


def _shares_result(function: Function, kept: Sequence[Function], tied: set[int]) -> bool:
    """Whether several columns determine the same one, and constraints have a say in one of them.

    Those drawn later must then agree with those drawn first, which only combinations see to.
    """
    sources = {f.source for f in kept if f.result == function.result}
    return len(sources) > 1 and bool(sources & tied)
