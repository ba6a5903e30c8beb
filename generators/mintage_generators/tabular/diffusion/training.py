"""Training both networks together: the next token of a row, and the velocity of its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mintage.contracts import FitContext
from mintage_generators.tabular.diffusion.config import DiffusionConfig
from mintage_generators.tabular.diffusion.layout import Layout
from mintage_generators.tabular.diffusion.network import Network
from mintage_generators.tabular.learning.batches import Rows
from mintage_generators.tabular.learning.learner import Learner
from mintage_generators.tabular.learning.loop import Learned, learn
from mintage_generators.tabular.learning.randomness import torch_session

CANONICAL_SHARE = 0.7
"""Share of the rows whose tokens are learned in the order of drawing; the others' order is random."""

START_ROWS = 100_000
"""Rows from whose shares the softmaxes start."""

GIVEN_SHARE = 0.25
"""Share of the rows in which some numbers are given, as by a condition."""


def train(
    layout: Layout, rows: Rows, *, config: DiffusionConfig, context: FitContext
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Weights of a network fitted to `rows` (as `Layout.encode` gives them), and facts for the fit record."""
    if not layout.width:
        return {}, {"steps": 0, "stopped": "nothing varies"}
    with torch_session(context):
        network = Network(layout, width=config.width, depth=config.depth)
        if layout.slots:
            _start_at_shares(network, np.asarray(rows[:START_ROWS]))
    learning = replace(
        config.learning(), average=0.999, clip=1.0, weight_decay=0.0, final_rate=0.01, check_steps=100
    )
    learned: Learned = learn(
        FlowLearner(network), rows, config=learning, context=context, unit="nats and squared error per row"
    )
    return learned.weights, learned.facts


class FlowLearner(Learner):
    """Cross-entropy of the next token plus squared error of the velocity."""

    def __init__(self, network: Network) -> None:
        self._network = network
        columns = [slot.column for slot in network.layout.slots]
        self._same = torch.tensor([columns.index(column) for column in columns])

    @property
    def module(self) -> nn.Module:
        """The two networks, which share nothing but the waves by which numbers are read."""
        return self._network

    def loss(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The sum of both, per row."""
        slots = len(self._network.layout.slots)
        values, scores = batch[:, :slots].long(), batch[:, slots:]
        has = (~torch.isnan(scores)).float()
        scores = torch.nan_to_num(scores)
        loss = batch.new_zeros(())
        if values.shape[1]:
            loss = loss + self._token_loss(values, scores, has, generator)
        if scores.shape[1]:
            loss = loss + self._flow_loss(values, scores, has, generator)
        return loss

    def _token_loss(
        self, values: torch.Tensor, scores: torch.Tensor, has: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Nats per row, from one slot of each row given those before it."""
        network, (rows, slots) = self._network, values.shape
        rank, given = self._order(values, has, generator)
        wanted = (slots * _even(rows, generator, values.device)).long().clamp_max(slots - 1)
        known = (rank < wanted) & (values >= 0)
        embedded = network.tokens.embed(network.indices(values), known)
        hidden = network.tokens(embedded, network.read(scores, given))
        total: torch.Tensor = hidden.new_zeros((), dtype=torch.float32)
        chosen = (rank == wanted) & (values >= 0)
        for n, slot in enumerate(network.layout.slots):
            own = chosen[:, n].nonzero()[:, 0]
            if len(own):
                group = values[own, n - 1] if slot.level else None
                logits = network.logits(n, hidden[own], group).float()
                total = total + functional.cross_entropy(logits, values[own, n], reduction="sum")
        return total * (slots / rows)

    def _order(
        self, values: torch.Tensor, has: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """When each slot's turn is, int64 (rows, slots), and which numbers are given beforehand."""
        rows, slots = values.shape
        device = values.device
        keys = torch.rand((rows, slots), generator=generator, device=device)
        keys = keys[:, self._same.to(device)]
        canonical = torch.rand((rows, 1), generator=generator, device=device) < CANONICAL_SHARE
        order = torch.arange(slots, device=device)
        # What a column's second slot says is known only with its first, so it comes right after it.
        keys = torch.where(canonical, order.float(), keys + order * 1e-6)
        given = _given(has, generator)
        for number, slot in enumerate(self._network.layout.kinds):
            if slot >= 0:
                keys[:, slot] -= given[:, number] * (slots + 1)
        return keys.argsort(dim=1).argsort(dim=1), given

    def _flow_loss(
        self, values: torch.Tensor, scores: torch.Tensor, has: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Squared error of the velocities at one time of each row, summed over its numbers."""
        network, device = self._network, scores.device
        given = _given(has, generator)
        noise = torch.randn(scores.shape, generator=generator, device=device)
        time = _even(len(scores), generator, device)
        moved = torch.where(given > 0, scores, torch.lerp(noise, scores, time))
        embedded = network.flow.embed(network.indices(values), values >= 0)
        velocity = network.speed(moved, has, given, time, embedded).float()
        error = (velocity - (scores - noise)).square() * has * (1 - given)
        return error.sum() / len(scores)


def _given(has: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """1 for numbers given beforehand: in some rows, any share of the numbers that there are."""
    rows = (len(has), 1)
    some = torch.rand(rows, generator=generator, device=has.device) < GIVEN_SHARE
    share = torch.rand(rows, generator=generator, device=has.device)
    each = torch.rand(has.shape, generator=generator, device=has.device)
    return has * (some & (each < share))


def _even(rows: int, generator: torch.Generator, device: torch.device) -> torch.Tensor:
    """Uniform numbers, float (rows, 1), one in each of `rows` parts of [0, 1): less noise in the loss."""
    place = torch.randperm(rows, generator=generator, device=device)
    inside = torch.rand(rows, generator=generator, device=device)
    return ((place + inside) / rows)[:, None]


@torch.no_grad()
def _start_at_shares(network: Network, rows: np.ndarray) -> None:
    """Let each softmax start from the shares of its outputs."""
    for n, slot in enumerate(network.layout.slots):
        own = rows[:, n][rows[:, n] >= 0].astype(np.int64)
        size = slot.size
        if slot.level:
            pairs = rows[:, n - 1][rows[:, n] >= 0].astype(np.int64) * size + own
            groups = network.layout.slots[n - 1].size
            counts = np.bincount(pairs, minlength=groups * size).reshape(groups, size)
            network.inside[str(n)].copy_(_log_shares(counts))
        else:
            network.bias[slot.offset : slot.offset + size] = _log_shares(np.bincount(own, minlength=size))


def _log_shares(counts: np.ndarray) -> torch.Tensor:
    filled = counts + 0.1
    return torch.from_numpy(np.log(filled / filled.sum(axis=-1, keepdims=True))).float()
