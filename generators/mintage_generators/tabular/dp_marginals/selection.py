"""Which marginals are measured, and measuring them: a tree first (MST), then the worst pairs (AIM).

MST: McKenna, Miklau and Sheldon (2021). AIM: McKenna, Mullins, Sheldon and Miklau (2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from mintage_generators.tabular.dp_marginals.estimation import STEPS, Fitted, Measurement, estimate
from mintage_generators.tabular.dp_marginals.junction_tree import JunctionTree
from mintage_generators.tabular.dp_marginals.pair_shares import pair_shares
from mintage_generators.tabular.ledger import Ledger

MAX_CELLS = 200_000
"""Cells of all tables of the model at most."""

MAX_CANDIDATES = 200
"""Pairs looked at in one round; of more, some are drawn that do not depend on the rows."""

_PAIR_CELLS = 1_000_000
_SELECTION_SHARE = 0.1
_EXPECTED = math.sqrt(2 / math.pi)
"""Mean of the absolute value of standard normal noise."""

Pair = tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Selection:
    """Measures marginals of `tokens` (int32, rows x columns, negative where unknown) through the ledger.

    `names` and `sizes` are of the columns; `rows` is their noisy number.
    """

    ledger: Ledger
    tokens: np.ndarray
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    rows: float
    public: np.random.Generator
    measured: list[Measurement] = field(default_factory=list)
    _joint: dict[Pair, np.ndarray] = field(default_factory=dict)

    def singles(self, rho: float) -> Fitted:
        """Measure every column by itself."""
        each = rho / len(self.sizes)
        for column, size in enumerate(self.sizes):
            seen = self.tokens[:, column]
            self._measure((column,), np.bincount(seen[seen >= 0], minlength=size), each)
        return self._fit([], None)

    def tree(self, rho: float, start: Fitted) -> Fitted:
        """Choose the pairs of a spanning tree, far from independent each, then measure all of them."""
        links = len(self.sizes) - 1
        if links < 1:
            return start
        chosen: list[Pair] = []
        component = np.arange(len(self.sizes))
        noise = self.ledger.deviation((1 - _SELECTION_SHARE) * rho / links)
        scores = self._scores(self._usable_pairs(), start, noise)
        for _ in range(links):
            open_pairs = [pair for pair in scores if component[pair[0]] != component[pair[1]]]
            if not open_pairs:
                break
            pair = self._choose("tree", {p: scores[p] for p in open_pairs}, _SELECTION_SHARE * rho / links)
            component[component == component[pair[1]]] = component[pair[0]]
            chosen.append(pair)
        for pair in chosen:
            self._measure(pair, self._counts(pair), (1 - _SELECTION_SHARE) * rho / links)
        return self._fit(chosen, start)

    def worst(self, rho: float, start: Fitted, rounds: int) -> Fitted:
        """Round by round, measure a pair that the model tells badly and that its tables can hold."""
        fitted = start
        for _ in range(rounds):
            each = rho / rounds
            noise = self.ledger.deviation((1 - _SELECTION_SHARE) * each)
            fitting = [pair for pair in self._candidates() if self._fits(pair, fitted)]
            if not fitting:
                break
            pair = self._choose("worst", self._scores(fitting, fitted, noise), _SELECTION_SHARE * each)
            self._measure(pair, self._counts(pair), (1 - _SELECTION_SHARE) * each)
            fitted = self._fit(self._pairs(), fitted, STEPS // 5)
        return self._fit(self._pairs(), fitted)

    def _measure(self, columns: tuple[int, ...], counts: np.ndarray, rho: float) -> None:
        named = " and ".join(repr(self.names[column]) for column in columns)
        noisy = self.ledger.counts(f"marginal of {named}", counts, rho=rho)
        measurement = Measurement(columns=columns, noisy=noisy, deviation=self.ledger.deviation(rho))
        self.measured.append(measurement)

    def _fit(self, pairs: list[Pair], start: Fitted | None, steps: int = STEPS) -> Fitted:
        tree = JunctionTree.of(self.sizes, pairs)
        if start is not None and not all(tree.home(clique) >= 0 for clique in start.tree.cliques):
            start = None
        return estimate(tree, self.measured, rows=self.rows, start=start, steps=steps)

    def _choose(self, why: str, scores: Mapping[Pair, float], rho: float) -> Pair:
        number = self.ledger.choice(
            f"choice of a pair ({why})", np.array(list(scores.values())), sensitivity=1.0, rho=rho
        )
        return list(scores)[number]

    def _scores(self, pairs: list[Pair], fitted: Fitted, noise: float) -> dict[Pair, float]:
        """By how many rows the model misses each pair, less what noise will: one row changes 1 at most."""
        scores: dict[Pair, float] = {}
        for first in sorted({pair[0] for pair in pairs}):
            told = pair_shares(fitted.tree, fitted.beliefs, first)
            for pair in (p for p in pairs if p[0] == first):
                missed = float(np.abs(self._counts(pair) - self.rows * told[pair[1]]).sum())
                scores[pair] = missed - noise * _EXPECTED * told[pair[1]].size
        return scores

    def _counts(self, pair: Pair) -> np.ndarray:
        if pair not in self._joint:
            one, other = (self.tokens[:, column].astype(np.int64) for column in pair)
            width, known = self.sizes[pair[1]], (one >= 0) & (other >= 0)
            flat = np.bincount(one[known] * width + other[known], minlength=self.sizes[pair[0]] * width)
            self._joint[pair] = flat.reshape(-1, width)
        return self._joint[pair]

    def _usable_pairs(self) -> list[Pair]:
        every = combinations(range(len(self.sizes)), 2)
        return [(a, b) for a, b in every if self.sizes[a] * self.sizes[b] <= _PAIR_CELLS]

    def _pairs(self) -> list[Pair]:
        return [(m.columns[0], m.columns[1]) for m in self.measured if len(m.columns) == 2]

    def _candidates(self) -> list[Pair]:
        pairs = self._usable_pairs()
        if len(pairs) > MAX_CANDIDATES:
            pairs = [pairs[i] for i in np.sort(self.public.choice(len(pairs), MAX_CANDIDATES, replace=False))]
        return pairs

    def _fits(self, pair: Pair, fitted: Fitted) -> bool:
        if fitted.tree.home(pair) >= 0:
            return True
        return JunctionTree.of(self.sizes, [*self._pairs(), pair]).cells <= MAX_CELLS
