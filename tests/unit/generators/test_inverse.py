"""The inverse transform draws outputs by their weights, and none of weight 0."""

from __future__ import annotations

import pytest
import torch

from mintage_generators.tabular.autoregressive.inverse import Inverse

SIZES = [1, 2, 15, 16, 17, 81, 100, 206, 400]
ROWS = 100_000


def logits_of(size: int, rows: int, kind: torch.dtype = torch.float32) -> torch.Tensor:
    """Equal rows of logits, with something large in what is filled up."""
    generator = torch.Generator().manual_seed(size)
    logits = torch.full((rows, Inverse(size).padded), 9.0, dtype=kind)
    logits[:, :size] = (torch.randn(size, generator=generator) * 2).to(kind)
    return logits


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("size", SIZES)
def test_evenly_spread_uniforms_give_the_softmax(size: int, kind: torch.dtype) -> None:
    logits = logits_of(size, ROWS, kind)
    factors = torch.ones(1, logits.shape[1])
    factors[0, 1:size:3] = 0.0
    factors[0, 2:size:3] = 0.25
    uniform = (torch.arange(ROWS) + 0.5) / ROWS
    for factor in (None, factors):
        drawn = Inverse(size).pick(logits, uniform, factor)
        shares = torch.softmax(logits[0, :size].double(), 0) * (1 if factor is None else factor[0, :size])
        counts = torch.bincount(drawn, minlength=size)
        assert len(counts) == size
        torch.testing.assert_close(counts / ROWS, (shares / shares.sum()).float(), rtol=0, atol=5e-5)
        assert bool((drawn.diff() >= 0).all())


@pytest.mark.parametrize("scale", [1.0, 200.0], ids=["usual", "beyond exp"])
@pytest.mark.parametrize("size", SIZES)
def test_an_output_of_weight_zero_is_never_drawn(size: int, scale: float) -> None:
    """Only one or two outputs may be drawn, at every place, with uniforms at the ends and between."""
    inverse, places = Inverse(size), torch.arange(size)
    ends = torch.tensor([0.0, 2**-24, 0.25, 0.5, 0.5 + 2**-24, 1 - 2**-24])
    factors = torch.zeros(size, inverse.padded)
    factors[places, places] = 1.0
    factors[places, (places * 7 + 3) % size] = 1.0
    factors = factors.repeat_interleave(len(ends), 0)
    logits = logits_of(size, len(factors)) * scale
    drawn = inverse.pick(logits, ends.repeat(size), factors)
    assert int(drawn.max()) < size
    assert bool((factors.gather(1, drawn[:, None]) > 0).all())


@pytest.mark.parametrize("size", SIZES)
def test_memory_given_does_not_show_in_what_is_drawn(size: int) -> None:
    logits, uniform = logits_of(size, 500), torch.rand(500, generator=torch.Generator().manual_seed(1))
    used = torch.full_like(logits, float("nan"))
    drawn = Inverse(size).pick(logits, uniform, None, used)
    assert torch.equal(drawn, Inverse(size).pick(logits, uniform))
