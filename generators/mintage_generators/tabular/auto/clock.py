"""The seconds that a choice may take; the same in all processes that fit together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mintage.contracts import FitContext


@dataclass(slots=True, kw_only=True)
class Clock:
    """Counts from when it is made. Without a limit it never looks at the time."""

    seconds: float | None
    context: FitContext
    started: float = field(default_factory=time.monotonic)

    def left(self) -> float | None:
        """Seconds that are left, at least 0; None without a limit.

        Processes that fit one model together have to decide alike, so all take what rank 0 says.
        """
        if self.seconds is None:
            return None
        left = max(0.0, self.seconds - (time.monotonic() - self.started))
        return left if self.context.world == 1 else _of_rank_0(left, self.context.device)


def _of_rank_0(value: float, device: str) -> float:
    import torch

    shared = torch.tensor([value], dtype=torch.float64, device=device)
    torch.distributed.broadcast(shared, src=0)
    return float(shared.item())
