"""The learning curve: what was lost at each check, and how long ago the best was."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

MAX_POINTS = 500
"""Points that the fit record keeps at most; of a longer curve, every second, fourth, …"""


@dataclass(slots=True)
class Curve:
    """Steps at which the held-out rows were looked at, with the losses there.

    Attributes:
        steps: Step of each check, ascending.
        training: Mean loss of the batches since the check before.
        held_out: Mean loss of the held-out rows under the averaged weights.
        best: Place of the best check, -1 before the first one.
    """

    steps: list[int] = field(default_factory=list)
    training: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    best: int = -1

    def add(self, step: int, training: float, held_out: float, tolerance: float = 0.0) -> bool:
        """Note a check; whether it is the best so far: lower than the best by more than that share of it."""
        self.steps.append(step)
        self.training.append(round(training, 5))
        self.held_out.append(round(held_out, 5))
        if not math.isfinite(held_out):
            return False
        best = self.held_out[self.best] if self.best >= 0 else None
        better = best is None or best - self.held_out[-1] > tolerance * abs(best)
        if better:
            self.best = len(self.steps) - 1
        return better

    @property
    def waited(self) -> int:
        """Checks since the best."""
        return len(self.steps) - 1 - self.best if self.steps else 0

    @property
    def best_step(self) -> int:
        """Step of the best check; 0 before there was one."""
        return self.steps[self.best] if self.best >= 0 else 0

    def to_json(self, unit: str) -> dict[str, object]:
        """For the fit record: at most `MAX_POINTS` points, the best and the last among them."""
        stride = -(-len(self.steps) // MAX_POINTS)
        kept = sorted({*range(0, len(self.steps), max(1, stride)), self.best, len(self.steps) - 1} - {-1})
        return {
            "unit": unit,
            "step": [self.steps[i] for i in kept],
            "training_loss": [self.training[i] for i in kept],
            "held_out_loss": [self.held_out[i] for i in kept],
        }
