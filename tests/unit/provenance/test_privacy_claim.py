from __future__ import annotations

import pytest

from mintage.provenance.privacy_claim import privacy_claim, spent_epsilon

LEDGER: dict[str, object] = {
    "epsilon": 0.98,
    "delta": 1e-6,
    "unit": "row",
    "neighbours": "tables that differ in one row, there or not there",
    "accountant": "rdp",
    "mechanisms": [{"name": "number of rows", "mechanism": "gaussian", "rho": 0.02}],
    "not_covered": ["the report"],
}


def test_the_claim_is_the_ledgers() -> None:
    told = privacy_claim({"steps": 3, "privacy": LEDGER})
    assert told == {
        **{name: value for name, value in LEDGER.items() if name != "not_covered"},
        "claim": "(0.98, 1e-06)-differential privacy of each row",
        "notCovered": ["the report"],
    }
    assert spent_epsilon({"privacy": LEDGER}) == 0.98


@pytest.mark.parametrize(
    "broken",
    [
        {"epsilon": float("inf")},
        {"epsilon": 0},
        {"epsilon": "1"},
        {"delta": None},
        {"unit": 3},
        {"mechanisms": []},
    ],
    ids=str,
)
def test_a_ledger_that_is_not_whole_makes_no_claim(broken: dict[str, object]) -> None:
    told = privacy_claim({"privacy": {**LEDGER, **broken}})
    assert told == {"claim": "none", "reason": "the fit record's ledger is incomplete"}
    assert spent_epsilon({"privacy": {**LEDGER, **broken}}) is None


@pytest.mark.parametrize("fit", [{}, {"privacy": None}, {"privacy": "yes"}, {"steps": 1}], ids=str)
def test_a_model_without_a_ledger_makes_no_claim(fit: dict[str, object]) -> None:
    assert privacy_claim(fit) == {"claim": "none"}


def test_a_ledger_that_makes_no_claim_says_why() -> None:
    told = privacy_claim({"privacy": {"no_claim": "the seed is published", "mechanisms": [1], "unit": "row"}})
    assert told == {"claim": "none", "reason": "the seed is published"}
