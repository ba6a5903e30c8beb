"""Drawing rows: the columns one after another, each from one softmax or two.

Here it is planned which columns come first, what is masked and what follows from what is known; the
logits come from `forward`. Tokens are drawn by inverse transform, one uniform number each: see `inverse`.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch.nn import functional

from mintage_generators.tabular.autoregressive.drawing import Draw, Drawn
from mintage_generators.tabular.autoregressive.forward import Forward, Scratch, State
from mintage_generators.tabular.autoregressive.inverse import Inverse
from mintage_generators.tabular.autoregressive.layout import Layout
from mintage_generators.tabular.autoregressive.parity import Parity
from mintage_generators.tabular.codec import Function, TableCodec
from mintage_generators.tabular.codec.rows import RuledRows
from mintage_generators.tabular.codec.ruling import Ruling
from mintage_generators.tabular.learning.hardware import torch_threads

CHUNK_ROWS = 4096
"""Rows drawn at a time: their hidden units stay in the processor's cache."""

EVERY, ROWS = -1, -2
"""Instead of the input whose tokens are a mask's cases: one case for all rows, and a case for each row."""

_MAX_LINK = 8_000_000
_MAX_MASK = 16_000_000
"""Cells of one mask that differs from row to row; fewer rows are drawn at a time where it is wide."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Factors for the weights of a column's one or two slots, 0 for what cannot be; by a known token.

    `first`: float32 (cases, outputs). `second`: float32 (cases, groups, outputs), or None. There is a
    single case, unless the mask is that of a function whose result is known: then a case for each token.
    """

    first: torch.Tensor
    second: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class Step:
    """One column to draw: its target, and masks (with the input of the case, or `EVERY` or `ROWS`)."""

    target: int
    masks: tuple[tuple[int, Mask], ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows being drawn: uniform numbers (slots, rows), what the network knows, tokens by input.

    `ruled` are the same rows as constraints see them; None when there are none.
    """

    uniform: torch.Tensor
    state: State
    known: dict[int, torch.Tensor]
    ruled: RuledRows | None


class Sampler:
    """Draws tokens with fixed weights."""

    def __init__(
        self,
        codec: TableCodec,
        layout: Layout,
        weights: Mapping[str, np.ndarray],
        products: str,
        temperature: float,
        *,
        parity: Parity | None = None,
    ) -> None:
        self.codec, self.layout, self.parity = codec, layout, parity
        self.forward = Forward(codec, layout, weights, products, temperature)
        self.of_target: list[list[int]] = [[] for _ in layout.targets]
        for number, slot in enumerate(layout.slots):
            self.of_target[slot.target].append(number)
        place = {column: position for position, column in enumerate(layout.inputs)}
        self.functions: dict[int, list[tuple[int, Function]]] = {}
        for f in codec.functions:
            if f.source in place and f.result in place:
                self.functions.setdefault(place[f.source], []).append((place[f.result], f))
        self.links = self._links()

    def draw(self, draw: Draw) -> Drawn:
        """The rows, chunk by chunk."""
        layout, rows = self.layout, draw.rows
        tokens = np.zeros((len(self.codec.columns), rows), np.int32)
        fixed, steps = self._plan(draw)
        scratch, size = Scratch(), self._chunk_rows(draw)
        parts: list[dict[int, pa.Array]] = []
        failed = np.zeros(rows, np.bool_)
        with torch.inference_mode(), torch_threads(1):
            for start in range(0, rows, size):
                part = torch.from_numpy(np.ascontiguousarray(draw.uniform[:, start : start + size]))
                state = self.forward.start(part.shape[1], scratch)
                chunk = Chunk(part, state, {}, draw.ruled(start, part.shape[1]))
                for position, values in enumerate(self._chunk(chunk, draw, fixed, steps)):
                    tokens[layout.inputs[position], start : start + size] = values.numpy()
                if chunk.ruled is not None:
                    parts.append(chunk.ruled.arrays())
                    failed[start : start + size] = chunk.ruled.failed
        arrays = {i: pa.concat_arrays([part[i] for part in parts]) for i in (parts[0] if parts else {})}
        return Drawn(tokens=list(tokens), arrays=arrays, failed=failed)

    def shares(self, draw: Draw) -> np.ndarray:
        """Probabilities of the tokens of column `draw.last` in each row, given all others: (rows, tokens)."""
        fixed, steps = self._plan(draw)
        step = steps.pop()
        assert self.layout.inputs[self.layout.targets[step.target]] == draw.last
        found = []
        with torch.inference_mode(), torch_threads(1):
            for start in range(0, draw.rows, size := self._chunk_rows(draw)):
                part = torch.from_numpy(np.ascontiguousarray(draw.uniform[:, start : start + size]))
                state = self.forward.start(part.shape[1])
                chunk = Chunk(part, state, {}, draw.ruled(start, part.shape[1]))
                self._chunk(chunk, draw, fixed, steps)
                found.append(self._shares(step, chunk))
        return np.concatenate(found)

    def _shares(self, step: Step, chunk: Chunk) -> np.ndarray:
        step, number = self._masked(step, chunk), self.of_target[step.target][0]
        size = self.layout.slots[number].size
        weights = torch.softmax(self.forward.logits(chunk.state, number, None)[:, :size].float(), dim=1)
        factors = _first_factors(step, chunk.known)
        if factors is not None:
            weights = weights * factors[:, :size]
        return np.asarray((weights / weights.sum(dim=1, keepdim=True)).double().numpy())

    def _chunk_rows(self, draw: Draw) -> int:
        if draw.ruling is None:
            return CHUNK_ROWS
        tied = {*draw.ruling.rules.tied, *(self.layout.inputs[f] for f in self.functions if draw.given)}
        widest = max((self.codec.columns[i].tokens for i in tied), default=1)
        return max(16, min(CHUNK_ROWS, _MAX_MASK // widest))

    def _chunk(
        self, chunk: Chunk, draw: Draw, fixed: dict[int, int], steps: list[Step]
    ) -> list[torch.Tensor]:
        rows, inputs = chunk.uniform.shape[1], self.layout.inputs
        if chunk.ruled is not None:
            self._begin(chunk, draw)
        for position, token in fixed.items():
            self._learn(position, torch.full((rows,), token), chunk)
        for position in [*chunk.known]:
            if inputs[position] not in draw.unseen:
                self._follow(position, chunk)
        for step in steps:
            position = self.layout.targets[step.target]
            if position in chunk.known:
                continue
            self._learn(position, self._token(step, chunk), chunk)
            self._follow(position, chunk)
        none = torch.zeros(rows, dtype=torch.int64)
        return [chunk.known.get(position, none) for position in range(len(inputs))]

    def _begin(self, chunk: Chunk, draw: Draw) -> None:
        """What is there before anything is drawn: given columns, and constants."""
        assert chunk.ruled is not None
        rows = chunk.uniform.shape[1]
        place = {column: position for position, column in enumerate(self.layout.inputs)}
        for i in draw.given:
            if i in place:
                token = torch.from_numpy(chunk.ruled.near[i]).long().clamp_min(0)
                chunk.known[place[i]] = token
                if i not in draw.unseen:
                    self.forward.learn(chunk.state, place[i], token)
        for i in range(len(self.codec.columns)):
            if i not in place and i not in draw.given and i not in chunk.ruled.ruling.rules.totals:
                chunk.ruled.settle(i, np.zeros(rows, np.int32))
        self._compute(chunk)

    def _learn(self, position: int, token: torch.Tensor, chunk: Chunk) -> None:
        chunk.known[position] = token
        self.forward.learn(chunk.state, position, token)
        if chunk.ruled is not None:
            chunk.ruled.settle(self.layout.inputs[position], token.numpy())
            self._compute(chunk)

    def _compute(self, chunk: Chunk) -> None:
        """Columns that are sums, as soon as they can be told; one sum may be part of another."""
        assert chunk.ruled is not None
        inputs = self.layout.inputs
        while computed := next(chunk.ruled.computed(), None):
            column, tokens = computed
            if column in inputs:
                position = inputs.index(column)
                chunk.known[position] = torch.from_numpy(tokens).long()
                self.forward.learn(chunk.state, position, chunk.known[position])

    def _follow(self, source: int, chunk: Chunk) -> None:
        for result, function in self.functions.get(source, []):
            if result not in chunk.known:
                table = torch.from_numpy(function.table)
                self._learn(result, table.index_select(0, chunk.known[source]).long(), chunk)
                self._follow(result, chunk)

    def _token(self, step: Step, chunk: Chunk) -> torch.Tensor:
        numbers, position = self.of_target[step.target], self.layout.targets[step.target]
        step = self._masked(step, chunk)
        token = self._drawn(numbers[0], chunk, _first_factors(step, chunk.known))
        if len(numbers) == 1:
            return token
        factors = _second_factors(step, chunk.known, token)
        inside = self._drawn(numbers[1], chunk, factors, group=token)
        return inside.add_(token, alpha=self.layout.groups[position])

    def _masked(self, step: Step, chunk: Chunk) -> Step:
        """The step with a mask for each row, where constraints or given values ask for one."""
        position = self.layout.targets[step.target]
        mask = chunk.ruled.mask(self.layout.inputs[position]) if chunk.ruled is not None else None
        if mask is None:
            return step
        # A row's own mask has the conditions in it already.
        own = (ROWS, self._mask(position, mask))
        return Step(step.target, (own, *(pair for pair in step.masks if pair[0] != EVERY)))

    def _drawn(
        self,
        number: int,
        chunk: Chunk,
        factors: torch.Tensor | None,
        *,
        group: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """An output of the slot for each row, int64, given the group drawn, if any."""
        logits = self.forward.logits(chunk.state, number, group)
        weights = chunk.state.scratch.take("weights", len(logits), logits.shape[1], torch.float32)
        return self.forward.inverse[number].pick(logits, chunk.uniform[number], factors, weights)

    def _plan(self, draw: Draw) -> tuple[dict[int, int], list[Step]]:
        """Inputs with a single token allowed, and the steps for the others: conditioned columns first."""
        layout, conditions = self.layout, draw.conditions
        given = {p for p, i in enumerate(layout.inputs) if i in draw.given}
        allowed = {p: conditions.allowed[i] for p, i in enumerate(layout.inputs) if i in conditions.allowed}
        allowed = {p: mask for p, mask in allowed.items() if p not in given}
        fixed = {
            p: int(mask.argmax()) for p, mask in allowed.items() if mask.sum() == 1 and self._at_once(p, draw)
        }
        free = [n for n, position in enumerate(layout.targets) if position not in fixed.keys() | given]
        free.sort(key=lambda n: layout.targets[n] not in allowed)
        last = None if draw.last is None else layout.inputs.index(draw.last)
        if self.parity is not None and last is None:
            last = layout.inputs.index(self.parity.outcome)
        free.sort(key=lambda n: layout.targets[n] == last)
        free = self._ordered(free, draw.ruling)
        known = fixed.keys() | {p for p in given if layout.inputs[p] not in draw.unseen}
        for position in [*known]:
            known |= {result for result, _ in self.functions.get(position, [])}
        steps = []
        for number in free:
            position = layout.targets[number]
            masks: list[tuple[int, Mask]] = []
            if position in allowed:
                factors: np.ndarray = allowed[position]
                if (domain := conditions.domains.get(layout.inputs[position])) is not None:
                    # Of a token that stands for a range, only a part may be allowed.
                    factors = factors * domain.shares()
                masks.append((EVERY, self._mask(position, factors[None])))
            for result, mask in self.links.get(position, []):
                if result in known and result not in fixed and result not in given:
                    masks.append((result, mask))
            if self.parity is not None and layout.inputs[position] == self.parity.outcome:
                group = layout.inputs.index(self.parity.protected)
                masks.append((group, Mask(_filled(self.parity.factors), None)))
            steps.append(Step(number, tuple(masks)))
            known.add(position)
            known |= {result for result, _ in self.functions.get(position, [])}
        return fixed, steps

    def _at_once(self, position: int, draw: Draw) -> bool:
        """Whether a column's one token can be known from the start.

        Not where it stands for many values and constraints have a say in which.
        """
        i = self.layout.inputs[position]
        if draw.ruling is None or i not in draw.ruling.rules.rising:
            return True
        return self.codec.columns[i].exact or i in draw.conditions.written

    def _ordered(self, free: list[int], ruling: Ruling | None) -> list[int]:
        """The targets in the order given, as far as the constraints allow it; computed ones left out."""
        if ruling is None:
            return free
        inputs, targets = self.layout.inputs, self.layout.targets
        column = {number: inputs[targets[number]] for number in free}
        rank = {column[number]: place for place, number in enumerate(free)}
        edges = {*ruling.rules.edges, *((f.source, f.result) for f in self.codec.functions)}
        after: dict[int, list[int]] = {}
        waits = dict.fromkeys({*rank, *(i for edge in edges for i in edge)}, 0)
        for one, other in edges:
            after.setdefault(one, []).append(other)
            waits[other] += 1
        ready = [(rank.get(i, -1), i) for i, count in waits.items() if not count]
        heapq.heapify(ready)
        order = []
        while ready:
            _, i = heapq.heappop(ready)
            order.append(i)
            for other in after.get(i, ()):
                waits[other] -= 1
                if not waits[other]:
                    heapq.heappush(ready, (rank.get(other, -1), other))
        number_of = {i: number for number, i in column.items()}
        return [number_of[i] for i in order if i in number_of and i not in ruling.rules.totals]

    def _links(self) -> dict[int, list[tuple[int, Mask]]]:
        """For each source of a function, which of its tokens go with a known result."""
        links: dict[int, list[tuple[int, Mask]]] = {}
        sources: dict[int, int] = {}
        for pairs in self.functions.values():
            for result, _ in pairs:
                sources[result] = sources.get(result, 0) + 1
        for source, pairs in self.functions.items():
            for result, function in pairs:
                size = self.layout.sizes[result]
                if sources[result] > 1 and size * len(function.table) <= _MAX_LINK:
                    allowed = function.table[None] == np.arange(size, dtype=np.int32)[:, None]
                    allowed[~allowed.any(axis=1)] = True
                    links.setdefault(source, []).append((result, self._mask(source, allowed)))
        return links

    def _mask(self, position: int, allowed: np.ndarray) -> Mask:
        """The mask of an input's tokens; allowed: bool, or the share that is, (cases, tokens)."""
        size = self.layout.groups[position]
        if not size:
            return Mask(_filled(allowed), None)
        groups = -(-allowed.shape[1] // size)
        counts = self.codec.columns[self.layout.inputs[position]].counts + 0.1
        pad = ((0, 0), (0, groups * size - allowed.shape[1]))
        inside = np.pad(allowed, pad).reshape(len(allowed), groups, size)
        weights = np.pad(allowed * counts, pad).reshape(inside.shape).sum(axis=2)
        total = np.pad(counts, pad[1]).reshape(groups, size).sum(axis=1)
        # A group of which only some tokens are allowed counts by the share of its rows that they have.
        none = ~inside.any(axis=2, keepdims=True)
        return Mask(_filled(weights / total), _filled(np.where(none, 1.0, inside)))


def _first_factors(step: Step, known: Mapping[int, torch.Tensor]) -> torch.Tensor | None:
    factors = [
        mask.first if case < 0 else mask.first.index_select(0, known[case]) for case, mask in step.masks
    ]
    return functools.reduce(torch.mul, factors) if factors else None


def _second_factors(
    step: Step, known: Mapping[int, torch.Tensor], group: torch.Tensor
) -> torch.Tensor | None:
    factors = []
    for case, mask in step.masks:
        assert mask.second is not None
        flat = group
        if case != EVERY:
            number = torch.arange(len(group)) if case == ROWS else known[case]
            flat = number * mask.second.shape[1] + group
        factors.append(mask.second.flatten(0, 1).index_select(0, flat))
    return functools.reduce(torch.mul, factors) if factors else None


def _filled(factors: np.ndarray) -> torch.Tensor:
    """Factors as float32, as many as there are logits."""
    more = Inverse(factors.shape[-1]).padded - factors.shape[-1]
    return functional.pad(torch.from_numpy(factors.astype(np.float32)), (0, more))
