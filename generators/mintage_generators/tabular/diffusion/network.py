"""The two networks: one gives the next token of a row, the other the velocity of its numbers.

Both read a row as a sum of embeddings of its known tokens and a linear map of sines and cosines of its
known scores, followed by residual blocks. The first is a masked (absorbing) diffusion of one token a
step, which is any-order autoregression (Austin et al., 2021; Hoogeboom et al., 2022). The second is
flow matching along straight lines from normal noise (Lipman et al., 2023), given all tokens.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mintage_generators.tabular.diffusion.layout import TIMES, TOKEN_DEPTH, WAVES, Layout, Slot, token_width

LONGEST_WAVE, SHORTEST_WAVE = 8.0, 1.0
"""Lengths of the first and the last wave before training, in units of the scores."""

TOKEN_DROPOUT = 0.1
"""Share of units left out while tokens are learned; velocities, blurred by noise anyway, need none."""

FASTEST = 60.0
"""Angle in radians that the fastest wave of the time runs through."""


class Trunk(nn.Module):
    """Tokens (of `outputs` in all) and numbers of a row to hidden units."""

    def __init__(
        self, outputs: int, inputs: int, width: int, depth: int, slots: int, *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self._dropout = dropout
        self.embedding = nn.Parameter(torch.randn(outputs, width) / math.sqrt(max(1, slots)))
        self.first = nn.Parameter(_uniform(width, inputs))
        self.first_bias = nn.Parameter(torch.zeros(width))
        self.inner = nn.Parameter(torch.stack([_uniform(width, width) for _ in range(depth)]))
        self.inner_bias = nn.Parameter(torch.zeros(depth, width))
        self.outer = nn.Parameter(torch.zeros(depth, width, width))
        self.outer_bias = nn.Parameter(torch.zeros(depth, width))
        self.scale = nn.Parameter(torch.ones(depth + 1, width))
        self.shift = nn.Parameter(torch.zeros(depth + 1, width))

    def embed(self, indices: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """The sum of the embeddings known, (rows, width); indices of outputs and known: (rows, slots)."""
        if not indices.shape[1]:
            return self.embedding.new_zeros(len(indices), self.first.shape[0])
        weights = known.to(self.embedding.dtype)
        return functional.embedding_bag(indices, self.embedding, per_sample_weights=weights, mode="sum")

    def forward(self, embedded: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        """Hidden units, (rows, width)."""
        hidden = functional.linear(read, self.first, self.first_bias) + embedded
        # Taken apart at once: a gradient for each part alone would be as large as that of the whole.
        norms = list(zip(self.scale.unbind(), self.shift.unbind(), strict=True))
        inner = zip(self.inner.unbind(), self.inner_bias.unbind(), strict=True)
        outer = zip(self.outer.unbind(), self.outer_bias.unbind(), strict=True)
        for first, second, norm in zip(inner, outer, norms[:-1], strict=True):
            units = functional.silu(functional.linear(_normal(hidden, *norm), *first))
            units = functional.dropout(units, self._dropout, self.training)
            hidden = hidden + functional.linear(units, *second)
        return functional.silu(_normal(hidden, *norms[-1]))


class Network(nn.Module):
    """Both networks of a layout; the parts that it has no use for are left out."""

    def __init__(self, layout: Layout, *, width: int, depth: int) -> None:
        super().__init__()
        self.layout = layout
        numbers, slots = len(layout.numbers), len(layout.slots)
        read = numbers * (2 + 2 * WAVES)
        self.inside = nn.ParameterDict()
        if slots:
            token = token_width(width)
            self.tokens = Trunk(layout.outputs, read, token, TOKEN_DEPTH, slots, dropout=TOKEN_DROPOUT)
            self.head = nn.Parameter(torch.zeros(layout.outputs, token))
            self.bias = nn.Parameter(torch.zeros(layout.outputs))
            for n, slot in enumerate(layout.slots):
                if slot.level:
                    self.inside[str(n)] = nn.Parameter(torch.zeros(layout.slots[n - 1].size, slot.size))
        if numbers:
            lengths = torch.logspace(math.log2(LONGEST_WAVE), math.log2(SHORTEST_WAVE), WAVES, base=2.0)
            self.waves = nn.Parameter((2 * math.pi / lengths).repeat(numbers, 1))
            self.flow = Trunk(layout.outputs, read + numbers + 2 * TIMES, width, depth, slots)
            self.velocity = nn.Parameter(torch.zeros(numbers, width))
            self.velocity_bias = nn.Parameter(torch.zeros(numbers))
        offsets = torch.tensor([slot.offset for slot in layout.slots], dtype=torch.int64)
        self.register_buffer("offsets", offsets, persistent=False)
        speeds = torch.logspace(0.0, math.log2(FASTEST), TIMES, base=2.0)
        self.register_buffer("speeds", speeds, persistent=False)

    @classmethod
    def of(cls, layout: Layout, weights: dict[str, np.ndarray], *, width: int, depth: int) -> Network:
        """The network with these weights, for drawing."""
        network = cls(layout, width=width, depth=depth)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        return network.eval().requires_grad_(False)

    def indices(self, values: torch.Tensor) -> torch.Tensor:
        """Rows of the embeddings for slot values, int64 (rows, slots); any row for a value of -1."""
        offsets: torch.Tensor = self.get_buffer("offsets")
        return values.clamp_min(0) + offsets

    def read(self, scores: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """What a trunk reads of scores, both float (rows, numbers); of unknown ones only that they are."""
        if not scores.shape[1]:
            return scores
        angles = scores[:, :, None] * self.waves
        parts = torch.cat([torch.sin(angles), torch.cos(angles), scores[:, :, None]], dim=2)
        parts = torch.cat([parts * known[:, :, None], known[:, :, None]], dim=2)
        return parts.flatten(1)

    def logits(self, slot: int, hidden: torch.Tensor, group: torch.Tensor | None) -> torch.Tensor:
        """Logits of a slot's outputs from the tokens' hidden units; group: int64 (rows,) for level 1."""
        own: Slot = self.layout.slots[slot]
        part = slice(own.offset, own.offset + own.size)
        logits = functional.linear(hidden, self.head[part], self.bias[part])
        return logits if group is None else logits + self.inside[str(slot)][group]

    def speed(
        self, scores: torch.Tensor, known: torch.Tensor, given: torch.Tensor, time: torch.Tensor,
        embedded: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """Velocities of scores at `time` (rows, 1), float (rows, numbers).

        known: 1 where a row has that number; given: 1 where the score is the final one already;
        embedded: of all tokens of the row.
        """
        angles = time * self.get_buffer("speeds")
        read = torch.cat([self.read(scores, known), given, torch.sin(angles), torch.cos(angles)], dim=1)
        return functional.linear(self.flow(embedded, read), self.velocity, self.velocity_bias)


def _uniform(outputs: int, inputs: int) -> torch.Tensor:
    return (torch.rand(outputs, inputs) * 2 - 1) / math.sqrt(max(1, inputs))


def _normal(hidden: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(hidden, hidden.shape[1:], scale, shift)
