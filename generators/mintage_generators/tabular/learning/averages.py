"""A moving average of the weights: it generalises better than the last ones (Polyak and Juditsky, 1992)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Averages:
    """The exponential moving average of a module's parameters, with a start that forgets fast."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._current = [p for _, p in sorted(module.named_parameters())]
        self.values = [p.detach().clone() for p in self._current]

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the weights after step `step` (from 0)."""
        decay = min(self._decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]  # one pass over all
            self.values, [p.detach() for p in self._current], 1 - decay
        )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the module hold the averaged weights inside the body."""
        before = [p.detach().clone() for p in self._current]
        self._put(self.values)
        try:
            yield
        finally:
            self._put(before)

    def reset(self) -> None:
        """Start again from the module's weights as they are now."""
        self.values = [p.detach().clone() for p in self._current]

    @torch.no_grad()
    def _put(self, values: list[torch.Tensor]) -> None:
        for parameter, value in zip(self._current, values, strict=True):
            parameter.copy_(value)


def copy_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of all parameters and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
