"""The encoder and the decoder, and the bound on the likelihood that they learn by."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from mintage_generators.tabular.codec import Pieces
from mintage_generators.tabular.learning.learner import Learner


class VaeNetwork(nn.Module):
    """Rows to the mean and spread of their latent numbers, and latent numbers to rows.

    The decoder puts out logits of all pieces, then the mean place of each column.
    """

    def __init__(self, sizes: Sequence[int], hidden: int, latent: int) -> None:
        super().__init__()
        width = sum(sizes) + len(sizes)
        self.encoder = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 2 * latent),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, width),
        )  # fmt: skip
        self.log_spread = nn.Parameter(torch.full((len(sizes),), -0.5))


class VaeLearner(Learner):
    """Auto-encoding variational Bayes (Kingma and Welling 2014) with the likelihood of mixed columns.

    A batch is what `Pieces.encode` gives. As in TVAE (Xu et al. 2019) the likelihood weighs
    `reconstruction` times as much as the divergence from the prior.
    """

    def __init__(self, pieces: Pieces, network: VaeNetwork, reconstruction: float) -> None:
        self._sizes = pieces.sizes
        self._network = network
        self._reconstruction = reconstruction
        starts = [start for start, _, _ in pieces.blocks]
        self._starts = torch.tensor(starts)
        self._places = torch.cat([torch.from_numpy(column.places) for column in pieces.columns])

    @property
    def module(self) -> nn.Module:
        """Encoder and decoder."""
        return self._network

    def loss(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The weighted bound, in nats."""
        columns = len(self._sizes)
        pieces, places = batch[:, :columns].long(), batch[:, columns:]
        chosen = pieces + self._starts.to(batch.device)
        indicators = torch.zeros(len(batch), sum(self._sizes), device=batch.device).scatter_(1, chosen, 1.0)
        mean, log_variance = self._network.encoder(torch.cat([indicators, places], 1)).float().chunk(2, 1)
        log_variance = log_variance.clamp(-12.0, 4.0)
        noise = torch.randn(mean.shape, generator=generator, device=batch.device)
        output = self._network.decoder(mean + noise * (log_variance / 2).exp()).float()
        divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(1)
        placed = self._places.to(batch.device)[chosen]
        costs = self._piece_costs(output, pieces) + self._place_costs(output, places, placed)
        loss: torch.Tensor = (self._reconstruction * costs + divergence).mean()
        return loss

    def _piece_costs(self, output: torch.Tensor, pieces: torch.Tensor) -> torch.Tensor:
        logits = torch.split(output[:, : sum(self._sizes)], self._sizes, 1)
        return torch.stack(
            [functional.cross_entropy(own, pieces[:, j], reduction="none") for j, own in enumerate(logits)]
        ).sum(0)

    def _place_costs(self, output: torch.Tensor, places: torch.Tensor, placed: torch.Tensor) -> torch.Tensor:
        log_spread = self._network.log_spread.clamp(-5.0, 1.0)
        distance = (places - output[:, sum(self._sizes) :].tanh()) / log_spread.exp()
        return (placed * (0.5 * distance**2 + log_spread)).sum(1)
