"""The two networks against each other: a step of the judge, a step of the maker, and so on."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mintage.contracts import FitContext, FitProgress
from mintage.errors import FitError
from mintage_generators.tabular.codec import Pieces
from mintage_generators.tabular.gan.config import GanConfig
from mintage_generators.tabular.gan.network import Judge, RowMaker, soft_rows
from mintage_generators.tabular.gan.wishes import WishedRows, Wishes
from mintage_generators.tabular.learning.averages import Averages
from mintage_generators.tabular.learning.group import Group
from mintage_generators.tabular.learning.randomness import Randomness, torch_session

_AVERAGE = 0.999
_LOOK_STEPS = 50
_NORM_BATCHES = 50


def train(
    pieces: Pieces, rows: np.ndarray, config: GanConfig, context: FitContext
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """The maker's averaged weights by name, and facts for the fit record; `rows` as `Pieces.encode` gives.

    Raises `FitError` when a loss is no number.
    """
    with torch_session(context):
        run = _Run(pieces, rows, config, context)
        run.go()
        return run.weights(), run.facts


class _Run:
    def __init__(self, pieces: Pieces, rows: np.ndarray, config: GanConfig, context: FitContext) -> None:
        self.config, self.context, self.device = config, context, torch.device(context.device)
        self.group, self.randomness = Group(context), Randomness(context.seed)
        self.pieces, self.wishes, self.rows = pieces, Wishes(pieces), rows
        self.wished = WishedRows(self.wishes, rows)
        self.size = max(config.pack, config.batch_rows // context.world // config.pack * config.pack)
        sizes, wishes = pieces.sizes, self.wishes.width
        self.maker = RowMaker(sizes, wishes, config.noise, config.hidden).to(self.device)
        self.judge = Judge(sum(sizes) + len(sizes) + wishes, config.pack, config.hidden).to(self.device)
        self.group.share([*self.maker.state_dict().values(), *self.judge.state_dict().values()])
        self.optimizers = [_optimizer(network, config) for network in (self.maker, self.judge)]
        self.average = Averages(self.maker, _AVERAGE)
        placed = np.concatenate([column.places for column in pieces.columns])
        self.placed = torch.from_numpy(placed.astype(np.float32)).to(self.device)
        self.facts: dict[str, object] = {}

    def go(self) -> None:
        started, step, used = time.monotonic(), 0, 0.0
        curve: dict[str, list[float]] = {"step": [], "judge_loss": [], "maker_loss": []}
        while step < self.config.max_steps and (used < 1.0 or not step):
            seed = self.randomness.step(step, self.context.rank)
            torch.manual_seed(seed)
            rng = np.random.Generator(np.random.Philox(seed))
            clock = (time.monotonic() - started) / (self.config.max_seconds or math.inf)
            judged, used = self._judge_step(rng, clock)
            made = self._maker_step(rng)
            self.average.follow(step)
            step += 1
            if step % _LOOK_STEPS == 0 or step == self.config.max_steps:
                self._look(step, float(judged), float(made), curve)
        self.facts = {"steps": step, "learning_curve": curve}
        self._settle()

    def weights(self) -> dict[str, np.ndarray]:
        """The maker's parameters and statistics."""
        state = self.maker.state_dict()
        return {name: value.cpu().numpy() for name, value in state.items() if not name.endswith("tracked")}

    def _judge_step(self, rng: np.random.Generator, clock: float) -> tuple[torch.Tensor, float]:
        chosen, wanted = self.wishes.draw(self.size, rng, evenly=True)
        wish = self._tensor(self.wishes.vectors(chosen, wanted))
        real = self._tensor(self.rows[self.wished.find(chosen, wanted, rng)])
        with torch.no_grad():
            made = torch.cat([self._made(wish)[1], wish], 1)
        real = torch.cat([self._indicators(real), wish], 1)
        loss = self.judge(made).mean() - self.judge(real).mean() + self.judge.penalty(real, made)
        return self._update(1, loss, clock)

    def _maker_step(self, rng: np.random.Generator) -> torch.Tensor:
        chosen, wanted = self.wishes.draw(self.size, rng, evenly=True)
        wish = self._tensor(self.wishes.vectors(chosen, wanted))
        logits, made = self._made(wish)
        loss = self._missed(logits, chosen, wanted) - self.judge(torch.cat([made, wish], 1)).mean()
        return self._update(0, loss, 0.0)[0]

    def _missed(self, logits: torch.Tensor, chosen: np.ndarray, wanted: np.ndarray) -> torch.Tensor:
        """How far the rows are from having what was wished for: the cross entropy per row."""
        total = logits.new_zeros(())
        blocks = list(self.pieces.blocks)
        for k, (j, _) in enumerate(self.wishes.columns):
            own = np.flatnonzero(chosen == k)
            start, end, _ = blocks[j]
            rows, target = (
                torch.from_numpy(own).to(self.device),
                torch.from_numpy(wanted[own]).to(self.device),
            )
            total = total + functional.cross_entropy(logits[rows, start:end], target, reduction="sum")
        return total / len(logits)

    def _made(self, wish: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        noise = torch.randn(len(wish), self.config.noise, device=self.device)
        output = self.maker(torch.cat([noise, wish], 1))
        return output, soft_rows(output, self.pieces.sizes, self.placed)

    def _indicators(self, rows: torch.Tensor) -> torch.Tensor:
        columns = len(self.pieces.sizes)
        starts = torch.tensor([start for start, _, _ in self.pieces.blocks], device=self.device)
        indicators = torch.zeros(len(rows), sum(self.pieces.sizes), device=self.device)
        indicators.scatter_(1, rows[:, :columns].long() + starts, 1.0)
        return torch.cat([indicators, rows[:, columns:]], 1)

    def _update(self, network: int, loss: torch.Tensor, clock: float) -> tuple[torch.Tensor, float]:
        optimizer = self.optimizers[network]
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        loss, used = self.group.average_gradients(parameters, loss.detach(), clock)
        optimizer.step()
        return loss, used

    def _look(self, step: int, judged: float, made: float, curve: dict[str, list[float]]) -> None:
        if not (math.isfinite(judged) and math.isfinite(made)):
            raise FitError(
                f"the training diverged: at step {step} a loss was no number",
                "lower generator.learning_rate, or look for extreme values in the source",
            )
        for name, value in (("step", step), ("judge_loss", round(judged, 5)), ("maker_loss", round(made, 5))):
            curve[name].append(value)
        if self.context.rank == 0:
            note = f"losses {judged:.3f} and {made:.3f}"
            self.context.report(FitProgress(step, self.config.max_steps, note))

    def _settle(self) -> None:
        """Keep the averaged weights, and the statistics that the layers have with them."""
        for parameter, value in zip(sorted_parameters(self.maker), self.average.values, strict=True):
            parameter.data.copy_(value)
        for module in self.maker.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.reset_running_stats()
                module.momentum = None
        torch.manual_seed(self.randomness.check())
        rng = np.random.Generator(np.random.Philox(self.randomness.check()))
        with torch.no_grad():
            for _ in range(_NORM_BATCHES):
                wish = self.wishes.vectors(*self.wishes.draw(self.size, rng, evenly=False))
                self._made(self._tensor(wish))

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self.device)


def sorted_parameters(module: nn.Module) -> list[nn.Parameter]:
    """The parameters in the order in which `Averages` keeps their values."""
    return [parameter for _, parameter in sorted(module.named_parameters())]


def _optimizer(network: nn.Module, config: GanConfig) -> torch.optim.Optimizer:
    return torch.optim.Adam(
        network.parameters(), lr=config.learning_rate, betas=(0.5, 0.9), weight_decay=1e-6, fused=True
    )
