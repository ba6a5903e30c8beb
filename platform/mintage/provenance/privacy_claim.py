"""What a data set claims of differential privacy: what its model's fit record says, or nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping

NO_CLAIM: Mapping[str, object] = {"claim": "none"}

_SAID = ("unit", "neighbours", "accountant", "mechanisms")


def privacy_claim(fit: Mapping[str, object]) -> dict[str, object]:
    """The `privacy` of a statement, from the fit record of the model.

    A generator that learns under differential privacy keeps its ledger there, under `privacy`: `epsilon`,
    `delta`, `unit` (whose presence is hidden), `mechanisms` (each look at real rows) and `not_covered`.

    >>> privacy_claim({"steps": 100})
    {'claim': 'none'}
    >>> ledger = {"epsilon": 1.0, "delta": 1e-6, "unit": "row", "mechanisms": [{"name": "number of rows"}]}
    >>> privacy_claim({"privacy": ledger})["claim"]
    '(1, 1e-06)-differential privacy of each row'
    """
    ledger = fit.get("privacy")
    if not isinstance(ledger, Mapping):
        return dict(NO_CLAIM)
    epsilon, delta, unit = ledger.get("epsilon"), ledger.get("delta"), ledger.get("unit")
    mechanisms = ledger.get("mechanisms")
    if not (_positive(epsilon) and _positive(delta) and isinstance(unit, str) and mechanisms):
        return {**NO_CLAIM, "reason": str(ledger.get("no_claim", "the fit record's ledger is incomplete"))}
    return {
        "claim": f"({epsilon:.4g}, {delta:.4g})-differential privacy of each {unit}",
        "epsilon": epsilon,
        "delta": delta,
        **{name: ledger[name] for name in _SAID if name in ledger},
        "notCovered": ledger.get("not_covered", []),
    }


def spent_epsilon(fit: Mapping[str, object]) -> float | None:
    """The epsilon that a fit claims to have spent; None when it claims nothing."""
    epsilon = privacy_claim(fit).get("epsilon")
    return float(epsilon) if isinstance(epsilon, int | float) else None


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value > 0
