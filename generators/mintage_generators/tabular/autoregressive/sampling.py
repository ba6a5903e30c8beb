"""Drawing rows: the columns one after another, each from one softmax or two.

Here it is planned which columns come first, what is masked and what follows from what is known; the
logits come from `forward`. Tokens are drawn by inverse transform, one uniform number each: see `inverse`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from mintage_generators.tabular.autoregressive.forward import Forward, Scratch, State
from mintage_generators.tabular.autoregressive.inverse import Inverse
from mintage_generators.tabular.autoregressive.layout import Layout
from mintage_generators.tabular.autoregressive.threads import torch_threads
from mintage_generators.tabular.codec import Conditions, Function, TableCodec

CHUNK_ROWS = 4096
"""Rows drawn at a time: their hidden units stay in the processor's cache."""

_MAX_LINK = 8_000_000


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
    """One column to draw: its target, and masks (with the input of the case, or -1)."""

    target: int
    masks: tuple[tuple[int, Mask], ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows being drawn: uniform numbers (slots, rows), what the network knows, tokens by input."""

    uniform: torch.Tensor
    state: State
    known: dict[int, torch.Tensor]


class Sampler:
    """Draws tokens with fixed weights."""

    def __init__(
        self,
        codec: TableCodec,
        layout: Layout,
        weights: Mapping[str, np.ndarray],
        products: str,
        temperature: float,
    ) -> None:
        self.codec, self.layout = codec, layout
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

    def draw(self, rows: int, conditions: Conditions, uniform: np.ndarray) -> list[np.ndarray]:
        """Tokens of every column of the table, int32 each; `uniform`: float32 (slots, rows) in [0, 1)."""
        tokens = np.zeros((len(self.layout.inputs), rows), np.int32)
        fixed, steps = self._plan(conditions)
        scratch = Scratch()
        with torch.inference_mode(), torch_threads(1):
            for start in range(0, rows, CHUNK_ROWS):
                part = torch.from_numpy(np.ascontiguousarray(uniform[:, start : start + CHUNK_ROWS]))
                state = self.forward.start(part.shape[1], scratch)
                drawn = self._chunk(Chunk(part, state, {}), fixed, steps)
                for position, values in enumerate(drawn):
                    tokens[position, start : start + CHUNK_ROWS] = values.numpy()
        constant = np.zeros(rows, np.int32)
        place = {column: position for position, column in enumerate(self.layout.inputs)}
        return [tokens[place[i]] if i in place else constant for i in range(len(self.codec.columns))]

    def _chunk(self, chunk: Chunk, fixed: dict[int, int], steps: list[Step]) -> list[torch.Tensor]:
        rows = chunk.uniform.shape[1]
        for position, token in fixed.items():
            self._learn(position, torch.full((rows,), token), chunk)
        for position in fixed:
            self._follow(position, chunk)
        for step in steps:
            position = self.layout.targets[step.target]
            self._learn(position, self._token(step, chunk), chunk)
            self._follow(position, chunk)
        return [chunk.known[position] for position in range(len(self.layout.inputs))]

    def _learn(self, position: int, token: torch.Tensor, chunk: Chunk) -> None:
        chunk.known[position] = token
        self.forward.learn(chunk.state, position, token)

    def _follow(self, source: int, chunk: Chunk) -> None:
        for result, function in self.functions.get(source, []):
            if result not in chunk.known:
                table = torch.from_numpy(function.table)
                self._learn(result, table.index_select(0, chunk.known[source]).long(), chunk)
                self._follow(result, chunk)

    def _token(self, step: Step, chunk: Chunk) -> torch.Tensor:
        numbers = self.of_target[step.target]
        token = self._drawn(numbers[0], chunk, _first_factors(step, chunk.known))
        if len(numbers) == 1:
            return token
        factors = _second_factors(step, chunk.known, token)
        inside = self._drawn(numbers[1], chunk, factors, group=token)
        return inside.add_(token, alpha=self.layout.groups[self.layout.targets[step.target]])

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

    def _plan(self, conditions: Conditions) -> tuple[dict[int, int], list[Step]]:
        """Inputs with a single token allowed, and the steps for the others: conditioned columns first."""
        layout = self.layout
        allowed = {p: conditions.allowed[i] for p, i in enumerate(layout.inputs) if i in conditions.allowed}
        fixed = {p: int(mask.argmax()) for p, mask in allowed.items() if mask.sum() == 1}
        free = [n for n, position in enumerate(layout.targets) if position not in fixed]
        free.sort(key=lambda n: layout.targets[n] not in allowed)
        known = set(fixed)
        for position in fixed:
            known |= {result for result, _ in self.functions.get(position, [])}
        steps = []
        for number in free:
            position = layout.targets[number]
            masks: list[tuple[int, Mask]] = []
            if position in allowed:
                masks.append((-1, self._mask(position, allowed[position][None])))
            for result, mask in self.links.get(position, []):
                if result in known and result not in fixed:
                    masks.append((result, mask))
            steps.append(Step(number, tuple(masks)))
            known.add(position)
            known |= {result for result, _ in self.functions.get(position, [])}
        return fixed, steps

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
        """The mask of an input's tokens; allowed: bool (cases, tokens)."""
        size = self.layout.groups[position]
        if not size:
            return Mask(_filled(allowed), None)
        groups = -(-allowed.shape[1] // size)
        counts = self.codec.columns[self.layout.inputs[position]].counts + 0.1
        pad = ((0, 0), (0, groups * size - allowed.shape[1]))
        inside = np.pad(allowed, pad).reshape(len(allowed), groups, size)
        weights = np.pad(np.where(allowed, counts, 0.0), pad).reshape(inside.shape).sum(axis=2)
        total = np.pad(counts, pad[1]).reshape(groups, size).sum(axis=1)
        # A group of which only some tokens are allowed counts by the share of its rows that they have.
        return Mask(_filled(weights / total), _filled(inside | ~inside.any(axis=2, keepdims=True)))


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
        flat = group if case < 0 else known[case] * mask.second.shape[1] + group
        factors.append(mask.second.flatten(0, 1).index_select(0, flat))
    return functools.reduce(torch.mul, factors) if factors else None


def _filled(factors: np.ndarray) -> torch.Tensor:
    """Factors as float32, as many as there are logits."""
    more = Inverse(factors.shape[-1]).padded - factors.shape[-1]
    return functional.pad(torch.from_numpy(factors.astype(np.float32)), (0, more))
