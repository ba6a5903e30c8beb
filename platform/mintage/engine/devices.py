"""Whether this process computes on a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mintage.errors import SpecError

Device = Literal["auto", "cpu", "cuda"]

_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
"""Files of the drivers of NVIDIA, AMD and of Windows' Linux: without one, torch need not be loaded to ask."""


def choose_device(asked: Device) -> str:
    """The device to fit on: a GPU when torch has one, unless the CPU was asked for.

    Raises `SpecError` when a GPU was asked for and there is none.
    """
    if asked == "cpu":
        return "cpu"
    if any(path.exists() for path in _DRIVERS) and _torch_has_gpu():
        return "cuda"
    if asked == "cuda":
        raise SpecError(
            "resources.fit_device: is cuda, but torch finds no GPU here",
            "install torch with CUDA and the driver, or set resources.fit_device to auto",
        )
    return "cpu"


def _torch_has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
