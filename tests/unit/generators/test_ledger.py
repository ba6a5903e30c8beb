from __future__ import annotations

import json
import math

import numpy as np
import pytest
from opacus.accountants.analysis import rdp  # type: ignore[import-untyped]
from pydantic import ValidationError

from mintage.errors import FitError, SpecError
from mintage_generators.tabular.ledger import (
    ORDERS,
    Ledger,
    Noise,
    PrivacyConfig,
    concentrated,
    epsilon_of,
    rho_for,
    sampled_gaussian,
)


def ledger(epsilon: float = 1.0, delta: float = 1e-6, seed: int = 0) -> Ledger:
    privacy = PrivacyConfig(epsilon=epsilon, delta=delta, noise="seed")
    return Ledger(privacy, np.random.default_rng(seed))


@pytest.mark.parametrize("epsilon", [0, -1, math.inf, -math.inf, math.nan, 1e6, "much"])
def test_an_epsilon_that_means_nothing_is_refused(epsilon: object) -> None:
    with pytest.raises(ValidationError, match="epsilon"):
        PrivacyConfig.model_validate({"epsilon": epsilon})


@pytest.mark.parametrize("delta", [0, -1e-6, 1, 2, math.inf, math.nan])
def test_a_delta_that_means_nothing_is_refused(delta: float) -> None:
    with pytest.raises(ValidationError, match="delta"):
        PrivacyConfig.model_validate({"epsilon": 1, "delta": delta})


@pytest.mark.parametrize(
    "domain", [{}, {"low": 1}, {"values": [1], "low": 0, "high": 3}, {"low": 0, "high": 1, "step": 2}]
)
def test_half_a_domain_is_refused(domain: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PrivacyConfig.model_validate({"epsilon": 1, "domains": {"a": domain}})


@pytest.mark.parametrize(("sigma", "rate", "steps"), [(1.1, 0.01, 1000), (0.7, 0.2, 30), (4.0, 1.0, 7)])
def test_sampled_gaussians_cost_what_opacus_says(sigma: float, rate: float, steps: int) -> None:
    whole = np.isin(ORDERS, np.arange(2, 257))
    expected = rdp.compute_rdp(q=rate, noise_multiplier=sigma, steps=steps, orders=ORDERS[whole].tolist())
    ours = sampled_gaussian(sigma, rate, steps)
    np.testing.assert_allclose(ours[whole], expected, rtol=1e-6)
    between = ORDERS[(ORDERS > 1.2) & (ORDERS < 60)][::17]
    exact = rdp.compute_rdp(q=rate, noise_multiplier=sigma, steps=steps, orders=between.tolist())
    assert (ours[np.isin(ORDERS, between)] >= np.asarray(exact) * (1 - 1e-6)).all()


def test_epsilon_follows_from_divergences_as_opacus_converts_them() -> None:
    divergences = sampled_gaussian(1.3, 0.02, 500)
    orders = np.arange(2, 200, dtype=float)
    at = divergences[np.isin(ORDERS, orders)]
    expected, _ = rdp.get_privacy_spent(orders=orders.tolist(), rdp=at, delta=1e-5)
    assert epsilon_of(divergences, 1e-5) == pytest.approx(expected, rel=0.02)
    assert epsilon_of(divergences, 1e-5) <= expected + 1e-9


def test_a_gaussian_is_never_said_to_be_safer_than_it_is() -> None:
    from scipy.stats import norm

    for rho in (0.005, 0.1, 2.0):
        epsilon, shift = epsilon_of(concentrated(rho), 1e-5), math.sqrt(2 * rho)
        # The exact delta of a Gaussian mechanism at this epsilon (Balle and Wang, 2018).
        exact = norm.cdf(shift / 2 - epsilon / shift) - math.exp(epsilon) * norm.cdf(
            -shift / 2 - epsilon / shift
        )
        assert 0.05e-5 < exact <= 1e-5


@pytest.mark.parametrize("epsilon", [0.01, 1.0, 8.0, 1000.0])
def test_rho_is_the_most_that_epsilon_allows(epsilon: float) -> None:
    rho = rho_for(epsilon, 1e-6)
    assert epsilon * 0.9999 < epsilon_of(concentrated(rho), 1e-6) <= epsilon


def test_mechanisms_of_all_kinds_add_up() -> None:
    book = ledger(epsilon=3.0)
    book.counts("counts", np.arange(5), rho=0.02)
    book.choice("choice", np.arange(5.0), sensitivity=1.0, rho=0.01)
    book.book_sampled("training", noise_multiplier=1.5, rate=0.01, steps=100)
    together = concentrated(0.03) + sampled_gaussian(1.5, 0.01, 100)
    assert book.epsilon == pytest.approx(epsilon_of(together, 0.9e-6))
    told = json.loads(json.dumps(book.to_json(), allow_nan=False))
    assert [entry["mechanism"] for entry in told["mechanisms"]] == [
        "gaussian",
        "exponential",
        "sampled gaussian",
    ]
    assert told["mechanisms"][1]["noise"] == pytest.approx(2 / math.sqrt(8 * 0.01))


def test_what_is_beyond_the_budget_is_not_looked_at() -> None:
    book = ledger()
    book.counts("most", np.zeros(1), rho=0.9 * book.rho)
    with pytest.raises(FitError, match=r"'too much' would spend more than privacy\.epsilon 1"):
        book.counts("too much", np.zeros(1), rho=0.2 * book.rho)
    with pytest.raises(FitError, match="threshold"):
        book.seen_counts("threshold", np.ones(1), rho=0.01 * book.rho, delta=1e-6)
    assert len(book.entries) == 1


def test_a_delta_of_one_row_is_refused() -> None:
    with pytest.raises(SpecError, match=r"privacy\.delta 0\.001 is not below 1 / 5000"):
        ledger(delta=1e-3).check_rows(5000)
    ledger(delta=1e-4).check_rows(5000)


def test_noise_of_a_published_seed_makes_no_claim() -> None:
    told = ledger().to_json()
    assert "epsilon" not in told
    assert "published" in str(told["no_claim"])
    secret = Ledger(PrivacyConfig(epsilon=1.0), np.random.default_rng(0))
    assert secret.to_json()["epsilon"] == 1.0
    assert secret.to_json()["epsilon_spent"] == 0.0
    one, other = (
        Ledger(PrivacyConfig(epsilon=1.0), np.random.default_rng(0)).counts("n", np.zeros(9), rho=0.01)
        for _ in range(2)
    )
    assert (one != other).any()


@pytest.mark.parametrize("noise", [Noise(), Noise(np.random.default_rng(1))], ids=["secret", "seeded"])
def test_noise_has_the_distribution_it_should(noise: Noise) -> None:
    from scipy.stats import gumbel_r, kstest, norm

    assert kstest(noise.normal(20_000), norm.cdf).pvalue > 1e-4
    assert kstest(noise.gumbel(20_000), gumbel_r.cdf).pvalue > 1e-4
    assert noise.uniform((3, 4)).shape == (3, 4)


def test_counts_come_back_as_whole_numbers_with_the_noise_that_is_booked() -> None:
    book = ledger(epsilon=8.0)
    noisy = book.counts("many", np.full(20_000, 100), rho=0.01)
    assert (noisy == np.rint(noisy)).all()
    assert noisy.std() == pytest.approx(math.sqrt(50), rel=0.03)
    assert book.entries[0].noise == pytest.approx(math.sqrt(50))


def test_the_exponential_mechanism_draws_by_the_softmax_of_scores() -> None:
    scores, scale, won = np.array([0.0, 5.0, 9.0]), 2 / math.sqrt(8 * 0.001), np.zeros(3)
    for seed in range(3000):
        won[ledger(seed=seed).choice("pick", scores, sensitivity=1.0, rho=0.001)] += 1
    expected = np.exp(scores / scale) / np.exp(scores / scale).sum()
    np.testing.assert_allclose(won / 3000, expected, atol=0.03)
