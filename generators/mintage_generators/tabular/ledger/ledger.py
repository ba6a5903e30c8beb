"""The one book of a fit: mechanisms are run through it, so that none looks at rows unbooked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.special import ndtri

from mintage.errors import FitError, SpecError
from mintage_generators.tabular.ledger.accountant import (
    NO_DIVERGENCE,
    concentrated,
    epsilon_of,
    rho_for,
    sampled_gaussian,
)
from mintage_generators.tabular.ledger.config import PrivacyConfig
from mintage_generators.tabular.ledger.noise import Noise

THRESHOLD_SHARE = 0.1
"""Part of delta for thresholds that keep values of few rows from showing; the rest is for epsilon."""

_SLACK = 1e-6

NOT_COVERED = (
    "the report, its gates and other figures computed on real rows, unless evaluation.metrics is empty",
    "rules that compare with source rows, such as exact_copy: which rows are missing tells of real ones",
    "the digest of the source, and the names and types of its columns",
    "other runs on the same rows: their epsilons and deltas add up",
)
"""What looks at real rows and is outside the claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One look at the rows.

    `sensitivity` is the most that one row changes the statistic (L2 for Gaussian noise), `noise` the
    standard deviation of Gaussian noise or the scale of Gumbel noise, in the unit of the statistic.
    A `sampled gaussian` took `steps` steps, each on rows taken with probability `rate`; it has no rho.
    `delta` is the probability that a threshold lets a value of a single row through.
    """

    name: str
    mechanism: Literal["gaussian", "exponential", "sampled gaussian"]
    sensitivity: float
    noise: float
    rho: float | None = None
    delta: float = 0.0
    rate: float = 1.0
    steps: int = 1

    def divergences(self) -> np.ndarray:
        """Rényi divergences at the accountant's orders."""
        if self.rho is None:
            return sampled_gaussian(self.noise / self.sensitivity, self.rate, self.steps)
        return concentrated(self.rho)

    def to_json(self) -> dict[str, object]:
        """What the fit record tells."""
        told: dict[str, object] = {
            "name": self.name,
            "mechanism": self.mechanism,
            "sensitivity": self.sensitivity,
            "noise": self.noise,
        }
        if self.rho is not None:
            told["rho"] = self.rho
        else:
            told |= {"rate": self.rate, "steps": self.steps}
        return told | ({"delta": self.delta} if self.delta else {})


@dataclass(slots=True)
class Ledger:
    """Runs mechanisms within a budget. `noise` is the source of their noise, and of nothing else.

    >>> ledger = Ledger(PrivacyConfig(epsilon=1.0, delta=1e-6, noise="seed"), np.random.default_rng(1))
    >>> ledger.counts("rows by colour", np.array([40, 60]), rho=ledger.rho / 2)
    array([40., 71.])
    >>> ledger.epsilon < 1.0
    True
    """

    privacy: PrivacyConfig
    seeded: np.random.Generator
    noise: Noise = field(init=False)
    entries: list[Entry] = field(init=False, default_factory=list)
    _divergences: np.ndarray = field(init=False, default_factory=NO_DIVERGENCE.copy)

    def __post_init__(self) -> None:
        self.noise = Noise(None if self.privacy.noise == "secret" else self.seeded)

    @property
    def rho(self) -> float:
        """All that mechanisms of zCDP may spend together, when no others are run."""
        return rho_for(self.privacy.epsilon, self._delta_left())

    @property
    def threshold_delta(self) -> float:
        """All that thresholds may spend together."""
        return THRESHOLD_SHARE * self.privacy.delta

    @property
    def spent_rho(self) -> float:
        """What mechanisms of zCDP have spent."""
        return sum(entry.rho for entry in self.entries if entry.rho is not None)

    @property
    def epsilon(self) -> float:
        """What has been spent so far, at the budget's delta."""
        return epsilon_of(self._divergences, self._delta_left())

    def counts(self, name: str, counts: np.ndarray, *, rho: float, delta: float = 0.0) -> np.ndarray:
        """`counts` of rows with Gaussian noise, rounded to whole numbers; same shape, float64.

        Each row may be counted in one cell only. Rounding is what keeps the last digits of floating
        point from telling the counts (Mironov, 2012).
        """
        deviation = self.deviation(rho)
        self._book(
            Entry(name=name, mechanism="gaussian", sensitivity=1.0, noise=deviation, rho=rho, delta=delta)
        )
        return np.asarray(np.rint(counts + deviation * self.noise.normal(np.shape(counts))))

    def seen_counts(
        self, name: str, counts: np.ndarray, *, rho: float, delta: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Noisy counts of values that were seen in the rows, and which of them may be told, bool.

        That a value was seen at all is secret, so it shows only when its noisy count is above what a
        single row's would reach with probability `delta`: 1 + deviation * z(1 - delta), and one half
        for rounding. For two tables that differ in one row, either the same values were seen, or one
        is new and shows with probability `delta` at most (Korolova et al., 2009, for Laplace noise).
        """
        noisy = self.counts(name, counts, rho=rho, delta=delta)
        return noisy, noisy > 1.5 + self.deviation(rho) * float(-ndtri(delta))

    def choice(self, name: str, scores: np.ndarray, *, sensitivity: float, rho: float) -> int:
        """The number of a high score, by the exponential mechanism (McSherry and Talwar, 2007).

        With Gumbel noise of scale 2 * sensitivity / epsilon it satisfies epsilon**2 / 8-zCDP (Cesar and
        Rogers, 2021).
        """
        scale = 2 * sensitivity / math.sqrt(8 * rho)
        self._book(Entry(name=name, mechanism="exponential", sensitivity=sensitivity, noise=scale, rho=rho))
        return int(np.argmax(scores + scale * self.noise.gumbel(np.shape(scores))))

    def book_sampled(self, name: str, *, noise_multiplier: float, rate: float, steps: int) -> None:
        """Book steps whose caller clips each row's part to length 1 and adds the noise itself."""
        self._book(
            Entry(
                name=name,
                mechanism="sampled gaussian",
                sensitivity=1.0,
                noise=noise_multiplier,
                rate=rate,
                steps=steps,
            )
        )

    def check_rows(self, rows: float) -> None:
        """Raise `SpecError` when delta allows what epsilon forbids: telling whole rows now and then."""
        if self.privacy.delta * rows >= 1.0:
            raise SpecError(
                f"privacy.delta {self.privacy.delta:g} is not below 1 / {rows:.0f}, one over the (noisy) "
                "number of rows: publishing a row at random would be allowed",
                f"set it to at most {1 / max(rows, 2.0) ** 1.1:.0e}",
            )

    def left(self, divergences: np.ndarray) -> bool:
        """Whether so much more could be spent."""
        spent = epsilon_of(self._divergences + divergences, self._delta_left())
        return spent <= self.privacy.epsilon * (1 + _SLACK)

    def to_json(self) -> dict[str, object]:
        """The claim, for the fit record: the budget, what of it was spent on what, what it does not cover.

        What is claimed is the budget: how much a fit spends may follow from what it saw, and only a limit
        set beforehand holds then (a privacy filter: Feldman and Zrnic, 2021).
        """
        claimed: dict[str, object] = {"epsilon": self.privacy.epsilon, "delta": self.privacy.delta}
        if not self.noise.secret:
            claimed = {
                "no_claim": "the noise follows from the job's seed, which is published with the data",
                "epsilon_if_secret": self.privacy.epsilon,
                "delta_if_secret": self.privacy.delta,
            }
        return {
            **claimed,
            "unit": "row",
            "neighbours": "tables that differ in one row, there or not there",
            "accountant": "rdp",
            "epsilon_spent": self.epsilon,
            "mechanisms": [entry.to_json() for entry in self.entries],
            "not_covered": list(NOT_COVERED),
        }

    @staticmethod
    def deviation(rho: float) -> float:
        """Standard deviation of the noise on counts."""
        return math.sqrt(1 / (2 * rho))

    def _delta_left(self) -> float:
        return (1 - THRESHOLD_SHARE) * self.privacy.delta

    def _book(self, entry: Entry) -> None:
        divergences = entry.divergences()
        thresholds = sum(other.delta for other in self.entries) + entry.delta
        if not self.left(divergences) or thresholds > self.threshold_delta * (1 + _SLACK):
            raise FitError(
                f"{entry.name!r} would spend more than privacy.epsilon {self.privacy.epsilon:g} allows",
                "this is a fault of the generator: report it",
            )
        self.entries.append(entry)
        self._divergences = self._divergences + divergences
