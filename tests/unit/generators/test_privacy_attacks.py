"""Attacks on what is claimed: tables with and without one planted row are told apart as often as can be.

An (epsilon, delta) that holds bounds how often: TPR <= e^epsilon * FPR + delta. Each attack chooses its
threshold on one half of the runs and counts on the other; `shown_epsilon` is what the counts prove with
99 % confidence (Clopper and Pearson), so it must not exceed the claim, and with broken noise it must.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import FitContext
from mintage.testing import memory_source
from mintage_generators.tabular.dp_marginals.config import DpMarginalsConfig
from mintage_generators.tabular.dp_marginals.generator import DpMarginalsGenerator, DpMarginalsModel
from mintage_generators.tabular.ledger import Ledger, Noise, PrivacyConfig
from tests.unit.generators.attacking import shown_epsilon

EPSILON, DELTA = 1.0, 1e-3
RUNS = 60


def table(planted: bool) -> pa.Table:
    """Forty rows of two columns; the canary's cell is otherwise empty."""
    colour = ["red"] * 20 + ["blue"] * 20 + ["green"] * planted
    size = ["small", "large"] * 20 + ["huge"] * planted
    return pa.table({"colour": colour, "size": size})


PUBLIC = {
    "colour": {"values": ["red", "blue", "green"]},
    "size": {"values": ["small", "large", "huge"]},
}


def fitted(planted: bool, seed: int) -> DpMarginalsModel:
    privacy = {"epsilon": EPSILON, "delta": DELTA, "noise": "seed", "domains": PUBLIC}
    config = DpMarginalsConfig.model_validate({"privacy": privacy, "rounds": 1})
    model = DpMarginalsGenerator(config).fit(memory_source(table(planted)), FitContext(seed=seed))
    assert isinstance(model, DpMarginalsModel)
    return model


def canary_rows(model: DpMarginalsModel) -> float:
    """Rows of the canary's values that the model expects, over both columns."""
    return sum(
        float(column.counts[column.token_of(pa.scalar(value)) or 0])
        for column, value in zip(model.codec.columns, ("green", "huge"), strict=True)
    )


def on_model(planted: bool, seed: int) -> np.ndarray:
    return np.array([canary_rows(fitted(planted, RUNS * seed + run)) for run in range(RUNS)])


def on_count(planted: bool, seed: int) -> np.ndarray:
    """Each cell is a run of its own."""
    ledger = book(seed)
    return ledger.counts("canary", np.full(4000, int(planted)), rho=ledger.rho)


def on_choice(planted: bool, seed: int) -> np.ndarray:
    books = [book(1000 * seed + run) for run in range(600)]
    worth = np.array([0.0, float(planted)])
    return np.array([one.choice("pick", worth, sensitivity=1.0, rho=one.rho) for one in books])


def book(seed: int) -> Ledger:
    privacy = PrivacyConfig(epsilon=EPSILON, delta=DELTA, noise="seed")
    return Ledger(privacy, np.random.default_rng(seed))


Attack = Callable[[bool, int], np.ndarray]
ATTACKS = pytest.mark.parametrize(
    "attack", [on_model, on_count, on_choice], ids=["whole model", "one count", "one choice"]
)


def told_apart(attack: Attack) -> float:
    return shown_epsilon(attack(False, 1), attack(True, 2), DELTA)


@ATTACKS
def test_a_planted_row_is_not_seen_beyond_the_claim(attack: Attack) -> None:
    assert told_apart(attack) <= EPSILON


@ATTACKS
def test_the_attack_sees_the_row_when_the_noise_is_broken(
    attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    normal, gumbel = Noise.normal, Noise.gumbel
    monkeypatch.setattr(Noise, "normal", lambda self, shape: normal(self, shape) / 30)
    monkeypatch.setattr(Noise, "gumbel", lambda self, shape: gumbel(self, shape) / 30)
    assert told_apart(attack) > EPSILON


def test_an_attack_on_a_count_comes_near_to_the_claim() -> None:
    assert told_apart(on_count) > 0.1


def test_a_value_of_one_row_shows_as_rarely_as_delta_says() -> None:
    privacy = PrivacyConfig(epsilon=8.0, delta=0.3, noise="seed")
    ledger = Ledger(privacy, np.random.default_rng(0))
    values = 50_000
    _, shown = ledger.seen_counts("values", np.ones(values), rho=0.01, delta=0.02)
    assert 0.5 * 0.02 < shown.mean() < 0.02 + 4 * math.sqrt(0.02 / values)
    _, often = ledger.seen_counts("values", np.full(values, 100), rho=0.01, delta=0.0001)
    assert often.all()
