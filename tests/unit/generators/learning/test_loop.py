"""The shared training loop: repeatable, resumable, patient, bounded by the clock, hard to derail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from mintage.contracts import FitContext, FitProgress
from mintage.errors import FitError
from mintage_generators.tabular.learning import loop
from mintage_generators.tabular.learning.config import LearningConfig, LearningOptions
from mintage_generators.tabular.learning.loop import MAX_RELOADS, Learned
from mintage_generators.tabular.learning.randomness import torch_session
from tests.unit.generators.learning.lines import Kept, Line, fit, some_rows

CONFIG = LearningConfig(
    max_seconds=None, max_steps=120, batch_rows=64, check_steps=20, learning_rate=0.02, warmup_steps=20
)
CONTEXT = FitContext(seed=3)


def same(first: Learned, second: Learned) -> bool:
    equal = all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)
    return equal and first.facts == second.facts


def curve(learned: Learned) -> dict[str, list[float]]:
    found = learned.facts["learning_curve"]
    assert isinstance(found, dict)
    return found


def test_a_training_learns_and_tells_how() -> None:
    told: list[FitProgress] = []
    learner, rows = _paused(0.0), some_rows()
    learned = fit(rows, replace(CONTEXT, report=told.append), CONFIG, learner=learner)
    losses = curve(learned)["held_out_loss"]
    assert curve(learned)["step"] == [20, 40, 60, 80, 100, 120]
    assert losses[-1] < 0.5 * losses[0]
    assert [progress.step for progress in told] == [20, 40, 60, 80, 100, 120]
    assert learner.held_out_loss(torch.from_numpy(rows)) < 5 * min(losses)
    assert all(
        np.array_equal(value.numpy(), learned.weights[name])
        for name, value in learner.module.state_dict().items()
    )


def test_equal_seeds_give_equal_weights_and_others_do_not() -> None:
    first = fit(some_rows(), CONTEXT, CONFIG)
    assert same(first, fit(some_rows(), CONTEXT, CONFIG))
    assert not same(first, fit(some_rows(), FitContext(seed=4), CONFIG))


def test_a_training_leaves_torch_as_it_was() -> None:
    torch.manual_seed(1)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fit(some_rows(), CONTEXT, CONFIG)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("number", [0, 2])
def test_a_training_that_goes_on_from_a_checkpoint_ends_as_one_that_was_never_stopped(number: int) -> None:
    kept = Kept()
    whole = fit(some_rows(), replace(CONTEXT, checkpoints=kept), CONFIG)
    resumed = _paused(0.0)
    rest = fit(some_rows(), replace(CONTEXT, checkpoints=Kept(kept.saved[number])), CONFIG, learner=resumed)
    assert same(whole, rest)
    assert resumed.calls == 120 - 20 * (number + 1)


def test_a_checkpoint_of_another_training_is_not_taken_up() -> None:
    kept = Kept()
    fit(some_rows(), replace(CONTEXT, checkpoints=kept), CONFIG)
    other = replace(CONFIG, learning_rate=0.01)
    begun = fit(some_rows(), replace(CONTEXT, checkpoints=Kept(kept.saved[0])), other)
    assert same(begun, fit(some_rows(), CONTEXT, other))


@pytest.mark.parametrize(
    "damage",
    [
        lambda files: {**files, "model.safetensors": files["model.safetensors"][:-40]},
        lambda files: {**files, "model.json": files["model.json"].replace(b'"step":', b'"stop":')},
        lambda files: {"model.json": files["model.json"]},
        lambda files: {**files, "model.json": files["model.json"].replace(b'"best":0', b'"best":7')},
    ],
    ids=["cut", "another document", "without arrays", "a best check that is not there"],
)
def test_a_damaged_checkpoint_is_refused(
    damage: Callable[[Mapping[str, bytes]], Mapping[str, bytes]],
) -> None:
    kept = Kept()
    fit(some_rows(), replace(CONTEXT, checkpoints=kept), CONFIG)
    with pytest.raises(FitError):
        fit(some_rows(), replace(CONTEXT, checkpoints=Kept(damage(kept.saved[0]))), CONFIG)


def test_a_loss_that_is_no_number_takes_the_training_back_and_on() -> None:
    learned = fit(some_rows(), CONTEXT, CONFIG, learner=_failing({50, 51}))
    assert learned.facts["reloads"] == 2
    assert curve(learned)["held_out_loss"][-1] < curve(learned)["held_out_loss"][0]
    assert all(np.isfinite(value).all() for value in learned.weights.values())


def test_weights_that_are_no_numbers_are_taken_back_when_that_is_seen_only_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As on a GPU, where not every loss is looked at.
    monkeypatch.setattr(loop._Run, "_looks", lambda run: run.state.step % 7 == 0)
    learned = fit(some_rows(), CONTEXT, CONFIG, learner=_failing({50}))
    assert learned.facts["reloads"] == 1
    assert curve(learned)["held_out_loss"][-1] < curve(learned)["held_out_loss"][0]


def test_a_loss_that_stays_no_number_ends_the_fit_and_says_what_to_do() -> None:
    with pytest.raises(FitError, match=f"{MAX_RELOADS} times") as caught:
        fit(some_rows(), CONTEXT, CONFIG, learner=_failing(range(30, 200)))
    assert "learning_rate" in caught.value.hint


def test_rows_that_are_no_numbers_end_the_fit() -> None:
    rows = some_rows()
    rows[:, 0] = np.nan
    with pytest.raises(FitError, match=r"diverged|no loss"):
        fit(rows, CONTEXT, CONFIG)


def test_a_limit_of_a_second_stops_a_training_of_slow_steps() -> None:
    learner = _paused(0.1)
    learned = fit(some_rows(), CONTEXT, replace(CONFIG, max_seconds=1.0, max_steps=10_000), learner=learner)
    assert learned.facts["stopped"] == "max_seconds"
    assert 1 <= learner.calls <= 11
    assert curve(learned)["step"]


def test_a_training_without_progress_ends_early() -> None:
    rows = some_rows()
    rows[:, -1] = np.random.default_rng(1).normal(size=len(rows))
    config = replace(CONFIG, max_steps=4000, patience=4, plateau=2)
    learned = fit(rows, CONTEXT, config)
    assert learned.facts["stopped"] == "early"
    step, best = learned.facts["steps"], learned.facts["best_step"]
    assert step == int(str(best)) + 4 * 20


def test_the_best_weights_are_kept_not_the_last_ones() -> None:
    rows = some_rows(80)
    config = replace(CONFIG, max_steps=400, learning_rate=0.1, holdout=0.5, patience=1000, plateau=1000)
    learned = fit(rows, CONTEXT, config)
    losses = curve(learned)["held_out_loss"]
    assert losses[-1] > min(losses)
    assert learned.facts["best_step"] == curve(learned)["step"][int(np.argmin(losses))]


def test_weight_decay_pulls_on_matrices_alone() -> None:
    with torch_session(CONTEXT):
        learner = Line(4)
    decayed = {name for name, p in learner.module.named_parameters() if learner.decays(name, p)}
    assert decayed == {"0.weight", "3.weight"}


def test_one_row_cannot_be_trained_on() -> None:
    with pytest.raises(FitError, match="1 rows"):
        fit(some_rows(1), CONTEXT, CONFIG)


def test_fixed_steps_ask_for_no_clock() -> None:
    assert LearningOptions.model_validate({"max_steps": 5}).learning().max_seconds is None
    assert LearningOptions().learning().max_seconds == 120.0


def test_a_fit_for_processes_that_are_not_there_is_refused() -> None:
    with pytest.raises(FitError, match=r"torch\.distributed"):
        fit(some_rows(), replace(CONTEXT, world=2), CONFIG)


def _failing(calls: range | set[int]) -> Line:
    with torch_session(CONTEXT):
        return Line(4, failing=frozenset(calls))


def _paused(seconds: float) -> Line:
    with torch_session(CONTEXT):
        return Line(4, pause=seconds)
