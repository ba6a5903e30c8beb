"""What the softmaxes may put out: under conditions, and so that functions of two columns agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mintage_generators.tabular.codec import Conditions, Function, TableCodec
from mintage_generators.tabular.diffusion.layout import Layout, Slot


@dataclass(frozen=True, slots=True)
class Link:
    """A function of a column whose result another column has too.

    For each token of the result, `shares` has the factors of the column's first slot, float32
    (results, outputs); `table` has the result of each token, cut into groups, when there is a second.
    """

    result: int
    shares: np.ndarray
    table: np.ndarray | None


class Masks:
    """Factors for the outputs of each slot, 0 for what cannot be, under the conditions of one request."""

    def __init__(self, codec: TableCodec, layout: Layout, conditions: Conditions) -> None:
        self._layout = layout
        self._allowed = [_allowed(codec, layout, n, conditions) for n in range(len(layout.slots))]
        self._base = [
            _base(slot, allowed, codec.columns[slot.column].counts)
            for slot, allowed in zip(layout.slots, self._allowed, strict=True)
        ]
        self._functions: dict[int, list[Function]] = {}
        for function in codec.functions:
            self._functions.setdefault(function.source, []).append(function)
        self._links = _links(codec, layout, self._functions)
        self.order = sorted(range(len(layout.slots)), key=self._turn)

    def fixed(self, number: int) -> int | None:
        """The only output that slot `number` may have, or None when there are several."""
        tokens = np.flatnonzero(self._allowed[number])
        return int(self._layout.slots[number].values(tokens)[0]) if len(tokens) == 1 else None

    def factors(
        self, number: int, group: np.ndarray | None, known: Mapping[int, np.ndarray], rows: int
    ) -> np.ndarray:
        """Factors of slot `number`, float32 (rows, outputs), above 0 somewhere in each row.

        group: what the slot before gave, for a second slot; known: tokens of the columns known so far.
        """
        slot, base = self._layout.slots[number], self._base[number]
        base = np.broadcast_to(base, (rows, slot.size)) if group is None else base[group]
        factors = base
        for link in self._links.get(slot.column, []):
            if link.result not in known:
                continue
            result = known[link.result]
            if group is None:
                factors = factors * link.shares[result]
            elif link.table is not None:
                factors = factors * (link.table[group] == result[:, None])
        # Conditions come before agreement where they leave no room for both.
        return np.where(factors.any(axis=1, keepdims=True), factors, base).astype(np.float32)

    def follow(self, column: int, known: dict[int, np.ndarray]) -> None:
        """Add to `known` what follows from this column."""
        for function in self._functions.get(column, []):
            if function.result not in known:
                known[function.result] = function.table[known[column]]
                self.follow(function.result, known)

    def _turn(self, number: int) -> int:
        """Fixed columns come first, then those with a condition, so that the others are drawn given them."""
        if self.fixed(number) is not None:
            return 0
        return 1 if not self._allowed[number].all() else 2


def _allowed(codec: TableCodec, layout: Layout, number: int, conditions: Conditions) -> np.ndarray:
    """Which tokens, or kinds, of the slot's column the conditions allow."""
    column = layout.slots[number].column
    allowed = conditions.allowed.get(column, np.ones(codec.columns[column].tokens, np.bool_))
    if number in layout.kinds:
        return layout.numbers[layout.kinds.index(number)].kinds_allowed(allowed)
    return allowed


def _base(slot: Slot, allowed: np.ndarray, counts: np.ndarray) -> np.ndarray:
    if not slot.group:
        return allowed.astype(np.float32)
    return _grouped(slot, allowed, False) if slot.level else _shares(slot, allowed[None], counts)[0]


def _links(
    codec: TableCodec, layout: Layout, functions: Mapping[int, list[Function]]
) -> dict[int, list[Link]]:
    results = [function.result for function in codec.functions]
    links: dict[int, list[Link]] = {}
    for slot in layout.slots:
        for function in functions.get(slot.column, []) if not slot.level else []:
            if results.count(function.result) < 2:
                continue
            every = np.arange(codec.columns[function.result].tokens)
            goes = function.table[None] == every[:, None]
            counts = codec.columns[slot.column].counts
            shares = _shares(slot, goes, counts) if slot.group else goes.astype(np.float32)
            table = _grouped(slot, function.table, -1) if slot.group else None
            links.setdefault(slot.column, []).append(Link(function.result, shares, table))
    return links


def _grouped(slot: Slot, values: np.ndarray, filler: int) -> np.ndarray:
    """Values of a column's tokens cut into groups, (groups, tokens of a group)."""
    more = -len(values) % slot.group
    return np.pad(values, (0, more), constant_values=filler).reshape(-1, slot.group)


def _shares(slot: Slot, allowed: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The share of each group's rows whose tokens are allowed: float32 (cases, groups).

    allowed: bool (cases, tokens). A group of which only some tokens are allowed counts by that share.
    """
    weights = counts + 0.1
    starts = np.arange(0, len(weights), slot.group)
    own = np.add.reduceat(np.where(allowed, weights, 0.0), starts, axis=1)
    return np.asarray(own / np.add.reduceat(weights, starts), np.float32)
