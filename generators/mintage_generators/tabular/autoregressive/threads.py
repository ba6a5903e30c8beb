"""Torch's number of threads, and the type in which this processor multiplies matrices fastest."""

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


def products() -> Literal["float32", "bfloat16"]:
    """bfloat16 where the processor has tiles for it and is several times as fast; else float32."""
    return "bfloat16" if torch.cpu._is_amx_tile_supported() else "float32"
