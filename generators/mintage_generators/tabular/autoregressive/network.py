"""The network: one small multilayer perceptron per column, reading whichever columns are known.

Each column has an embedding of its tokens; a column's perceptron reads the embeddings of the columns
known so far, zeros for the others, and predicts its token. Trained with known columns chosen at
random, it gives any column given any others: the idea of NADE (Uria et al., 2014) and MADE (Germain et
al., 2015) on tables, as TabularARGN (Tiwald et al., 2025) does.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mintage_generators.tabular.autoregressive.layout import Layout, Slot

IMPOSSIBLE = -1e4
"""Bias of an output that stands for no token: its probability is exactly 0 in float32."""


class Network(nn.Module):
    """Weights for a layout: `embedding` numbers per input token, `hidden` units per layer."""

    def __init__(self, layout: Layout, *, embedding: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layout, self.dropout = layout, dropout
        inputs, targets = len(layout.inputs), len(layout.targets)
        self.offsets = torch.tensor(np.cumsum([0, *layout.sizes[:-1]]))
        self.earlier = torch.from_numpy(layout.earlier())
        self.embedding = nn.Parameter(torch.randn(sum(layout.sizes), embedding) * 0.5)
        fan_in = inputs * embedding
        self.first = nn.Parameter(torch.randn(targets, fan_in, hidden) / math.sqrt(fan_in))
        self.first_bias = nn.Parameter(torch.zeros(targets, hidden))
        self.second = nn.Parameter(torch.randn(len(layout.slots), hidden, hidden) / math.sqrt(hidden))
        self.second_bias = nn.Parameter(torch.zeros(len(layout.slots), hidden))
        self.shift = nn.ParameterList(
            [nn.Parameter(torch.randn(slot.groups, hidden) * 0.5) for slot in layout.slots if slot.level]
        )
        self.head = nn.ParameterList([nn.Parameter(torch.zeros(hidden, slot.size)) for slot in layout.slots])
        self.bias = nn.ParameterList(
            [
                nn.Parameter(torch.zeros((slot.groups, slot.size) if slot.level else slot.size))
                for slot in layout.slots
            ]
        )

    def loss(self, tokens: torch.Tensor, visible: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Mean nats of a row's chosen targets.

        tokens: int64 (rows, inputs), -1 where unknown; chosen: target numbers; visible: float (chosen,
        inputs, last rows), 1 where the target may read the input. The rows before the last ones that
        `visible` speaks of are read in the canonical order.
        """
        kind = visible.dtype
        before = self._first_layer(tokens, visible, chosen).unbind()
        numbers = {int(target): place for place, target in enumerate(chosen)}
        slots = [number for number, slot in enumerate(self.layout.slots) if slot.target in numbers]
        wanted = [self._wanted(slot, tokens[:, self.layout.targets[slot.target]]) for slot in self._of(slots)]
        units = self._hidden(slots, [before[numbers[slot.target]] for slot in self._of(slots)], wanted)
        total = torch.zeros(())
        for number, hidden, (group, answer) in zip(slots, units.unbind(), wanted, strict=True):
            bias = self.bias[number] if group is None else functional.embedding(group, self.bias[number])
            logits = (hidden @ self.head[number].to(kind)).float() + bias
            total = total + functional.cross_entropy(logits, answer, ignore_index=-1, reduction="sum")
        return total / len(tokens)

    def _first_layer(self, tokens: torch.Tensor, visible: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Shape (chosen, rows, hidden)."""
        kind, ordered = visible.dtype, len(tokens) - visible.shape[2]
        known = functional.embedding((tokens + self.offsets).clamp_min(0), self.embedding)
        known = (known * (tokens >= 0)[..., None]).to(kind)
        weight, bias = _some(self.first, chosen).to(kind), _some(self.first_bias, chosen).to(kind)[:, None]
        parts = []
        if ordered:
            # One mask for all these rows, so it is the weights that are masked.
            masked = weight * self.earlier[chosen].to(kind).repeat_interleave(known.shape[2], 1)[..., None]
            shared = known[:ordered].flatten(1) @ masked.transpose(0, 1).flatten(1)
            parts.append(shared.view(ordered, len(chosen), -1).transpose(0, 1) + bias)
        if ordered < len(tokens):
            # Rows last: the product with the mask then runs along memory.
            turned = known[ordered:].permute(1, 2, 0).contiguous()
            read = (turned[None] * visible[:, :, None]).flatten(1, 2).transpose(1, 2)
            parts.append(torch.baddbmm(bias, read, weight))
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def _of(self, slots: list[int]) -> list[Slot]:
        return [self.layout.slots[number] for number in slots]

    def _hidden(
        self,
        slots: list[int],
        before: list[torch.Tensor],
        wanted: list[tuple[torch.Tensor | None, torch.Tensor]],
    ) -> torch.Tensor:
        """Hidden units of each slot, shape (slots, rows, hidden)."""
        kind, shifts = before[0].dtype, iter(self._shift_numbers(slots))
        layers = [
            layer if group is None else layer + functional.embedding(group, self.shift[next(shifts)]).to(kind)
            for layer, (group, _) in zip(before, wanted, strict=True)
        ]
        hidden = functional.relu(torch.stack(layers))
        hidden = self._dropped(hidden)
        index = torch.tensor(slots)
        second, bias = (_some(weight, index).to(kind) for weight in (self.second, self.second_bias))
        inner = functional.relu(torch.baddbmm(bias[:, None], hidden, second))
        return hidden + self._dropped(inner)

    def _dropped(self, units: torch.Tensor) -> torch.Tensor:
        """Dropout with one mask for all slots: drawing one for each would take as long as the rest."""
        if not self.training or not self.dropout:
            return units
        mask = (torch.rand(units.shape[1:]) >= self.dropout) / (1 - self.dropout)
        return units * mask.to(units.dtype)

    def _shift_numbers(self, slots: list[int]) -> list[int]:
        split = [number for number, slot in enumerate(self.layout.slots) if slot.level]
        return [split.index(number) for number in slots if self.layout.slots[number].level]

    def _wanted(self, slot: Slot, tokens: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor]:
        """The group that a level-1 slot is in (None for others) and the answers, -1 where unknown."""
        if not slot.groups:
            return None, tokens
        size = self.layout.groups[self.layout.targets[slot.target]]
        group = torch.div(tokens, size, rounding_mode="floor")
        if not slot.level:
            return None, group
        return group.clamp_min(0), torch.where(tokens < 0, tokens, tokens % size)


def _some(weight: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return weight if len(index) == len(weight) else weight[index]


def marginal_biases(layout: Layout, counts: list[np.ndarray]) -> list[np.ndarray]:
    """Log shares of the outputs of each slot: where the network starts from. counts: per input."""
    biases = []
    for slot in layout.slots:
        position = layout.targets[slot.target]
        share = np.log((counts[position] + 0.1) / (counts[position] + 0.1).sum())
        if slot.groups:
            share = np.pad(
                share, (0, slot.groups * layout.groups[position] - len(share)), constant_values=IMPOSSIBLE
            )
            share = share.reshape(slot.groups, -1)
            if not slot.level:
                share = np.log(np.exp(share).sum(axis=1))
        biases.append(share.astype(np.float32))
    return biases
