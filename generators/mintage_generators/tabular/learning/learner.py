"""What a model gives the shared loop: a module, its loss, and which of its parameters decay."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

CHECK_ROWS = 1024
"""Rows of one pass over held-out rows."""


class Learner(ABC):
    """One network and how to tell how wrong it is.

    A batch is a tensor on the device of the fit, shape (rows, columns): int64 when the rows are whole
    numbers, float32 otherwise.
    """

    @property
    @abstractmethod
    def module(self) -> nn.Module:
        """The network; the loop moves it to the device and changes its parameters."""

    @abstractmethod
    def loss(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The mean loss of the batch's rows, a scalar that gradients flow from.

        All randomness has to come from `generator` (on the batch's device; `generator.initial_seed()`
        seeds a numpy stream) or from torch's global one, which the loop seeds likewise.
        """

    def held_out_loss(self, rows: torch.Tensor) -> float:
        """The mean loss of held-out rows; the module is in `eval` mode and holds the averaged weights.

        By default the mean of `loss` over parts of `CHECK_ROWS` rows; the same draws at each call.
        """
        total = torch.zeros((), dtype=torch.float64, device=rows.device)
        generator = torch.Generator(rows.device).manual_seed(0)
        for part in torch.split(rows, CHECK_ROWS):
            total += self.loss(part, generator).detach().double() * len(part)
        return float(total) / len(rows)

    def decays(self, name: str, parameter: nn.Parameter) -> bool:
        """Whether weight decay pulls on this parameter: by default on matrices, but not on embeddings."""
        return parameter.ndim >= 2 and "embedding" not in name
