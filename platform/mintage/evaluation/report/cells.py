"""Cells of tables: a number in one form or another, a name, a word, a gap."""

from __future__ import annotations

from mintage.evaluation.report import wording
from mintage.evaluation.report.blocks import Cell, Tone

GAP = "–"

WORSE_THAN_FRESH = 0.02
"""A score is marked when it is so much lower than fresh real rows' (or than 1 without a holdout)."""


def named(text: str) -> Cell:
    """A name or a value from the data, as it is."""
    return Cell(text=text, value=text, named=True)


def word(text: str, tone: Tone = "") -> Cell:
    """Text of ours."""
    return Cell(text=text, value=text, tone=tone)


def number(value: float | None, digits: int = 3) -> Cell:
    """A number to so many digits; a gap for None."""
    return Cell(text=GAP if value is None else wording.number(value, digits), value=value)


def count(value: int | None) -> Cell:
    """A whole number; a gap for None."""
    return Cell(text=GAP if value is None else wording.count(value), value=value)


def score(value: float | None, *, poor: float | None = None) -> Cell:
    """A score or an AUC to three places; marked when it is below `poor`."""
    tone: Tone = "poor" if value is not None and poor is not None and value < poor else ""
    return Cell(text=GAP if value is None else wording.score(value), value=value, tone=tone)


def share(value: float | None) -> Cell:
    """A share, shown in percent; its value stays a share of one."""
    return Cell(text=GAP if value is None else wording.share(value), value=value)


def percent(value: float | None) -> Cell:
    """A percentage that is given in percent."""
    return Cell(text=GAP if value is None else wording.percent(value), value=value)
