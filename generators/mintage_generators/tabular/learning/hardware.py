"""What the processor or the GPU offers: threads, and the type in which it multiplies matrices fastest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Run the body with that many threads: how sums are cut between threads decides their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def products(device: str = "cpu") -> Literal["float32", "bfloat16"]:
    """bfloat16 where the device has units for it and is several times as fast; else float32."""
    if device == "cpu":
        return "bfloat16" if torch.cpu._is_amx_tile_supported() else "float32"
    return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"


@contextmanager
def mixed_precision(device: str, wanted: bool) -> Iterator[None]:
    """Matrix products in bfloat16 inside the body, where that is wanted and `products` says so."""
    kind = torch.device(device).type
    with torch.autocast(kind, dtype=torch.bfloat16, enabled=wanted and products(device) == "bfloat16"):
        yield
