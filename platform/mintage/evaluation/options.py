"""What an evaluation is asked to measure, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from mintage.contracts import Semantics

Metric = Literal["fidelity", "detection", "utility", "privacy", "fairness", "collapse"]
METRICS: tuple[Metric, ...] = get_args(Metric)

DEFAULT_ROWS = 50_000
"""Rows of each table that classifiers are trained on and attacks start from.

Fidelity, copies, and the references of distances take all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is measured; the defaults measure all that can be."""

    metrics: tuple[Metric, ...] = METRICS
    target: str | None = None
    """Column that utility predicts; without one, utility is not computed."""
    favourable: str | None = None
    """Level of the target that counts as the favourable outcome; the rarer one when None."""
    key: tuple[str, ...] = ()
    """Columns that say whose row it is; not measured, and used to find subjects in both real tables."""
    protected: tuple[str, ...] = ()
    """Columns whose groups fairness compares."""
    kinds: Mapping[str, Semantics] = field(default_factory=dict)
    """What columns mean, where their type does not say it: integers that are codes are `category`."""
    max_rows: int = DEFAULT_ROWS
    seed: int = 0
    threads: int = 1
    """Threads that classifiers and matrix products may use."""
