"""Rules under the conditions of a request: what each column may still hold, before any row is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mintage.errors import ConditionError
from mintage_generators.tabular.codec.axes import Axis, Scale
from mintage_generators.tabular.codec.column import Column, plain
from mintage_generators.tabular.codec.combinations import Group, GroupLevels
from mintage_generators.tabular.codec.conditions import Conditions
from mintage_generators.tabular.codec.domains import Domain
from mintage_generators.tabular.codec.functions import Function
from mintage_generators.tabular.codec.physical import numbers, type_limits
from mintage_generators.tabular.codec.relations import Inequality, Sum
from mintage_generators.tabular.codec.rules import Rules, Span

_ROUNDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """Rules and conditions brought together: every value that is left can be completed to a row.

    `conditions` are those given, with all masks narrowed by the rules; `axes` the domains of columns
    that are compared, summed or bounded; `levels` the combinations left.
    """

    rules: Rules
    conditions: Conditions
    columns: Sequence[Column]
    functions: Sequence[Function]
    axes: Mapping[int, Axis]
    levels: tuple[GroupLevels, ...]

    @classmethod
    def of(
        cls,
        rules: Rules,
        columns: Sequence[Column],
        functions: Sequence[Function],
        conditions: Conditions,
        *,
        computed: bool = False,
    ) -> Ruling:
        """Raises `ConditionError` where conditions and rules leave no value, naming column and rule.

        computed: whether conditions on computed columns are of no account, as when null is to be filled.
        """
        if computed:
            allowed = {i: mask for i, mask in conditions.allowed.items() if i not in rules.totals}
            conditions = replace(conditions, allowed=allowed)
        narrowing = _Narrowing(rules, columns, functions, conditions)
        narrowing.run()
        groups = [group.among(narrowing.allowed) for group in rules.groups]
        sizes = {i: columns[i].tokens for group in groups for i in group.columns}
        return cls(
            rules=rules,
            conditions=replace(conditions, allowed=narrowing.allowed),
            columns=columns,
            functions=functions,
            axes=narrowing.axes,
            levels=tuple(GroupLevels(group=group, sizes=sizes) for group in groups),
        )


class _Narrowing:
    """Takes values away that no row could have, until there are none to take away."""

    def __init__(
        self,
        rules: Rules,
        columns: Sequence[Column],
        functions: Sequence[Function],
        conditions: Conditions,
    ) -> None:
        self.rules, self.columns, self.functions = rules, columns, functions
        self.given = {*conditions.allowed, *conditions.domains}
        self.allowed = {i: mask.copy() for i, mask in conditions.allowed.items()}
        self.axes: dict[int, Axis] = {}
        said = {i: rule.said for rule in rules.inequalities for i in (rule.lower, rule.upper)}
        said |= {i: rule.said for rule in rules.sums for i in (rule.total, *rule.parts)}
        for i in sorted({*rules.scales, *rules.spans, *conditions.domains}):
            domain = conditions.domains.get(i) or rules.domain(i, columns[i])
            if i in conditions.written and conditions.written[i].is_valid:
                # Of a token that stands for a range, only the value asked for.
                number = numbers(plain(pa.array([conditions.written[i]], columns[i].type)))[0]
                if not np.isnan(number):
                    domain = domain.between([(number, number)], free=False)
            scale = rules.scales.get(i) or Scale(factors={i: 1}, floats=bool(domain.low.dtype == np.float64))
            axis = Axis(domain=domain, factor=scale.factors[i], floats=scale.floats)
            if i in rules.scales:
                axis.checked(said.get(i, columns[i].name))
            if i in rules.spans and i not in rules.totals:
                axis = axis.within(domain.between([rules.spans[i]], free=True))
            self.axes[i] = axis

    def run(self) -> None:
        """To the end; every round takes at least one value away, or is the last."""
        self._refuse_totals()
        for i in self.axes:
            if i not in self.rules.totals:
                self._narrow(i, self.axes[i].domain, self._ranged(i))
        for _ in range(_ROUNDS):
            before = self._size()
            for rule in self.rules.inequalities:
                self._compare(rule)
            for group in self.rules.groups:
                self._combine(group)
            for function in self.functions:
                self._follow(function)
            if self._size() == before:
                break
        for total in self.rules.sums:
            self._check_total(total)

    def _refuse_totals(self) -> None:
        for rule in self.rules.sums:
            if rule.total in self.given:
                name = self.columns[rule.total].name
                raise ConditionError(
                    f"column {name!r} cannot be conditioned: it is computed by {rule.said!r}",
                    "set the condition on its parts",
                )

    def _size(self) -> tuple[int, int, float]:
        masks = sum(int(mask.sum()) for mask in self.allowed.values())
        pieces = sum(len(axis.domain.token) for axis in self.axes.values())
        ends = [axis.ends() for axis in self.axes.values()]
        return masks, pieces, hash(tuple((float(e[0][0]), float(e[1][0])) for e in ends if e))

    def _ends(self, i: int) -> tuple[np.ndarray, np.ndarray] | None:
        """The smallest and largest value of a column on its scale; those of a total are the parts'."""
        rule = next((rule for rule in self.rules.sums if rule.total == i), None)
        if rule is None:
            return self.axes[i].ends()
        ends = [self._ends(part) for part in rule.parts]
        if any(end is None for end in ends):
            return None
        low, high = (np.sum([end[side] for end in ends if end], axis=0) for side in (0, 1))
        return low, high

    def _nullable(self, i: int) -> bool:
        rule = next((rule for rule in self.rules.sums if rule.total == i), None)
        return self.axes[i].nullable if rule is None else any(self._nullable(part) for part in rule.parts)

    def _compare(self, rule: Inequality) -> None:
        lower, upper = self.axes[rule.lower], self.axes[rule.upper]
        if not self._nullable(rule.upper) and (ends := self._ends(rule.upper)):
            bound = lower.at_most(rule.below(ends[1]))[0]
            self._bound(rule.lower, (None, bound), rule.said)
        if not self._nullable(rule.lower) and (ends := self._ends(rule.lower)):
            bound = upper.at_least(rule.above(ends[0]))[0]
            self._bound(rule.upper, (bound, None), rule.said)

    def _bound(self, i: int, span: Span, said: str) -> None:
        if i not in self.rules.totals:
            self._narrow(i, self.axes[i].domain.between([span], free=True), said)
            return
        low, high = self._needed_ends(i)
        axis = self.axes[i]
        start, end = span
        inside = (start is None or axis.at_most(low)[0] >= start) and (
            end is None or axis.at_least(high)[0] <= end
        )
        if not inside:
            raise ConditionError(
                f"{said!r} cannot be kept for every row: the sum {self.columns[i].name!r} may be anything "
                f"from {low[0]} to {high[0]}",
                "set ranges on the parts of the sum, so that it always fits",
            )

    def _needed_ends(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        axis = self.axes[i]
        return self._ends(i) or (axis.nothing(up=True), axis.nothing(up=False))

    def _combine(self, group: Group) -> None:
        left = group.among(self.allowed)
        for i in group.columns:
            said = f"combinations of {', '.join(self.columns[c].name for c in group.columns)}"
            self._keep(i, left.tokens(i, self.columns[i].tokens), said)

    def _follow(self, function: Function) -> None:
        if function.result in self.allowed:
            results = np.append(self.allowed[function.result], False)[function.table]
            self._keep(function.source, results, f"the function {self.columns[function.result].name}")

    def _keep(self, i: int, allowed: np.ndarray, said: str) -> None:
        if i in self.axes:
            self._narrow(i, self.axes[i].domain.among(allowed), said)
            return
        self.allowed[i] = self.allowed.get(i, np.ones(len(allowed), np.bool_)) & allowed
        self._need_some(i, said)

    def _narrow(self, i: int, domain: Domain, said: str) -> None:
        mask = self.allowed.get(i)
        domain = domain if mask is None else domain.among(mask)
        self.axes[i] = self.axes[i].within(domain)
        self.allowed[i] = domain.tokens()
        self._need_some(i, said)

    def _need_some(self, i: int, said: str) -> None:
        if not self.allowed[i].any():
            column = self.columns[i]
            raise ConditionError(
                f"{said} leaves no value for column {column.name!r}"
                + (", given the conditions" if self.given else ""),
                f"take back one of the constraints or conditions; values made: {column.describe()}",
            )

    def _ranged(self, i: int) -> str:
        name = self.columns[i].name
        return f"the range of {name}" if i in self.rules.spans else f"the condition on {name}"

    def _check_total(self, rule: Sum) -> None:
        """A total must fit its range and its type, whatever its parts turn out to be."""
        axis, name = self.axes[rule.total], self.columns[rule.total].name
        if rule.total in self.rules.spans:
            self._bound(rule.total, self.rules.spans[rule.total], f"the range of {name}")
        low, high = self._needed_ends(rule.total)
        limits = type_limits(axis.domain.column.type)
        if limits and not (
            limits[0] <= int(low[0]) // axis.factor and int(high[0]) // axis.factor <= limits[1]
        ):
            raise ConditionError(
                f"{rule.said}: the sum may be anything from {low[0]} to {high[0]}, more than column {name!r} "
                f"of type {axis.domain.column.type} holds",
                "cast the total to a wider type, or set ranges on its parts",
            )
