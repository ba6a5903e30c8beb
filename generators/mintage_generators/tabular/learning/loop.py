"""The training loop: shuffled batches, early stopping on held-out rows, averaged weights, a clock.

AdamW (Loshchilov and Hutter, 2019) with a linear start and a cosine end, paced by steps or by seconds,
whichever is used up first. A loss that is no number takes the weights back to the best so far.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mintage.contracts import FitContext, FitProgress
from mintage.errors import FitError
from mintage_generators.tabular.learning.averages import Averages, copy_of
from mintage_generators.tabular.learning.batches import Batches, Rows, held_out_rows, read_rows
from mintage_generators.tabular.learning.checkpoint import belongs, name_training, read_state, write_state
from mintage_generators.tabular.learning.config import LearningConfig
from mintage_generators.tabular.learning.group import Group
from mintage_generators.tabular.learning.hardware import mixed_precision
from mintage_generators.tabular.learning.learner import CHECK_ROWS, Learner
from mintage_generators.tabular.learning.randomness import Randomness, seed_torch, torch_session
from mintage_generators.tabular.learning.state import State

MAX_RELOADS = 3
"""How often a training may start again from its best weights."""

CHECK_SHARE = 0.15
"""Share of the time allowed that checks may take."""

_WARMUP_SHARE = 0.05
"""Share of the allowance after which the step size is full, however few steps that were."""

_OTHER_STREAM = 0x5DEECE66D
"""Keeps torch's global stream apart from the generator that a loss is given."""

_LOOK_STEPS = 20
"""Steps on a GPU between two looks at whether the loss is a number: each waits for the GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The best averaged weights and buffers (arrays by name), and facts for the fit record.

    `facts` hold no seconds, so that equal fits give equal bytes.
    """

    weights: dict[str, np.ndarray]
    facts: dict[str, object]


def learn(
    learner: Learner,
    rows: Rows,
    *,
    config: LearningConfig,
    context: FitContext,
    unit: str = "nats per row",
) -> Learned:
    """Train `learner.module` on `rows`, numbers of shape (rows, columns); it ends with the best weights.

    A pure function of its arguments, but for the clock when `config.max_seconds` is set. With
    `context.world` above 1 all processes have to call it with equal arguments but for the rank; each
    takes its part of every batch. Build the module inside `torch_session(context)`: its first weights are
    drawn there. Raises `FitError` when the loss is no number again and again.
    """
    if rows.shape[0] < 2:
        raise FitError(f"{rows.shape[0]} rows are too few to train on", "give a longer source")
    with torch_session(context):
        run = _Run(learner, rows, config, context)
        run.go()
    facts: dict[str, object] = {
        "rows_trained_on": run.rows,
        "steps": run.state.step,
        "best_step": run.state.curve.best_step,
        "stopped": run.state.stopped,
        "reloads": run.state.reloads,
        "learning_curve": run.state.curve.to_json(unit),
    }
    weights = {name: value.detach().cpu().numpy() for name, value in run.state.best.items()}
    return Learned(weights=weights, facts=facts)


class _Run:
    """One training: the module, its average, the optimiser, the rows."""

    def __init__(self, learner: Learner, rows: Rows, config: LearningConfig, context: FitContext) -> None:
        self.learner, self.config, self.context = learner, config, context
        self.group = Group(context)
        self.randomness = randomness = Randomness(context.seed)
        self.module = learner.module.to(context.device)
        self.group.share(self.module.state_dict().values())
        self.parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(learner, config)
        self.average = Averages(self.module, config.average)
        held = held_out_rows(rows, config.holdout, config.max_holdout, randomness)
        self.rows = rows.shape[0] - len(held)
        read = torch.from_numpy(read_rows(rows, held))
        self.held_out = read.to(context.device, torch.float32 if read.is_floating_point() else torch.int64)
        self.batches = Batches(
            rows, held, config.batch_rows, randomness, rank=context.rank, world=context.world
        )
        self.state = State(best=copy_of(self.module))
        self.name = name_training(self.module, config, tuple(rows.shape), context.seed)
        self.generator = torch.Generator(context.device)
        self.lost, self.counted = torch.zeros((), device=context.device), 0
        self.started = self.saved = time.monotonic()
        self.check_seconds = 0.0

    def go(self) -> None:
        files = self.context.checkpoints.load() if self.context.rank == 0 else None
        files = self.group.share_files(dict(files) if files else None)
        if files and belongs(files, self.name):
            self.state = read_state(files, self.module, self.average, self.optimizer)
        self._choose_held_out()
        state, batches = self.state, self.batches.after(self.state.step, self.context.device)
        while state.step < self.config.max_steps:
            share = self._step(next(batches))
            if share >= 1.0:
                state.stopped = "max_seconds"
                break
            if self._due():
                self._check()
                if state.curve.waited >= self.config.patience:
                    state.stopped = "early"
                    break
                self._save()
        if not state.curve.steps or state.curve.steps[-1] < state.step:
            self._check()
        self._finish()

    def _step(self, batch: torch.Tensor) -> float:
        """Take one step, unless the time is up; returns the share of the allowance that was used before."""
        state, config = self.state, self.config
        self._seed(self.randomness.step(state.step, self.context.rank))
        self.module.train()
        self.optimizer.zero_grad()
        with mixed_precision(self.context.device, config.mixed):
            loss = self.learner.loss(batch, self.generator)
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        loss, share = self.group.average_gradients(self.parameters, loss.detach().float(), self._share())
        if share >= 1.0 and state.step:
            return share
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, config.clip)
        state.step += 1
        if self._looks() and not math.isfinite(float(loss + norm)):
            self._take_back()
            return 0.0
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * state.scale * annealed(config, state.step - 1, share)
        self.optimizer.step()
        self.average.follow(state.step - 1)
        self.lost += loss
        self.counted += 1
        return 0.0

    def _check(self) -> None:
        """Note the held-out loss of the averaged weights, and keep them when it is the best."""
        started, state = time.monotonic(), self.state
        held_out = self._held_out_loss(self.held_out)
        if not math.isfinite(held_out):
            self._take_back()
            return
        if state.curve.add(
            state.step, float(self.lost) / max(1, self.counted), held_out, self.config.tolerance
        ):
            with self.average.applied():
                state.best = copy_of(self.module)
        elif state.curve.waited % self.config.plateau == 0:
            state.scale /= 2
        self._forget_losses()
        self.check_seconds += time.monotonic() - started
        self._tell(f"held-out loss {held_out:.4f}")

    def _forget_losses(self) -> None:
        self.lost.zero_()
        self.counted = 0

    def _take_back(self) -> None:
        """Go on from the best weights with half the step size: the loss was no number."""
        state = self.state
        state.reloads += 1
        if state.reloads > MAX_RELOADS:
            raise FitError(
                f"the training diverged at step {state.step}, and again after it was taken back "
                f"{MAX_RELOADS} times to its best weights with half the step size",
                "lower generator.learning_rate, or look for extreme values in the source",
            )
        self.module.load_state_dict(state.best)
        self.average.reset()
        self.optimizer.state.clear()
        self._forget_losses()
        state.scale /= 2
        self._tell(f"the loss was no number: back to step {state.curve.best_step}, with half the step size")

    def _finish(self) -> None:
        if self.state.curve.best < 0:
            raise FitError(
                f"no loss of the training was a number in {self.state.step} steps",
                "lower generator.learning_rate, or look for extreme values in the source",
            )
        self.group.share(self.state.best.values())
        self.module.load_state_dict(self.state.best)
        self.module.eval()

    def _held_out_loss(self, rows: torch.Tensor) -> float:
        mine = rows[self.group.rank :: self.group.world]
        self._seed(self.randomness.check())
        self.module.eval()
        with (
            torch.no_grad(),
            self.average.applied(),
            mixed_precision(self.context.device, self.config.mixed),
        ):
            loss = self.learner.held_out_loss(mine) if len(mine) else 0.0
        total, count = self.group.sums(loss * len(mine), len(mine))
        return total / count

    def _choose_held_out(self) -> None:
        """Under a clock, look at no more held-out rows than can be judged in a fiftieth of the time."""
        state, seconds, held = self.state, self.config.max_seconds, len(self.held_out)
        if not state.held_rows:
            state.held_rows = held
            if seconds and held > CHECK_ROWS:
                started = time.monotonic()
                self._held_out_loss(self.held_out[:CHECK_ROWS])
                (each,) = self._of_first((time.monotonic() - started) / CHECK_ROWS)
                state.held_rows = int(min(held, max(CHECK_ROWS, 0.02 * seconds / max(each, 1e-9))))
        chosen = np.linspace(0, held - 1, min(held, state.held_rows)).astype(np.int64)
        self.held_out = self.held_out[torch.from_numpy(chosen).to(self.held_out.device)]

    def _due(self) -> bool:
        """Whether to look at the held-out rows now; rank 0, which has the clock, decides."""
        if self.state.step % self.config.check_steps:
            return False
        if not self.config.max_seconds:
            return True
        late = self.check_seconds > CHECK_SHARE * (time.monotonic() - self.started)
        return not self._of_first(float(late))[0]

    def _of_first(self, value: float) -> list[float]:
        return self.group.sums(value if self.group.rank == 0 else 0.0)

    def _seconds(self) -> float:
        return self.state.seconds + time.monotonic() - self.started

    def _share(self) -> float:
        """How much of what is allowed is used up, in [0, 1]."""
        seconds = self.config.max_seconds
        by_clock = self._seconds() / seconds if seconds else 0.0
        return max(self.state.step / self.config.max_steps, by_clock)

    def _looks(self) -> bool:
        return self.held_out.device.type == "cpu" or self.state.step % _LOOK_STEPS == 0

    def _seed(self, seed: int) -> None:
        self.generator.manual_seed(seed)
        seed_torch(seed ^ _OTHER_STREAM, self.held_out.device)

    def _save(self) -> None:
        every, now = self.context.checkpoints.every_seconds, time.monotonic()
        if self.context.rank == 0 and every is not None and now - self.saved >= every:
            self.context.checkpoints.save(
                write_state(
                    self.state,
                    self.name,
                    self._seconds(),
                    module=self.module,
                    average=self.average,
                    optimizer=self.optimizer,
                )
            )
            self.saved = time.monotonic()

    def _tell(self, note: str) -> None:
        if self.context.rank == 0:
            self.context.report(FitProgress(self.state.step, self.config.max_steps, note))


def make_optimizer(learner: Learner, config: LearningConfig) -> torch.optim.Optimizer:
    """AdamW, with weight decay on the parameters that `learner.decays` names."""
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in learner.module.named_parameters():
        if parameter.requires_grad:
            (decayed if learner.decays(name, parameter) else others).append(parameter)
    groups = [(decayed, config.weight_decay), (others, 0.0)]
    return torch.optim.AdamW(
        [{"params": parameters, "weight_decay": decay} for parameters, decay in groups if parameters],
        lr=config.learning_rate, betas=config.betas, fused=True,
    )  # fmt: skip


def annealed(config: LearningConfig, step: int, share: float) -> float:
    """Part of the step size to use when `share` of the allowance is used up: a linear start, a cosine end.

    >>> annealed(LearningConfig(), 0, 0.0), round(annealed(LearningConfig(), 10_000, 1.0), 3)
    (0.01, 0.02)
    """
    start = max((step + 1) / config.warmup_steps, share / _WARMUP_SHARE)
    end = config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return min(1.0, start) * end
