"""Inverse transform: from logits and one uniform number a row to one output a row.

The outputs are taken in blocks of about their number's root. The sums of all blocks are one small
matrix product; then only the block that holds the draw is summed up output by output. Sums stand with
the rows last, so that adding the next term is one vectorised pass over the rows; running along each
row's outputs instead is a chain of single additions.
"""

from __future__ import annotations

import itertools
import math

import torch

_TINY = 1e-20
_WHOLE = 16
"""Outputs up to which there is a single block."""


class Inverse:
    """The transform for logits of `size` outputs; `padded` is the size filled up to whole blocks."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.block = size if size <= _WHOLE else 8 * max(1, round(math.sqrt(size) / 8))
        self.blocks = -(-size // self.block)
        self.padded = self.blocks * self.block
        # One more row, of zeros: the sum before the first block.
        number = torch.arange(self.padded) // self.block
        self._sums = (number == torch.arange(-1, self.blocks)[:, None]).float()
        self._turn = torch.eye(self.block)

    def pick(
        self,
        logits: torch.Tensor,
        uniform: torch.Tensor,
        factors: torch.Tensor | None = None,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """One output for each row, int64 (rows,), in proportion to exp(logits) times the factors.

        logits: floats (rows, `padded`), of which those beyond `size` do not count; uniform: float32
        (rows,) in [0, 1); factors: float32 (rows or 1, `padded`), with one above 0 in each row; out:
        float32 like the logits, overwritten. An output whose weight is 0 is never drawn: every sum is
        a running one, which such an output leaves as it was.
        """
        weights = torch.empty(logits.shape) if out is None else out
        self._weigh(weights.copy_(logits), factors)
        steps = _running(self._sums @ weights.T)
        if not bool(((steps[-1] > _TINY) & (steps[-1] < math.inf)).all()):
            # Outside what exp can do: take the largest from all, which costs further passes.
            weights.copy_(logits)[:, self.size :] = -math.inf
            if factors is not None:
                weights.masked_fill_(factors == 0, -math.inf)
            self._weigh(weights.sub_(weights.amax(dim=1, keepdim=True)), factors)
            steps = _running(self._sums @ weights.T)
        wanted = _below(uniform * steps[-1], steps[-1])
        if self.blocks == 1:
            return _place(_running(self._turn @ weights.T), wanted)
        block = (steps[1:] <= wanted).sum(0)
        rest = wanted - steps.gather(0, block[None])[0]
        row = torch.arange(0, len(logits) * self.blocks, self.blocks)
        inside = weights.view(-1, self.block).index_select(0, row.add_(block))
        return _place(_running(self._turn @ inside.T), rest).add_(block, alpha=self.block)

    def _weigh(self, logits: torch.Tensor, factors: torch.Tensor | None) -> None:
        """Turn logits into weights, in place."""
        logits.exp_()
        # Not by adding minus ten thousand: exp is several times as slow where its result is 0.
        logits[:, self.size :] = 0
        if factors is not None:
            logits.mul_(factors)


def _place(steps: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Which of the running sums, (outputs, rows), is the first above what is wanted, (rows,)."""
    return (steps <= _below(wanted, steps[-1])).sum(0)


def _below(wanted: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    """What rounding has brought up to the total, or above, is taken below it again."""
    return wanted.minimum(total * (1 - 1e-6))


def _running(terms: torch.Tensor) -> torch.Tensor:
    """Running sums down the first dimension, in place."""
    rows = terms.unbind(0)
    for before, row in itertools.pairwise(rows):
        row.add_(before)
    return terms
