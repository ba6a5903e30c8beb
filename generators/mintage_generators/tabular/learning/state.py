"""Where a training stands."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from mintage_generators.tabular.learning.curve import Curve


@dataclass(slots=True)
class State:
    """What the loop changes, besides the module, its average and the optimiser.

    Attributes:
        step: Steps taken.
        scale: By what the step size has been lowered so far.
        reloads: How often the weights were taken back because of a loss that is no number.
        seconds: Seconds that earlier processes of the same fit used.
        held_rows: Held-out rows that a check looks at; 0 before that was decided.
        curve: The checks.
        best: The best averaged weights, and buffers.
        stopped: Why training ended.
    """

    step: int = 0
    scale: float = 1.0
    reloads: int = 0
    seconds: float = 0.0
    held_rows: int = 0
    curve: Curve = field(default_factory=Curve)
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    stopped: str = "max_steps"
