"""Differential privacy: what a fit may spend, the mechanisms that spend it, and the books.

What is measured, and how columns are carried, does not belong here.
"""

from mintage_generators.tabular.ledger.accountant import (
    NO_DIVERGENCE,
    ORDERS,
    concentrated,
    epsilon_of,
    rho_for,
    sampled_gaussian,
)
from mintage_generators.tabular.ledger.config import Domain, PrivacyConfig
from mintage_generators.tabular.ledger.ledger import Entry, Ledger
from mintage_generators.tabular.ledger.noise import Noise

__all__ = [
    "NO_DIVERGENCE",
    "ORDERS",
    "Domain",
    "Entry",
    "Ledger",
    "Noise",
    "PrivacyConfig",
    "concentrated",
    "epsilon_of",
    "rho_for",
    "sampled_gaussian",
]
