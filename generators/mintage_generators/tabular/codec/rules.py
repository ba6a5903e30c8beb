"""Constraints made ready for a codec: on which scale columns are compared, and in which order drawn.

Rows keep inequalities because columns are drawn up (or down) along them: nothing is drawn so high that
a later column could not be higher still. That needs a graph without circles, and columns that nothing
else ties down when their turn comes; what does not fit is refused here, before anything is learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pyarrow as pa

from mintage.errors import SpecError
from mintage_generators.tabular.codec.axes import Scale, common_scale
from mintage_generators.tabular.codec.column import Column, ExactColumn, plain
from mintage_generators.tabular.codec.combinations import Group, joined
from mintage_generators.tabular.codec.constraints import (
    Constraint,
    InequalityConstraint,
    RangeConstraint,
    SumConstraint,
    columns_of,
)
from mintage_generators.tabular.codec.domains import Domain, is_ordered
from mintage_generators.tabular.codec.drawing_order import Order, circle
from mintage_generators.tabular.codec.physical import numbers
from mintage_generators.tabular.codec.relations import Inequality, Sum
from mintage_generators.tabular.codec.scalars import read_scalar

Span = tuple[int | float | None, int | float | None]
"""The lowest and the highest number allowed, both inclusive; None where there is no end."""


class Typed(Protocol):
    """A column as far as constraints need to know it: one of a schema, or of a codec."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def type(self) -> pa.DataType:
        """The type of its values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Constraints over a codec's columns, by their number.

    `scales` holds each compared or summed column's scale; `spans` the ranges, in the column's own
    numbers; `rising` tells of each column in an inequality whether its kind is drawn from the lowest up;
    `edges` are pairs of columns of which the first is drawn before the second.
    """

    constraints: tuple[Constraint, ...] = ()
    inequalities: tuple[Inequality, ...] = ()
    sums: tuple[Sum, ...] = ()
    groups: tuple[Group, ...] = ()
    scales: Mapping[int, Scale]
    spans: Mapping[int, Span]
    rising: Mapping[int, bool]
    edges: tuple[tuple[int, int], ...] = ()
    _domains: dict[int, Domain] = field(default_factory=dict, compare=False, repr=False)

    def domain(self, i: int, column: Column) -> Domain:
        """All that column `i` can hold; worked out once."""
        if i not in self._domains:
            self._domains[i] = Domain.of(column)
        return self._domains[i]

    @property
    def totals(self) -> set[int]:
        """Columns that are computed."""
        return {rule.total for rule in self.sums}

    @property
    def tied(self) -> set[int]:
        """Columns that may follow from no other: they have to be drawn under masks, or computed."""
        ends = {i for rule in self.inequalities for i in (rule.lower, rule.upper)}
        return ends | self.totals | {i for group in self.groups for i in group.columns}


def compile_rules(
    constraints: Sequence[Constraint], columns: Sequence[Column], groups: Sequence[Group]
) -> Rules:
    """Constraints ready for use; `groups` are the combinations that they allow, learned or listed.

    Raises `SpecError` for columns that are not there or not of the right kind, and for constraints
    that cannot be kept together, naming them.
    """
    declared = declare(constraints, columns)
    merged = joined(list(groups))
    inequalities, merged = _within_groups(declared.inequalities, merged, columns, declared.scales)
    for rule in declared.sums:
        if any(rule.total in group.columns for group in merged):
            raise SpecError(
                f"column {columns[rule.total].name!r} is computed by {rule.said!r}, and so cannot stand in "
                "combinations or dependencies", "take one of the constraints back",
            )  # fmt: skip
    rising, edges = Order(inequalities, declared.sums, merged, columns).plan()
    return replace(
        declared, _domains={}, inequalities=inequalities, groups=tuple(merged), rising=rising, edges=edges
    )


def declare(constraints: Sequence[Constraint], columns: Sequence[Typed]) -> Rules:
    """What can be told of constraints by the columns' names and types alone; nothing is ordered yet.

    Raises `SpecError` for columns that are not there or not of the right kind, for circles, and for
    ranges that leave nothing.
    """
    index = {column.name: i for i, column in enumerate(columns)}
    for constraint in constraints:
        for name in columns_of(constraint):
            _check_column(constraint, name, index)
    scales = _scales(constraints, columns, index)
    sums = tuple(
        Sum(total=index[c.total], parts=tuple(index[p] for p in c.parts), said=str(c))
        for c in constraints
        if isinstance(c, SumConstraint)
    )
    _check_sums(sums, columns, scales)
    rules = Rules(
        constraints=tuple(constraints), inequalities=_inequalities(constraints, index, scales), sums=sums,
        scales=scales, spans=_spans(constraints, columns, index), rising={},
    )  # fmt: skip
    check_circles([(rule.lower, rule.upper) for rule in rules.inequalities], rules.inequalities)
    check_circles([(part, rule.total) for rule in sums for part in rule.parts], sums)
    _check_ranges(rules, columns)
    return rules


def check_circles(edges: Sequence[tuple[int, int]], rules: Sequence[Inequality | Sum]) -> None:
    """Raise `SpecError` when the edges lead back to where they began, naming the rules on the way."""
    members = circle(edges)
    if members:
        said = [rule.said for rule in rules if _touches(rule, members)]
        raise SpecError(
            f"constraints that go round in a circle cannot be kept: {'; '.join(said)}",
            "take one of them back",
        )


def _touches(rule: Inequality | Sum, columns: set[int]) -> bool:
    if isinstance(rule, Sum):
        return rule.total in columns
    return rule.lower in columns and rule.upper in columns


def _check_ranges(rules: Rules, columns: Sequence[Typed]) -> None:
    """Follow the ranges along the inequalities: no column may be left with an empty one."""
    low: dict[int, float] = {}
    high: dict[int, float] = {}
    for i, (start, end) in rules.spans.items():
        factor = rules.scales[i].factors[i] if i in rules.scales else 1
        if start is not None:
            low[i] = start * factor
        if end is not None:
            high[i] = end * factor
    for _ in range(len(rules.inequalities)):
        for rule in rules.inequalities:
            if rule.lower in low:
                low[rule.upper] = max(low[rule.lower] + rule.gap, low.get(rule.upper, -np.inf))
            if rule.upper in high:
                high[rule.lower] = min(high[rule.upper] - rule.gap, high.get(rule.lower, np.inf))
    for i in low.keys() & high.keys():
        if low[i] > high[i]:
            said = [str(c) for c in rules.constraints if columns[i].name in columns_of(c)]
            raise SpecError(
                f"the constraints leave no value for column {columns[i].name!r}: it would have to be at "
                f"least {low[i]} and at most {high[i]} (in the finest unit compared): {'; '.join(said)}",
                "take one of them back, or widen a range",
            )


def _check_column(constraint: Constraint, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        raise SpecError(
            f"the constraint {str(constraint)!r} names column {name!r}, which is not there",
            f"known columns: {', '.join(list(known)[:20])}",
        )


def _scales(
    constraints: Sequence[Constraint], columns: Sequence[Typed], index: Mapping[str, int]
) -> dict[int, Scale]:
    """One scale for all columns that hang together by inequalities and sums."""
    sets: list[tuple[set[int], list[str]]] = []
    for constraint in constraints:
        if not isinstance(constraint, InequalityConstraint | SumConstraint):
            continue
        members, said = {index[name] for name in columns_of(constraint)}, [str(constraint)]
        apart = []
        for others, words in sets:
            if others & members:
                members, said = members | others, words + said
            else:
                apart.append((others, words))
        sets = [*apart, (members, said)]
    scales: dict[int, Scale] = {}
    for members, said in sets:
        scale = common_scale({i: columns[i].type for i in sorted(members)}, "; ".join(said))
        scales |= dict.fromkeys(members, scale)
    return scales


def _spans(
    constraints: Sequence[Constraint], columns: Sequence[Typed], index: Mapping[str, int]
) -> dict[int, Span]:
    spans: dict[int, Span] = {}
    for c in constraints:
        if isinstance(c, RangeConstraint):
            i = index[c.column]
            if not is_ordered(columns[i].type):
                raise SpecError(
                    f"{str(c)!r} is a range, but column {c.column!r} is of type {columns[i].type}",
                    "ranges are for numbers, dates and times; list values by combinations or conditions",
                )
            low, high = (bound(columns[i], end) for end in (c.min, c.max))
            before = spans.get(i, (None, None))
            lows = [end for end in (before[0], low) if end is not None]
            highs = [end for end in (before[1], high) if end is not None]
            low, high = max(lows, default=None), min(highs, default=None)
            if low is not None and high is not None and low > high:
                raise SpecError(
                    f"column {c.column!r}: the constraint {str(c)!r} leaves none of {low} to {high}",
                    "swap its ends, or take back another range of the column",
                )
            spans[i] = low, high
    return spans


def bound(column: Typed, value: str | float | bool | None) -> int | float | None:
    """The number of one end of a range, or None; raises `ConditionError` for no value of the column."""
    if value is None:
        return None
    number: int | float = numbers(
        plain(pa.array([read_scalar(column.name, column.type, value)], column.type))
    )[0].item()
    return number


def _inequalities(
    constraints: Sequence[Constraint], index: Mapping[str, int], scales: Mapping[int, Scale]
) -> tuple[Inequality, ...]:
    found = []
    for c in constraints:
        if isinstance(c, InequalityConstraint):
            lower, upper = index[c.lower], index[c.upper]
            gap = scales[lower].gap(c.gap, str(c))
            if lower == upper:
                raise SpecError(
                    f"the constraint {str(c)!r} compares a column with itself", "name two columns"
                )
            found.append(Inequality(lower=lower, upper=upper, gap=gap, strict=c.strict, said=str(c)))
    return tuple(found)


def _within_groups(
    inequalities: tuple[Inequality, ...],
    groups: list[Group],
    columns: Sequence[Column],
    scales: Mapping[int, Scale],
) -> tuple[tuple[Inequality, ...], list[Group]]:
    """Inequalities between columns of one group only thin out its combinations."""
    left = []
    for rule in inequalities:
        place = next((n for n, g in enumerate(groups) if {rule.lower, rule.upper} <= set(g.columns)), None)
        if place is None:
            left.append(rule)
            continue
        group = groups[place]
        (low, low_known), (high, high_known) = (
            _token_values(columns[i], scales[i], i, group.tuples[:, group.columns.index(i)])
            for i in (rule.lower, rule.upper)
        )
        kept = ~(low_known & high_known) | (rule.above(low) <= high)
        if not kept.any():
            raise SpecError(
                f"no combination of columns keeps {rule.said!r}", "take one of the constraints back"
            )
        groups = [
            *groups[:place],
            Group(columns=group.columns, tuples=group.tuples[kept]),
            *groups[place + 1 :],
        ]
    return tuple(left), groups


def _token_values(column: Column, scale: Scale, i: int, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    assert isinstance(column, ExactColumn)
    values, known = numbers(column.values), ~column.values.is_null().to_numpy(zero_copy_only=False)
    if values.dtype == np.float64:
        known &= ~np.isnan(values)
    scaled = values.astype(np.float64) if scale.floats else values.astype(np.int64) * scale.factors[i]
    return scaled[tokens], known[tokens]


def _check_sums(sums: Sequence[Sum], columns: Sequence[Typed], scales: Mapping[int, Scale]) -> None:
    totals = [rule.total for rule in sums]
    for rule in sums:
        name = columns[rule.total].name
        if totals.count(rule.total) > 1:
            raise SpecError(f"column {name!r} is the total of two sums", "declare one of them")
        scale = scales[rule.total]
        if not (scale.unit is None or pa.types.is_duration(columns[rule.total].type)):
            raise SpecError(f"{rule.said}: dates and times of day do not add up", "sum numbers or durations")
        if any(scale.factors[part] % scale.factors[rule.total] for part in rule.parts):
            raise SpecError(
                f"{rule.said}: column {name!r} of type {columns[rule.total].type} is coarser than its parts",
                "cast the total to a type that holds the sum exactly",
            )
        if not scale.floats or pa.types.is_floating(columns[rule.total].type):
            continue
        raise SpecError(f"{rule.said}: floats do not add up to whole numbers", "cast the total to a float")
