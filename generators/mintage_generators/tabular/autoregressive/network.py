"""The network: one small multilayer perceptron per column, reading whichever columns are known.

Each column has an embedding of its tokens; a column's perceptron reads the embeddings of the columns
known so far, zeros for the others, and predicts its token. Trained with known columns chosen at
random, it gives any column given any others: the idea of NADE (Uria et al., 2014) and MADE (Germain et
al., 2015) on tables, as TabularARGN (Tiwald et al., 2025) does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mintage_generators.tabular.autoregressive.hats import hats_of_groups
from mintage_generators.tabular.autoregressive.layout import Layout, Slot

_OWN_SPREAD = 0.5

IMPOSSIBLE = -1e4
"""Bias of an output that stands for no token: its probability is exactly 0 in float32."""


class Network(nn.Module):
    """Weights for a layout: `embedding` numbers per input token, `hidden` units per layer.

    hats: for each input float32 (tokens, hats) or None, see `hats`. Products are computed in `kind`.
    """

    offsets: torch.Tensor
    earlier: torch.Tensor

    def __init__(
        self,
        layout: Layout,
        hats: Sequence[np.ndarray | None],
        *,
        embedding: int,
        hidden: int,
        dropout: float = 0.0,
        kind: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.layout, self.dropout, self.kind = layout, dropout, kind
        slots, targets = layout.slots, len(layout.targets)
        fan_in = len(layout.inputs) * embedding
        # Where order says much, a token's own numbers start small and the hats' large.
        spread = [_OWN_SPREAD if hat is None else 0.1 * _OWN_SPREAD for hat in hats]
        spreads = torch.tensor(np.repeat(spread, layout.sizes), dtype=torch.float32)
        self.embedding = nn.Parameter(torch.randn(len(spreads), embedding) * spreads[:, None])
        self.first = nn.Parameter(torch.randn(targets, fan_in, hidden) / math.sqrt(fan_in))
        self.first_bias = nn.Parameter(torch.zeros(targets, hidden))
        self.second = nn.Parameter(torch.randn(len(slots), hidden, hidden) / math.sqrt(hidden))
        self.second_bias = nn.Parameter(torch.zeros(len(slots), hidden))
        self.shift = nn.ParameterList(
            [nn.Parameter(torch.randn(slot.groups, hidden) * 0.5) for slot in slots if slot.level]
        )
        self.head = nn.ParameterList([nn.Parameter(torch.zeros(hidden, slot.size)) for slot in slots])
        self.bias = nn.ParameterList(
            [
                nn.Parameter(torch.zeros((slot.groups, slot.size) if slot.level else slot.size))
                for slot in slots
            ]
        )
        self.register_buffer("offsets", torch.tensor(np.cumsum([0, *layout.sizes[:-1]])), persistent=False)
        self.register_buffer("earlier", torch.from_numpy(layout.earlier()), persistent=False)
        self._hang(hats, embedding, hidden)

    def _hang(self, hats: Sequence[np.ndarray | None], embedding: int, hidden: int) -> None:
        """Weights of the hats: of inputs by their position, of outputs by the number of the slot."""
        of_input = {i: hat for i, hat in enumerate(hats) if hat is not None}
        of_slot = {}
        for number, slot in enumerate(self.layout.slots):
            hat = of_input.get(self.layout.targets[slot.target])
            if hat is not None and not slot.level:
                size = self.layout.groups[self.layout.targets[slot.target]]
                of_slot[number] = hats_of_groups(hat, slot.groups, size) if slot.groups else hat
        self.hat_embedding = nn.ParameterDict(
            {str(i): nn.Parameter(torch.randn(hat.shape[1], embedding) * 0.4) for i, hat in of_input.items()}
        )
        self.hat_head = nn.ParameterDict(
            {str(n): nn.Parameter(torch.zeros(hidden, hat.shape[1])) for n, hat in of_slot.items()}
        )
        for i, hat in of_input.items():
            self.register_buffer(f"input_hats_{i}", torch.from_numpy(hat), persistent=False)
        for n, hat in of_slot.items():
            self.register_buffer(f"slot_hats_{n}", torch.from_numpy(hat), persistent=False)

    def table(self) -> torch.Tensor:
        """Embeddings of all inputs' tokens below each other, hats included: (tokens, embedding)."""
        parts: list[torch.Tensor] = list(torch.split(self.embedding, list(self.layout.sizes)))
        for key, weight in self.hat_embedding.items():
            parts[int(key)] = parts[int(key)] + self.get_buffer(f"input_hats_{key}") @ weight
        return torch.cat(parts)

    def outputs(self, number: int) -> torch.Tensor:
        """Weights of a slot's outputs, hats included: (hidden, outputs)."""
        own: torch.Tensor = self.head[number]
        if str(number) not in self.hat_head:
            return own
        hat: torch.Tensor = self.hat_head[str(number)]
        return own + hat @ self.get_buffer(f"slot_hats_{number}").T

    @torch.no_grad()
    def baked(self) -> dict[str, np.ndarray]:
        """The weights that drawing needs, named and shaped as `Layout.shapes` says: hats are gone."""
        weights: dict[str, torch.Tensor] = {
            name: value for name, value in self.named_parameters() if not name.startswith("hat_")
        }
        weights["embedding"] = self.table()
        weights |= {f"head.{number}": self.outputs(number) for number in range(len(self.layout.slots))}
        return {name: value.detach().float().cpu().numpy().copy() for name, value in weights.items()}

    def loss(self, tokens: torch.Tensor, visible: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Mean nats of a row's chosen targets.

        tokens: int64 (rows, inputs), -1 where unknown; chosen: target numbers; visible: float (chosen,
        inputs, last rows), 1 where the target may read the input. The rows before the last ones that
        `visible` speaks of are read in the canonical order.
        """
        kind = self.kind
        before = self._first_layer(tokens, visible, chosen).unbind()
        numbers = {int(target): place for place, target in enumerate(chosen)}
        slots = [number for number, slot in enumerate(self.layout.slots) if slot.target in numbers]
        wanted = [self._wanted(slot, tokens[:, self.layout.targets[slot.target]]) for slot in self._of(slots)]
        units = self._hidden(slots, [before[numbers[slot.target]] for slot in self._of(slots)], wanted)
        total = torch.zeros((), device=tokens.device)
        for number, hidden, (group, answer) in zip(slots, units.unbind(), wanted, strict=True):
            bias = self.bias[number] if group is None else functional.embedding(group, self.bias[number])
            logits = (hidden @ self.outputs(number).to(kind)).float() + bias
            total = total + functional.cross_entropy(logits, answer, ignore_index=-1, reduction="sum")
        return total / len(tokens)

    def _first_layer(self, tokens: torch.Tensor, visible: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Shape (chosen, rows, hidden)."""
        kind, ordered = self.kind, len(tokens) - visible.shape[2]
        known = functional.embedding((tokens + self.offsets).clamp_min(0), self.table())
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
        index = torch.tensor(slots, device=before[0].device)
        second, bias = (_some(weight, index).to(kind) for weight in (self.second, self.second_bias))
        inner = functional.relu(torch.baddbmm(bias[:, None], hidden, second))
        return hidden + self._dropped(inner)

    def _dropped(self, units: torch.Tensor) -> torch.Tensor:
        """Dropout with one mask for all slots: drawing one for each would take as long as the rest."""
        if not self.training or not self.dropout:
            return units
        mask = (torch.rand(units.shape[1:], device=units.device) >= self.dropout) / (1 - self.dropout)
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
