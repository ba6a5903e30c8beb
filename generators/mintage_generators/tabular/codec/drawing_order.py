"""In which order compared and summed columns are drawn, and which way each set of them."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from mintage.errors import SpecError
from mintage_generators.tabular.codec.column import Column
from mintage_generators.tabular.codec.combinations import Group
from mintage_generators.tabular.codec.relations import Inequality, Sum


class Order:
    """Which way each set of compared columns is drawn, and what is drawn before what."""

    def __init__(
        self,
        inequalities: tuple[Inequality, ...],
        sums: tuple[Sum, ...],
        groups: Sequence[Group],
        columns: Sequence[Column],
    ) -> None:
        self.inequalities, self.groups, self.columns = inequalities, groups, columns
        self.totals = {rule.total: rule for rule in sums}
        self.edges = [(part, rule.total) for rule in sums for part in rule.parts]
        self.rising: dict[int, bool] = {}
        self.bounded: set[int] = set()

    def plan(self) -> tuple[dict[int, bool], tuple[tuple[int, int], ...]]:
        """Whether each compared column is drawn upwards, and pairs of which the first is drawn first."""
        for rules in _connected(self.inequalities):
            up = [(rule.lower, rule.upper) for rule in rules]
            against = sum(self.columns[a].tokens > self.columns[b].tokens for a, b in up)
            ways = (True, False) if 2 * against <= len(up) else (False, True)
            problems = [self._try(up, rising=way) for way in ways]
            if all(problems):
                raise SpecError(
                    f"the constraints {'; '.join(rule.said for rule in rules)} cannot be kept together with "
                    f"the others: {problems[0]}",
                    "take one of them back",
                )
        return self.rising, tuple(dict.fromkeys(self.edges))

    def _try(self, up: list[tuple[int, int]], *, rising: bool) -> str:
        """Why these inequalities cannot be kept this way; empty when they can, and then they are planned."""
        members = {i for pair in up for i in pair}
        pairs = up if rising else [(b, a) for a, b in up]
        bounded = self.bounded | {after for _, after in pairs}
        if computed := bounded & set(self.totals):
            return f"{self.columns[computed.pop()].name} is computed, and what is below it is drawn before"
        edges = [*self.edges, *pairs]
        for group in self.groups:
            first = sorted(bounded & set(group.columns))
            if len(first) > 1:
                names = ", ".join(self.columns[i].name for i in first)
                return f"columns {names} are bound by each other's combinations and by inequalities"
            edges += [(first[0], other) for other in group.columns if first and other != first[0]]
        if circle(edges):
            names = ", ".join(sorted(self.columns[i].name for i in members))
            return f"there is no order in which {names} and the columns tied to them can be drawn"
        self.edges, self.bounded = edges, bounded
        self.rising |= dict.fromkeys(members, rising)
        return ""


def circle(edges: Sequence[tuple[int, int]]) -> set[int]:
    """The columns of a circle of edges; empty when there is none."""
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for before, after in edges:
        sorter.add(after, before)
    try:
        sorter.prepare()
    except CycleError as exc:
        return set(exc.args[1])
    return set()


def _connected(inequalities: Sequence[Inequality]) -> list[list[Inequality]]:
    """The inequalities in sets that share columns."""
    sets: list[list[Inequality]] = []
    for rule in inequalities:
        ends, joint, apart = {rule.lower, rule.upper}, [rule], []
        for other in sets:
            touches = ends & {i for one in other for i in (one.lower, one.upper)}
            if touches:
                joint = other + joint
            else:
                apart.append(other)
        sets = [*apart, joint]
    return sets
