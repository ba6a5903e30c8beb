"""Drawing rows: tokens one after another, then all numbers along the flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch

from mintage_generators.tabular.codec import Conditions, TableCodec
from mintage_generators.tabular.diffusion.continuum import ranks_of
from mintage_generators.tabular.diffusion.layout import Layout
from mintage_generators.tabular.diffusion.masks import Masks
from mintage_generators.tabular.diffusion.network import Network
from mintage_generators.tabular.learning.hardware import torch_threads

CHUNK_ROWS = 4096
"""Rows drawn at a time: their hidden units stay in the processor's cache."""

Drawn = tuple[list[np.ndarray], list[np.ndarray]]
"""Tokens and draws of every column of a table, as `TableCodec.decode` takes them."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The randomness of some rows: uniform (slots, rows) and (numbers, rows), normal (rows, numbers)."""

    tokens: np.ndarray
    places: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, layout: Layout, rows: int, rng: np.random.Generator) -> Noise:
        """What `rows` rows take, always in the same order."""
        numbers = len(layout.numbers)
        return cls(
            rng.random((len(layout.slots), rows), np.float32),
            rng.random((numbers, rows)),
            rng.standard_normal((rows, numbers), np.float32),
        )

    def part(self, rows: slice) -> Noise:
        """That of some of the rows."""
        return Noise(self.tokens[:, rows], self.places[:, rows], self.scores[rows])


class Drawer:
    """Draws with fixed weights; `mixed`: multiply in bfloat16; `steps`: those of the flow."""

    def __init__(
        self, codec: TableCodec, layout: Layout, network: Network, *, mixed: bool, steps: int
    ) -> None:
        self._codec, self._layout, self._network = codec, layout, network
        self._mixed, self._steps = mixed, steps

    def draw(self, conditions: Conditions, noise: Noise) -> Drawn:
        """Tokens and draws of the rows of that noise; a pure function of the arguments."""
        masks, rows = Masks(self._codec, self._layout, conditions), noise.tokens.shape[1]
        tokens = [np.zeros(rows, np.int32) for _ in self._codec.columns]
        draws = [np.zeros(rows) for _ in self._codec.columns]
        for part, known, values, scores in self._chunks(conditions, masks, noise):
            for column, own in known.items():
                tokens[column][part] = own
            ranks = ranks_of(scores)
            for j, (number, kind) in enumerate(zip(self._layout.numbers, self._layout.kinds, strict=True)):
                kinds = values[:, kind] if kind >= 0 else np.zeros(len(values), np.int64)
                allowed = conditions.allowed.get(number.index)
                own, place = number.decode(kinds, ranks[:, j], allowed)
                tokens[number.index][part], draws[number.index][part] = own, place
        return tokens, draws

    def _chunks(
        self, conditions: Conditions, masks: Masks, noise: Noise
    ) -> Iterator[tuple[slice, dict[int, np.ndarray], np.ndarray, np.ndarray]]:
        """Which rows, tokens by column, values of the slots (rows, slots), scores of the numbers."""
        given = self._given(conditions)
        for start in range(0, noise.tokens.shape[1], CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            part = noise.part(rows)
            with (
                torch.inference_mode(),
                torch_threads(1),
                torch.autocast("cpu", torch.bfloat16, enabled=self._mixed),
            ):
                scores, final = self._start(given, part)
                known, values = self._tokens(masks, part, scores, final)
                ended = self._flow(values, scores, final).numpy() if self._layout.numbers else part.scores
            yield rows, known, values.numpy(), ended

    def _tokens(
        self, masks: Masks, noise: Noise, scores: torch.Tensor, given: torch.Tensor
    ) -> tuple[dict[int, np.ndarray], torch.Tensor]:
        """Tokens by column, and all slots' values, int64 (rows, slots)."""
        network, slots = self._network, self._layout.slots
        rows = noise.tokens.shape[1]
        values = torch.zeros((rows, len(slots)), dtype=torch.int64)
        drawn = torch.zeros(values.shape, dtype=torch.bool)
        known: dict[int, np.ndarray] = {}
        read = network.read(scores, given)
        for number in masks.order:
            slot, fixed = slots[number], masks.fixed(number)
            group = values[:, number - 1] if slot.level else None
            if fixed is not None:
                values[:, number] = fixed
            else:
                hidden = network.tokens(network.tokens.embed(network.indices(values), drawn), read)
                logits = network.logits(number, hidden, group).float()
                factors = masks.factors(number, None if group is None else group.numpy(), known, rows)
                values[:, number] = _picked(logits, factors, noise.tokens[number])
            drawn[:, number] = True
            if number not in self._layout.kinds and (slot.level or not slot.group):
                token = values[:, number] if group is None else group * slot.group + values[:, number]
                known[slot.column] = token.numpy().astype(np.int32)
                masks.follow(slot.column, known)
        return known, values

    def _flow(self, values: torch.Tensor, scores: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """Scores at the end of the flow, by Heun's method; those given stay."""
        network = self._network
        known = torch.from_numpy(self._has(values.numpy()))
        embedded = network.flow.embed(network.indices(values), torch.ones_like(values))
        times = torch.linspace(0.0, 1.0, self._steps + 1)

        def velocity(at: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            return network.speed(at, known, given, time.expand(len(at), 1), embedded).float() * (1 - given)

        for step in range(self._steps):
            length = times[step + 1] - times[step]
            first = velocity(scores, times[step])
            second = velocity(scores + length * first, times[step + 1])
            scores = scores + length * 0.5 * (first + second)
        return scores

    def _has(self, values: np.ndarray) -> np.ndarray:
        """1 where a number is an ordinary one, float32 (rows, numbers)."""
        has = np.ones((len(values), len(self._layout.numbers)), np.float32)
        for j, (number, kind) in enumerate(zip(self._layout.numbers, self._layout.kinds, strict=True)):
            if kind >= 0:
                has[:, j] = values[:, kind] == len(number.points)
        return has

    def _given(self, conditions: Conditions) -> dict[int, tuple[int, float, float]]:
        """For each number that is fixed to an ordinary value: its token, and the draws that make it."""
        given = {}
        for j, number in enumerate(self._layout.numbers):
            if number.index in conditions.written:
                token = int(conditions.allowed[number.index].argmax())
                if token in number.ordinary:
                    array = pa.array([conditions.written[number.index]], number.column.type)
                    low, high = number.column.place(array, np.array([token], np.int32))
                    given[j] = token, float(low[0]), float(high[0])
        return given

    def _start(
        self, given: dict[int, tuple[int, float, float]], noise: Noise
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise, with the scores of given numbers in their places, and 1 where that is so."""
        scores, final = noise.scores.copy(), np.zeros_like(noise.scores)
        for j, (token, low, high) in given.items():
            draws = low + (high - low) * noise.places[j]
            scores[:, j] = self._layout.numbers[j].scores(np.full(len(scores), token), draws)
            final[:, j] = 1.0
        return torch.from_numpy(scores), torch.from_numpy(final)


def _picked(logits: torch.Tensor, factors: np.ndarray, uniform: np.ndarray) -> torch.Tensor:
    """One output for each row, int64, by inverse transform; an output of factor 0 is never one."""
    weights = (logits + torch.from_numpy(factors).log()).softmax(dim=1)
    steps = weights.cumsum(dim=1)
    total = steps[:, -1]
    wanted = torch.minimum(torch.from_numpy(np.ascontiguousarray(uniform)) * total, total * (1 - 1e-6))
    return (steps <= wanted[:, None]).sum(dim=1)
