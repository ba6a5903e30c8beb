from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
import torch
from opacus.accountants import PRVAccountant, RDPAccountant  # type: ignore[import-untyped]
from pydantic import ValidationError
from torch import nn

from mintage.contracts import FitContext, SampleRequest
from mintage.errors import FitError
from mintage.testing.sources import memory_source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.autoregressive.private_config import PrivateTrainingConfig
from mintage_generators.tabular.autoregressive.private_training import (
    PrivateRun,
    affordable_noise,
    clipped_sum,
    train_privately,
)
from mintage_generators.tabular.ledger import Ledger, Noise, PrivacyConfig
from tests.unit.generators.attacking import shown_epsilon


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


def moves(planted: bool) -> np.ndarray:
    """What an attacker sees of sixty single steps over all rows.

    Only the outlier has a gradient at all, and in one direction: without it, the weights follow noise.
    """
    values, wanted = torch.zeros(40 + planted, 8), torch.zeros(40 + planted)
    if planted:
        values[-1], wanted[-1] = 5.0, 1e6
    found = []
    for seed in range(60):
        run = run_on(values, wanted, rows=40.0)
        for parameter in run.module.parameters():
            nn.init.zeros_(parameter)
        config = config_of(steps=1, batch_rows=40, learning_rate=0.05, epsilon=1.0)
        weights, _ = train_privately(run, ledger(1.0, 2 * seed + planted), config, FitContext(seed=1))
        found.append(float(weights["weight"].sum()))
    return np.array(found)


def test_a_planted_row_is_not_seen_in_the_weights_beyond_the_claim() -> None:
    assert shown_epsilon(moves(False), moves(True), 1e-5) <= 1.0


def test_the_attack_sees_it_when_the_noise_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    normal = Noise.normal
    monkeypatch.setattr(Noise, "normal", lambda self, shape: normal(self, shape) / 100)
    assert shown_epsilon(moves(False), moves(True), 1e-5) > 1.0


def test_a_generator_with_privacy_makes_its_claim_and_its_model_can_be_saved() -> None:
    rng = np.random.default_rng(4)
    table = pa.table({"a": rng.integers(0, 3, 600), "b": rng.normal(size=600).round(1)})
    config = AutoregressiveConfig(
        privacy={"epsilon": 8, "delta": 1e-6, "steps": 3, "batch_rows": 32}  # type: ignore[arg-type]  # pydantic reads it
    )
    model = AutoregressiveGenerator(config).fit(memory_source(table), FitContext(seed=1))
    claim = model.fit_record["privacy"]
    assert isinstance(claim, dict)
    assert claim["epsilon"] == 8
    assert claim["epsilon_spent"] <= 8
    assert {"training"} <= {entry["name"] for entry in claim["mechanisms"]}
    loaded = AutoregressiveGenerator.load(model.save())
    request = SampleRequest(seed=2, shard=0, batch=0, rows=50, first_key=0)
    assert next(iter(loaded.sample(request))).batch.num_rows == 50


@pytest.mark.parametrize(
    "beside",
    [{"exclude": ("a",)}, {"train_rows": 500}, {"fairness": {"outcome": "a", "protected": "b"}}],
    ids=["exclude", "train_rows", "fairness"],
)
def test_what_looks_at_rows_outside_the_ledger_is_refused_beside_privacy(beside: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="privacy cannot stand beside"):
        AutoregressiveConfig.model_validate({"privacy": {"epsilon": 1.0}, **beside})
