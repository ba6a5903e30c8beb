"""One column's logits given the columns known so far: all that touches the weights while drawing.

The embeddings of the columns known so far stand side by side in one matrix, so a further column is a
gather into a slice of it, and a column's first layer reads only as far as the last one that is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from mintage_generators.tabular.autoregressive.inverse import Inverse
from mintage_generators.tabular.autoregressive.layout import Layout
from mintage_generators.tabular.codec import TableCodec


class Scratch:
    """Memory for what is computed on the way, kept for one draw.

    `slices` are the parts of first layers that were read, by target and numbers of input. Fresh memory of a
    megabyte comes from the system page by page, which takes longer than filling it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, torch.Tensor] = {}
        self.slices: dict[tuple[int, int], torch.Tensor] = {}

    def take(self, name: str, rows: int, width: int, kind: torch.dtype) -> torch.Tensor:
        """A tensor (rows, width) of any content, in place of the one last taken by this name."""
        kept = self._kept.get(name)
        if kept is None or len(kept) < rows * width:
            kept = self._kept[name] = torch.empty(rows * width, dtype=kind)
        return kept[: rows * width].view(rows, width)


@dataclass(slots=True)
class State:
    """What is known of some rows: embeddings (rows, inputs side by side), zeros for what is unknown.

    `known` is one more than the last position known; `before` is what the first layer last gave, and
    `target` the column that it was for.
    """

    embeddings: torch.Tensor
    scratch: Scratch
    known: int = 0
    target: int = -1
    before: torch.Tensor | None = None


class Forward:
    """The network with fixed weights, biases too, in the type of the products."""

    def __init__(
        self,
        codec: TableCodec,
        layout: Layout,
        weights: Mapping[str, np.ndarray],
        products: str,
        temperature: float,
    ) -> None:
        del codec  # known to the layout as far as it is needed
        self.layout = layout
        self.kind = kind = torch.bfloat16 if products == "bfloat16" else torch.float32
        heat = 1.0 / temperature

        def of(name: str, scale: float = 1.0) -> torch.Tensor:
            return torch.from_numpy(weights[name]).mul(scale).to(kind).contiguous()

        slots, inputs = layout.slots, range(len(layout.inputs))
        starts = np.cumsum([0, *layout.sizes])
        self.width = weights["embedding"].shape[1]
        self.embedding = [of("embedding")[starts[i] : starts[i + 1]].contiguous() for i in inputs]
        # Outputs first, as a linear layer wants its weights: the product then adds the bias itself.
        self.first = [of("first")[n].T.contiguous() for n in range(len(layout.targets))]
        self.first_bias = of("first_bias")
        self.second = [of("second")[n].T.contiguous() for n in range(len(slots))]
        self.second_bias = of("second_bias")
        levels = [number for number, slot in enumerate(slots) if slot.level]
        self.shift = {number: of(f"shift.{k}") for k, number in enumerate(levels)}
        self.inverse = [Inverse(slot.size) for slot in slots]
        self.head, self.bias = [], []
        for n, inverse in enumerate(self.inverse):
            more = inverse.padded - slots[n].size
            self.head.append(functional.pad(of(f"head.{n}", heat), (0, more)).T.contiguous())
            self.bias.append(functional.pad(of(f"bias.{n}", heat), (0, more)))

    def start(self, rows: int, scratch: Scratch | None = None) -> State:
        """Rows of which nothing is known; the memory of an earlier state's scratch is taken again."""
        scratch = scratch or Scratch()
        width = len(self.layout.inputs) * self.width
        return State(scratch.take("state", rows, width, self.kind).zero_(), scratch)

    def learn(self, state: State, position: int, tokens: torch.Tensor) -> None:
        """The input at `position` becomes known; tokens: int64 (rows,)."""
        start = position * self.width
        torch.index_select(
            self.embedding[position], 0, tokens, out=state.embeddings[:, start : start + self.width]
        )
        state.known, state.target = max(state.known, position + 1), -1

    def logits(self, state: State, number: int, group: torch.Tensor | None) -> torch.Tensor:
        """Logits of slot `number`, (rows, outputs padded); the next call overwrites them.

        group: the group drawn, int64 (rows,), for the second slot of a column that has two; else None.
        """
        slot, scratch = self.layout.slots[number], state.scratch
        before = self._first_layer(state, slot.target)
        rows, width = before.shape
        if group is not None:
            shift = scratch.take("hidden", rows, width, self.kind)
            before.add_(torch.index_select(self.shift[number], 0, group, out=shift))
            state.target = -1
        hidden = _positive(before, scratch.take("hidden", rows, width, self.kind))
        inner = scratch.take("inner", rows, width, self.kind)
        torch.addmm(self.second_bias[number], hidden, self.second[number].T, out=inner)
        hidden.add_(_positive(inner, inner))
        inverse, head, bias = self.inverse[number], self.head[number].T, self.bias[number]
        logits = scratch.take("logits", rows, inverse.padded, self.kind)
        if group is None:
            return torch.addmm(bias, hidden, head, out=logits)
        # The product is added to the gathered biases where they lie, without a further pass.
        return torch.index_select(bias, 0, group, out=logits).addmm_(hidden, head)

    def _first_layer(self, state: State, target: int) -> torch.Tensor:
        """What the first layer gives, (rows, hidden), kept for the second slot of the same column."""
        if state.before is None or state.target != target:
            bias, read = self.first_bias[target], state.known * self.width
            slices = state.scratch.slices
            weight = slices.get((target, read))
            if weight is None:
                weight = slices[target, read] = self.first[target][:, :read].contiguous()
            rows = len(state.embeddings)
            state.before = state.scratch.take("before", rows, len(bias), self.kind)
            torch.addmm(bias, state.embeddings[:, :read], weight.T, out=state.before)
            state.target = target
        return state.before


def _positive(units: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """`out`, with the units, and 0 for negative ones; both may be the same."""
    if units.dtype is torch.bfloat16:
        # The sign is the same bit in an int16, which takes a fifth of the time: nothing is converted.
        torch.clamp(units.view(torch.int16), min=0, out=out.view(torch.int16))
    else:
        torch.clamp(units, min=0, out=out)
    return out
