"""What the network is trained on: rows of which some columns are known, others are to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from mintage.contracts import FitContext
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.layout import Layout
from mintage_generators.tabular.autoregressive.network import Network, marginal_biases
from mintage_generators.tabular.learning.batches import Rows
from mintage_generators.tabular.learning.hardware import products
from mintage_generators.tabular.learning.learner import CHECK_ROWS, Learner
from mintage_generators.tabular.learning.loop import learn
from mintage_generators.tabular.learning.randomness import torch_session

MAX_TARGETS = 32
"""Columns that learn in one step; in a wider table they take turns."""

CANONICAL_SHARE = 0.5
"""Share of a batch's rows that are read in the order in which rows are drawn without conditions."""


def train(
    layout: Layout,
    rows: Rows,
    counts: list[np.ndarray],
    hats: Sequence[np.ndarray | None],
    *,
    config: AutoregressiveConfig,
    context: FitContext,
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Weights of a network fitted to `rows` (tokens, rows x inputs), and facts for the fit record.

    counts and hats: per input. A pure function of its arguments, but for the clock when
    `config.max_seconds` is set.
    """
    if not layout.targets:
        return {}, {"steps": 0, "stopped": "nothing varies"}
    with torch_session(context):
        learner = KnownColumns(layout, counts, hats, config=config, rows=rows.shape[0], device=context.device)
    learning = replace(
        config.learning(), weight_decay=0.2, tolerance=0.001, average=0.998, clip=1.0, mixed=False
    )
    learned = learn(learner, rows, config=learning, context=context)
    return learner.module.baked(), learned.facts


class KnownColumns(Learner):
    """Learns every column given sets of known ones: those before it, or any at all."""

    def __init__(
        self,
        layout: Layout,
        counts: list[np.ndarray],
        hats: Sequence[np.ndarray | None],
        *,
        config: AutoregressiveConfig,
        rows: int,
        device: str,
    ) -> None:
        self.layout = layout
        self._network = Network(
            layout,
            hats,
            embedding=layout.width(config.embedding),
            hidden=config.hidden,
            dropout=config.dropout_of(rows),
            kind=torch.bfloat16 if products(device) == "bfloat16" else torch.float32,
        )
        with torch.no_grad():
            for bias, start in zip(self._network.bias, marginal_biases(layout, counts), strict=True):
                bias.copy_(torch.from_numpy(start))
        self._canonical = np.arange(len(layout.inputs), dtype=np.float32)
        self._after = np.asarray(layout.after)

    @property
    def module(self) -> Network:
        """The network."""
        return self._network

    def decays(self, name: str, parameter: nn.Parameter) -> bool:
        """The matrices between units only."""
        del parameter
        return name in {"first", "second"}

    def loss(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mean nats of the rows' columns; in a wide table, of as many as learn in a step."""
        rng = np.random.default_rng(generator.initial_seed())
        targets = len(self.layout.targets)
        chosen = np.arange(targets)
        if targets > MAX_TARGETS:
            chosen = np.sort(rng.choice(targets, MAX_TARGETS, replace=False))
        visible = self._visible(len(batch) - int(len(batch) * CANONICAL_SHARE), chosen, rng)
        return self._network.loss(batch, visible.to(batch.device), torch.from_numpy(chosen).to(batch.device))

    def held_out_loss(self, rows: torch.Tensor) -> float:
        """Mean nats of rows in the canonical order."""
        every = torch.arange(len(self.layout.targets), device=rows.device)
        none = torch.zeros((len(every), len(self.layout.inputs), 0), device=rows.device)
        total = torch.zeros((), dtype=torch.float64, device=rows.device)
        for part in torch.split(rows, CHECK_ROWS):
            total += self._network.loss(part, none, every).double() * len(part)
        return float(total) / len(rows)

    def _visible(self, rows: int, chosen: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """What each chosen target may read, (chosen, inputs, rows): all that is known before it.

        Some columns come first, at random, as the columns of a condition do; the others follow in
        the canonical order. A function's result is known with its source.
        """
        shape = (len(self.layout.inputs), rows)
        first = rng.random(shape, np.float32) < rng.random(rows, np.float32) ** 2
        keys = np.where(first, rng.random(shape, np.float32) - 2.0, self._canonical[:, None])
        follows = (self._after != self._canonical)[:, None] & ~first
        keys = np.where(follows, keys[self._after] + 1e-3, keys).astype(np.float32)
        mine = keys[np.asarray(self.layout.targets)[chosen]]
        return torch.from_numpy(keys[None] < mine[:, None]).to(self._network.kind)
