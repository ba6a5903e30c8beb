"""Training: random sets of known columns, early stopping on held-out rows, averaged weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from mintage.contracts import FitContext, FitProgress
from mintage.errors import FitError
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.layout import Layout
from mintage_generators.tabular.autoregressive.network import Network, marginal_biases
from mintage_generators.tabular.autoregressive.threads import products, torch_threads

MAX_HOLDOUT = 20_000
MAX_TARGETS = 32
"""Columns that learn in one step; in a wider table they take turns."""

_CANONICAL_SHARE = 0.5
_WARMUP_STEPS = 100
_CHECK_STEPS = 50
_PLATEAU = 4
"""Checks without a better held-out loss after which the step size is halved."""
_PATIENCE = 16
"""Checks without a better held-out loss after which training ends."""
_AVERAGE = 0.995


@dataclass(slots=True)
class Training:
    """Where a training stands; `losses` are held-out nats per row at each check."""

    step: int = 0
    stopped: str = "max_steps"
    best_step: int = 0
    losses: list[float] = field(default_factory=list)
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def waited(self) -> int:
        """Checks since the best held-out loss."""
        return len(self.losses) - 1 - int(np.argmin(self.losses)) if self.losses else 0

    def to_json(self) -> dict[str, object]:
        """What the fit record tells of it; no seconds, so that equal fits give equal bytes."""
        return {
            "steps": self.step,
            "best_step": self.best_step,
            "stopped": self.stopped,
            "held_out_nats_per_row": self.losses,
        }


def train(
    layout: Layout,
    tokens: np.ndarray,
    counts: list[np.ndarray],
    *,
    config: AutoregressiveConfig,
    rng: np.random.Generator,
    context: FitContext,
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Weights of a network fitted to `tokens` (int32, rows x inputs), and facts for the fit record.

    A pure function of its arguments, but for the clock when `config.max_seconds` is set.
    """
    if not layout.targets:
        return {}, {"steps": 0, "stopped": "nothing varies"}
    with torch_threads(context.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(0, 2**63)))
        order = rng.permutation(len(tokens))
        held = min(MAX_HOLDOUT, max(1, int(len(tokens) * config.holdout)))
        run = _Run(layout, counts, config, rng)
        training = run.learn(
            tokens[order[held:]], torch.from_numpy(tokens[order[:held]].astype(np.int64)), context.report
        )
    weights = {name: value.detach().numpy().copy() for name, value in run.average.named_parameters()}
    return weights, training.to_json()


class _Run:
    """One training: the network, its moving average, and the optimiser."""

    def __init__(
        self, layout: Layout, counts: list[np.ndarray], config: AutoregressiveConfig, rng: np.random.Generator
    ) -> None:
        self.layout, self.config, self.rng = layout, config, rng
        embedding = layout.width(config.embedding)
        self.network = network = Network(
            layout, embedding=embedding, hidden=config.hidden, dropout=config.dropout
        )
        with torch.no_grad():
            for bias, start in zip(network.bias, marginal_biases(layout, counts), strict=True):
                bias.copy_(torch.from_numpy(start))
        self.average = Network(layout, embedding=embedding, hidden=config.hidden)
        self.average.load_state_dict(network.state_dict())
        self.average.eval()
        matrices = [
            p for name, p in network.named_parameters() if name.split(".")[0] in ("first", "second", "head")
        ]
        chosen = {id(p) for p in matrices}
        others = [p for p in network.parameters() if id(p) not in chosen]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
            lr=config.learning_rate, betas=(0.9, 0.98), fused=True,
        )  # fmt: skip
        self.canonical = np.arange(len(layout.inputs), dtype=np.float32)
        self.after = np.asarray(layout.after)
        self.kind = torch.bfloat16 if products() == "bfloat16" else torch.float32

    def learn(
        self, rows: np.ndarray, held_out: torch.Tensor, report: Callable[[FitProgress], None]
    ) -> Training:
        training, started = Training(), time.monotonic()
        rate, batches = self.config.learning_rate, self._batches(rows)
        while training.step < self.config.max_steps:
            share = self._share(training.step, started)
            if share >= 1.0:
                training.stopped = "max_seconds"
                break
            self._step(next(batches), rate * _annealed(training.step, share), training.step)
            training.step += 1
            if training.step % _CHECK_STEPS and training.step < self.config.max_steps:
                continue
            self._check(training, held_out)
            report(
                FitProgress(training.step, self.config.max_steps, f"held-out loss {training.losses[-1]:.4f}")
            )
            if training.waited() and training.waited() % _PLATEAU == 0:
                rate /= 2
            if training.waited() >= _PATIENCE:
                training.stopped = "early"
                break
        if not training.losses or training.stopped == "max_seconds":
            self._check(training, held_out)
        self.average.load_state_dict(training.best_weights)
        return training

    def _check(self, training: Training, held_out: torch.Tensor) -> None:
        """Note the held-out loss of the averaged weights, and keep them when it is the best."""
        training.losses.append(round(self._held_out(held_out), 5))
        if not training.waited():
            training.best_step = training.step
            training.best_weights = {name: value.clone() for name, value in self.average.state_dict().items()}

    def _share(self, step: int, started: float) -> float:
        """How much of what is allowed is used up, in [0, 1]."""
        seconds = self.config.max_seconds
        return max(step / self.config.max_steps, (time.monotonic() - started) / seconds if seconds else 0.0)

    def _batches(self, rows: np.ndarray) -> Iterator[torch.Tensor]:
        size = min(self.config.batch_rows, len(rows))
        while True:
            order = self.rng.permutation(len(rows))
            for start in range(0, len(rows) - size + 1, size):
                yield torch.from_numpy(rows[order[start : start + size]].astype(np.int64))

    def _step(self, tokens: torch.Tensor, rate: float, step: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        targets = len(self.layout.targets)
        chosen = np.arange(targets)
        if targets > MAX_TARGETS:
            chosen = np.sort(self.rng.choice(targets, MAX_TARGETS, replace=False))
        visible = self._visible(len(tokens) - int(len(tokens) * _CANONICAL_SHARE), chosen)
        loss = self.network.loss(tokens, visible, torch.from_numpy(chosen))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        if not math.isfinite(float(loss.detach())):
            raise FitError(f"the training diverged at step {step}", "lower generator.learning_rate")
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        decay = min(_AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, weight in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(weight, 1 - decay)

    def _visible(self, rows: int, chosen: np.ndarray) -> torch.Tensor:
        """What each chosen target may read, float (chosen, inputs, rows): all that is known before it.

        Some columns come first, at random, as the columns of a condition do; the others follow in
        the canonical order. A function's result is known with its source.
        """
        shape = (len(self.layout.inputs), rows)
        first = self.rng.random(shape, np.float32) < self.rng.random(rows, np.float32) ** 2
        keys = np.where(first, self.rng.random(shape, np.float32) - 2.0, self.canonical[:, None])
        follows = (self.after != self.canonical)[:, None] & ~first
        keys = np.where(follows, keys[self.after] + 1e-3, keys).astype(np.float32)
        mine = keys[np.asarray(self.layout.targets)[chosen]]
        return torch.from_numpy(keys[None] < mine[:, None]).to(self.kind)

    def _held_out(self, held_out: torch.Tensor) -> float:
        """Nats per row of the averaged weights in the canonical order."""
        every = torch.arange(len(self.layout.targets))
        none = torch.zeros((len(every), len(self.layout.inputs), 0), dtype=self.kind)
        with torch.inference_mode():
            parts = [held_out[start : start + 1024] for start in range(0, len(held_out), 1024)]
            total = math.fsum(float(self.average.loss(part, none, every)) * len(part) for part in parts)
        return total / len(held_out)


def _annealed(step: int, share: float) -> float:
    """Part of the step size to use: a linear start, then a cosine down to a fiftieth at the end."""
    return min(1.0, (step + 1) / _WARMUP_STEPS) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
