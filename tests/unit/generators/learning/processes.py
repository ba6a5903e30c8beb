"""What each of two processes does that train together: `python -m … rank folder [leaves]`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch.distributed as dist
from safetensors.numpy import save_file

from mintage.contracts import FitContext, FitProgress
from mintage.errors import ClusterError
from mintage_generators.tabular.learning.config import LearningConfig
from tests.unit.generators.learning.lines import fit, some_rows

CONFIG = LearningConfig(
    max_seconds=None, max_steps=120, batch_rows=64, check_steps=20, learning_rate=0.02, warmup_steps=20
)


def main(rank: int, folder: Path, *, leaves: bool) -> None:
    """Train, and write the weights; rank 1 may leave in the middle, of which rank 0 then tells."""

    def leave(progress: FitProgress) -> None:
        if progress.step == 60:
            os._exit(1)

    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2)
    context = FitContext(seed=3, rank=rank, world=2)
    if leaves and rank == 0:
        context = FitContext(seed=3, rank=rank, world=2, report=leave)
    try:
        learned = fit(some_rows(), context, CONFIG)
    except ClusterError as exc:
        (folder / f"{rank}.txt").write_text(exc.message)
        return
    save_file(learned.weights, folder / f"{rank}.safetensors")
    (folder / f"{rank}.txt").write_text(json.dumps(learned.facts))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), leaves=len(sys.argv) > 3)
