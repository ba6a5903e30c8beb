from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from opacus.accountants import PRVAccountant, RDPAccountant  # type: ignore[import-untyped]
from torch import nn

from mintage.contracts import FitContext
from mintage.errors import FitError
from mintage_generators.tabular.autoregressive.private_config import PrivateTrainingConfig
from mintage_generators.tabular.autoregressive.private_training import (
    PrivateRun,
    affordable_noise,
    clipped_sum,
    train_privately,
)
from mintage_generators.tabular.ledger import Ledger, PrivacyConfig


def ledger(epsilon: float = 3.0, seed: int = 0) -> Ledger:
    return Ledger(PrivacyConfig(epsilon=epsilon, delta=1e-5, noise="seed"), np.random.default_rng(seed))


def config_of(**options: float) -> PrivateTrainingConfig:
    return PrivateTrainingConfig.model_validate({"epsilon": 3.0, **options})


def squared(module: nn.Module, row: Sequence[torch.Tensor]) -> torch.Tensor:
    values, wanted = row
    missed: torch.Tensor = (module(values)[0] - wanted).square()
    return missed


def run_on(values: torch.Tensor, wanted: torch.Tensor, rows: float | None = None) -> PrivateRun:
    torch.manual_seed(0)
    return PrivateRun(
        module=nn.Linear(values.shape[1], 1),
        loss=squared,
        inputs=lambda numbers: (values[torch.from_numpy(numbers)], wanted[torch.from_numpy(numbers)]),
        rows=float(len(values)) if rows is None else rows,
        count=len(values),
    )


def problem(rows: int = 2000) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(rows, 3, generator=generator)
    return values, values @ torch.tensor([1.0, -2.0, 0.5])


def test_each_rows_gradient_is_its_own_and_cut_to_one_length() -> None:
    values, wanted = problem(7)
    run = run_on(values * 100, wanted)
    parameters = dict(run.module.named_parameters())
    expected = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for number in range(7):
        run.module.zero_grad()
        row = [values[0] for values in run.inputs(np.array([number]))]
        squared(run.module, row).backward()  # type: ignore[no-untyped-call]
        length = torch.sqrt(sum((p.grad.square().sum() for p in parameters.values()), torch.zeros(())))  # type: ignore[union-attr]
        for name, p in parameters.items():
            assert p.grad is not None
            expected[name] += p.grad * min(1.0, 0.5 / float(length))
    found = clipped_sum(run, parameters, np.arange(7), clip=0.5)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("outlier", [1e3, 1e30, float("nan"), float("inf")])
def test_one_row_moves_the_sum_by_the_clip_at_most(outlier: float) -> None:
    values, wanted = problem(50)
    values[0] = outlier
    run = run_on(values, wanted)
    parameters = dict(run.module.named_parameters())
    with_it = clipped_sum(run, parameters, np.arange(50), clip=1.0)
    without = clipped_sum(run, parameters, np.arange(1, 50), clip=1.0)
    moved = torch.sqrt(sum(((with_it[n] - without[n]).square().sum() for n in with_it), torch.zeros(())))
    assert float(moved) <= 1.0 + 1e-4


def test_no_rows_give_no_gradient() -> None:
    run = run_on(*problem(5))
    found = clipped_sum(run, dict(run.module.named_parameters()), np.arange(0), clip=1.0)
    assert all(not gradient.any() for gradient in found.values())


def test_rows_in_parts_give_the_same_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    from mintage_generators.tabular.autoregressive import private_training

    run = run_on(*problem(20))
    parameters = dict(run.module.named_parameters())
    at_once = clipped_sum(run, parameters, np.arange(20), clip=1.0)
    monkeypatch.setattr(private_training, "_MOST_NUMBERS", 12)
    in_parts = clipped_sum(run, parameters, np.arange(20), clip=1.0)
    for name, value in at_once.items():
        torch.testing.assert_close(in_parts[name], value)


def test_training_learns_and_spends_what_it_may() -> None:
    book = ledger()
    config = config_of(steps=80, batch_rows=400, learning_rate=0.1, clip=2.0)
    weights, facts = train_privately(run_on(*problem()), book, config, FitContext(seed=1))
    torch.testing.assert_close(weights["weight"], torch.tensor([[1.0, -2.0, 0.5]]), atol=0.3, rtol=0)
    assert 2.9 < book.epsilon <= 3.0
    assert facts["steps"] == 80
    again, _ = train_privately(run_on(*problem()), ledger(), config, FitContext(seed=1))
    assert torch.equal(again["weight"], weights["weight"])


def test_the_noise_is_the_least_that_the_books_of_opacus_allow() -> None:
    multiplier = affordable_noise(ledger(), rate=0.05, steps=200)
    for accountant in (RDPAccountant(), PRVAccountant()):
        accountant.history = [(multiplier, 0.05, 200)]
        assert accountant.get_epsilon(delta=0.9e-5) <= 3.0 + 0.01
    tight = RDPAccountant()
    tight.history = [(multiplier * 0.97, 0.05, 200)]
    assert tight.get_epsilon(delta=0.9e-5) > 3.0


def test_what_was_spent_before_leaves_less() -> None:
    book = ledger()
    book.counts("codec", np.zeros(3), rho=0.5 * book.rho)
    assert affordable_noise(book, rate=0.05, steps=200) > affordable_noise(ledger(), rate=0.05, steps=200)
    book.counts("the rest", np.zeros(3), rho=book.rho - book.spent_rho)
    with pytest.raises(FitError, match=r"nothing is left of privacy\.epsilon 3"):
        affordable_noise(book, rate=1.0, steps=100_000)


def test_a_planted_outlier_moves_the_weights_less_than_the_noise() -> None:
    values, wanted = problem(300)
    config = config_of(steps=5, batch_rows=300, learning_rate=0.05)
    planted = torch.cat([values, torch.full((1, 3), 1e4)]), torch.cat([wanted, torch.tensor([1e6])])
    moved = [
        [
            float(
                train_privately(run_on(*rows, rows=300.0), ledger(1.0, seed), config, FitContext(seed=1))[0][
                    "bias"
                ][0]
            )
            for seed in range(20)
        ]
        for rows in ((values, wanted), planted)
    ]
    between, within = abs(np.mean(moved[0]) - np.mean(moved[1])), np.std(moved[0])
    assert between < 2 * within
