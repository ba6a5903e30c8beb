"""The two networks of CTGAN (Xu et al. 2019, "Modeling tabular data using conditional GAN")."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

TEMPERATURE = 0.2
_PENALTY = 10.0


class Residual(nn.Module):
    """A layer whose output stands beside its input."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, hidden)
        self.norm = nn.BatchNorm1d(hidden)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """From shape (rows, inputs) to (rows, hidden + inputs)."""
        return torch.cat([self.norm(self.linear(values)).relu(), values], 1)


class RowMaker(nn.Module):
    """Noise and a wish (one piece of one column) to logits of all pieces, then places before tanh."""

    def __init__(self, sizes: Sequence[int], wishes: int, noise: int, hidden: int) -> None:
        super().__init__()
        inputs = noise + wishes
        self.first = Residual(inputs, hidden)
        self.second = Residual(inputs + hidden, hidden)
        self.last = nn.Linear(inputs + 2 * hidden, sum(sizes) + len(sizes))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """From shape (rows, noise + wishes) to (rows, pieces + columns)."""
        output: torch.Tensor = self.last(self.second(self.first(values)))
        return output


class Judge(nn.Module):
    """A number for each pack of rows: higher for real ones (PacGAN: Lin et al. 2018)."""

    def __init__(self, width: int, pack: int, hidden: int) -> None:
        super().__init__()
        self._pack = pack
        self.layers = nn.Sequential(
            nn.Linear(width * pack, hidden), nn.LeakyReLU(0.2), nn.Dropout(0.5),
            nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Dropout(0.5),
            nn.Linear(hidden, 1),
        )  # fmt: skip

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """From shape (rows, width) to (rows / pack, 1)."""
        output: torch.Tensor = self.layers(rows.reshape(len(rows) // self._pack, -1))
        return output

    def penalty(self, real: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """For slopes that are not 1 between real and made rows (WGAN-GP: Gulrajani et al. 2017)."""
        packs = len(real) // self._pack
        part = torch.rand(packs, 1, device=real.device).repeat_interleave(self._pack, 0)
        between = (part * real + (1 - part) * made).requires_grad_()
        (slope,) = torch.autograd.grad(self(between).sum(), between, create_graph=True)
        length: torch.Tensor = slope.reshape(packs, -1).norm(2, dim=1)
        return _PENALTY * ((length - 1) ** 2).mean()


def soft_rows(output: torch.Tensor, sizes: list[int], placed: torch.Tensor) -> torch.Tensor:
    """Rows as the judge sees them: pieces nearly one-hot by Gumbel noise (Jang et al. 2017), then places.

    `placed`, shape (pieces,), is 1 for pieces that have a place; elsewhere the place is 0 as in real rows.
    """
    width = sum(sizes)
    logits = torch.split(output[:, :width], sizes, 1)
    pieces = [functional.gumbel_softmax(own.float(), TEMPERATURE) for own in logits]
    parts = torch.split(placed, sizes)
    relevant = torch.stack([own @ part for own, part in zip(pieces, parts, strict=True)], 1)
    return torch.cat([*pieces, output[:, width:].float().tanh() * relevant], 1)
