"""Training under differential privacy: DP-SGD (Abadi et al., 2016) for any module with a loss of one row.

Each step takes every row with one probability, clips the gradient of each row's loss to one length,
and adds Gaussian noise to their sum. Nothing else looks at the rows: no held-out rows, no early stop,
and the weights that come out are the average of the last steps. What a run may cost is settled before
it: the noise is the least that the ledger still affords, and is booked before the first step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap

from mintage.contracts import FitContext, FitProgress
from mintage.errors import FitError
from mintage_generators.tabular.autoregressive.private_config import PrivateTrainingConfig
from mintage_generators.tabular.ledger import Ledger, Noise, sampled_gaussian

RowLoss = Callable[[nn.Module, Sequence[torch.Tensor]], torch.Tensor]
"""The loss of one row: `loss(module, row)`, where a row is one slice of each input."""

Sampler = Callable[[np.ndarray], Sequence[torch.Tensor]]
"""The inputs of rows by number: `inputs(rows)`, each of a first axis as long as `rows`."""

MAX_MULTIPLIER = 1e4
_AVERAGE = 0.98
_MOST_NUMBERS = 2**26
"""Numbers of gradients held at once: rows are taken in parts whose gradients fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRun:
    """What a run needs: the module, the loss of one row, and the inputs of rows.

    `loss` must be made of tensor operations that `torch.func.vmap` knows: no `.item()`, no branch on
    values. Dropout is drawn anew for each row. `rows` is the (noisy) number of rows, which sets the
    probability of taking part; `count` is the true one, which no one is told.
    """

    module: nn.Module
    loss: RowLoss
    inputs: Sampler
    rows: float
    count: int


def train_privately(
    run: PrivateRun, ledger: Ledger, config: PrivateTrainingConfig, context: FitContext
) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """Weights by name and facts for the fit record; spends all that is left in `ledger`.

    Raises `FitError` when nothing worth training with is left, or when the weights cease to be numbers.
    """
    rate = min(1.0, config.batch_rows / max(run.rows, 1.0))
    multiplier = affordable_noise(ledger, rate=rate, steps=config.steps)
    ledger.book_sampled("training", noise_multiplier=multiplier, rate=rate, steps=config.steps)
    parameters = {name: p.detach().clone() for name, p in run.module.named_parameters()}
    average = {name: p.clone() for name, p in parameters.items()}
    optimizer = torch.optim.Adam([p.requires_grad_() for p in parameters.values()], lr=config.learning_rate)
    expected = rate * max(run.rows, 1.0)
    for step in range(config.steps):
        taken = np.flatnonzero(ledger.noise.uniform(run.count) < rate)
        summed = clipped_sum(run, parameters, taken, clip=config.clip)
        for name, parameter in parameters.items():
            noisy = summed[name] + multiplier * config.clip * _normal(ledger.noise, parameter)
            parameter.grad = noisy / expected
        optimizer.step()
        _follow(average, parameters, step)
        context.report(FitProgress(step + 1, config.steps, "training under differential privacy"))
    if not all(bool(torch.isfinite(weight).all()) for weight in average.values()):
        raise FitError("the private training diverged", "lower learning_rate, or raise privacy.epsilon")
    facts: dict[str, object] = {
        "steps": config.steps,
        "stopped": "max_steps",
        "noise_multiplier": multiplier,
        "clip": config.clip,
        "rate": rate,
    }
    return average, facts


def affordable_noise(ledger: Ledger, *, rate: float, steps: int) -> float:
    """The least noise multiplier that what is left in the ledger pays for, to one part in ten thousand."""
    low, high = 0.1, MAX_MULTIPLIER
    if not ledger.left(sampled_gaussian(high, rate, steps)):
        raise FitError(
            f"nothing is left of privacy.epsilon {ledger.privacy.epsilon:g} to train with",
            "raise privacy.epsilon, or take fewer steps",
        )
    while high > low * 1.0001:
        middle = float(np.sqrt(low * high))
        if ledger.left(sampled_gaussian(middle, rate, steps)):
            high = middle
        else:
            low = middle
    return high


def clipped_sum(
    run: PrivateRun, parameters: Mapping[str, torch.Tensor], taken: np.ndarray, *, clip: float
) -> dict[str, torch.Tensor]:
    """The sum over the rows `taken` of each one's gradient, cut to length `clip`; zeros for no rows."""
    frozen = {name: p.detach() for name, p in parameters.items()}
    summed = {name: torch.zeros_like(p) for name, p in frozen.items()}

    wrapped = _Loss(run.module, run.loss)

    def of_one(weights: dict[str, torch.Tensor], *row: torch.Tensor) -> torch.Tensor:
        renamed = {f"module.{name}": weight for name, weight in weights.items()}
        value: torch.Tensor = functional_call(wrapped, renamed, row)
        return value

    gradients = vmap(
        grad_and_value(of_one), in_dims=(None, *[0] * len(run.inputs(taken[:0]))), randomness="different"
    )
    size = sum(p.numel() for p in frozen.values())
    part = max(1, _MOST_NUMBERS // size)
    for start in range(0, len(taken), part):
        each, _ = gradients(frozen, *run.inputs(taken[start : start + part]))
        squares = torch.stack([g.flatten(1).square().sum(dim=1) for g in each.values()]).sum(dim=0)
        # A row whose gradient is no number has no part in the sum: it must not spoil all others.
        scale = torch.nan_to_num(clip / squares.sqrt().clamp_min(clip), nan=0.0, posinf=0.0)
        for name, gradient in each.items():
            kept = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
            summed[name] += (scale @ kept.flatten(1)).view(kept.shape[1:])
    return summed


class _Loss(nn.Module):
    """The loss as a module's `forward`, since only that can be called with other weights."""

    def __init__(self, module: nn.Module, loss: RowLoss) -> None:
        super().__init__()
        self.module, self.loss = module, loss

    def forward(self, *row: torch.Tensor) -> torch.Tensor:
        return self.loss(self.module, row)


def _normal(noise: Noise, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(noise.normal(tuple(like.shape))).to(like)


def _follow(average: dict[str, torch.Tensor], parameters: Mapping[str, torch.Tensor], step: int) -> None:
    """A moving average of noisy weights is less noisy, and costs nothing."""
    decay = min(_AVERAGE, (step + 1) / (step + 10))
    for name, weight in average.items():
        weight.lerp_(parameters[name].detach(), 1 - decay)
