"""The processes that train one model together: sums and copies between them, or nothing when alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn

from mintage.contracts import FitContext
from mintage.errors import ClusterError, FitError


class Group:
    """`torch.distributed`'s default group, as the loop needs it."""

    def __init__(self, context: FitContext) -> None:
        self.rank, self.world, self._device = context.rank, context.world, context.device
        if self.world > 1 and not (dist.is_initialized() and dist.get_world_size() == self.world):
            raise FitError(
                f"{self.world} processes were to train together, but torch.distributed does not know of them",
                "initialise torch.distributed in each process before the fit",
            )

    def share(self, values: Iterable[torch.Tensor]) -> None:
        """Give every process the values that rank 0 has."""
        if self.world > 1:
            with _together():
                for value in values:
                    dist.broadcast(value, src=0)

    def sums(self, *values: float) -> list[float]:
        """Each value summed over the processes, so that all decide alike."""
        if self.world == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self._device)
        with _together():
            dist.all_reduce(total)
        return [float(value) for value in total]

    def average_gradients(
        self, parameters: Sequence[nn.Parameter], loss: torch.Tensor, clock: float
    ) -> tuple[torch.Tensor, float]:
        """Make every gradient the mean over the processes; the mean loss, and the `clock` of rank 0.

        One message for all of it: loss and clock travel with the gradients.
        """
        if self.world == 1:
            return loss, clock
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        mine = loss.new_tensor([clock * self.world if self.rank == 0 else 0.0])
        flat = torch.cat([*(g.reshape(-1) for g in gradients), loss.reshape(1), mine])
        with _together():
            dist.all_reduce(flat)
        flat /= self.world
        parts = torch.split(flat, [*(p.numel() for p in parameters), 1, 1])
        for parameter, part in zip(parameters, parts[:-2], strict=True):
            parameter.grad = part.view_as(parameter)
        return parts[-2].squeeze(), float(parts[-1])

    def share_files(self, files: dict[str, bytes] | None) -> dict[str, bytes] | None:
        """The files of rank 0, in every process."""
        if self.world == 1:
            return files
        names = self._share_bytes("\n".join(files).encode() if files else b"")
        if not names:
            return None
        return {name: self._share_bytes((files or {}).get(name, b"")) for name in names.decode().split("\n")}

    def _share_bytes(self, data: bytes) -> bytes:
        size = torch.tensor([len(data)], device=self._device)
        self.share([size])
        content = torch.empty(int(size), dtype=torch.uint8, device=self._device)
        if self.rank == 0 and data:
            content.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        self.share([content])
        return content.cpu().numpy().tobytes()


@contextmanager
def _together() -> Iterator[None]:
    """Tell the loss of another process from a failure of the model."""
    try:
        yield
    except RuntimeError as exc:
        raise ClusterError(
            f"another process of this fit went away: {str(exc).splitlines()[0][:200]}",
            "run the same command again: the fit goes on from its last checkpoint",
        ) from exc
