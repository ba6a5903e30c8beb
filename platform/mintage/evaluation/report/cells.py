"""Cells of tables: a number in one form or another, a name, a word, a gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mintage.evaluation.report import wording
from mintage.evaluation.report.blocks import Cell, Tone
from mintage.evaluation.report.charts import DAY, Unit

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


def moment(value: float | None, unit: Unit) -> Cell:
    """A value of a column, such as its mean; a date when the column holds dates.

    >>> moment(1.3e15, "date").text, moment(4.5e10, "hours").text, moment(38.58, "number").text
    ('2011-03-13 07:06', '12.5 h', '38.58')
    """
    if value is None or unit == "number":
        return number(value, 4)
    if unit == "hours":
        return Cell(text=f"{wording.number(24 * value / DAY)} h", value=24 * value / DAY)
    try:
        date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    except OverflowError:  # outside the years 1 to 9999
        return number(value, 4)
    return word(date.strftime("%Y-%m-%d %H:%M"))


def span(value: float | None, unit: Unit) -> Cell:
    """A difference of values, such as a deviation; in days when the column holds dates.

    >>> span(2.16e11, "date").text
    '2.5 days'
    """
    if value is None or unit == "number":
        return number(value, 4)
    if unit == "hours":
        return Cell(text=f"{wording.number(24 * value / DAY)} h", value=24 * value / DAY)
    return Cell(text=f"{wording.number(value / DAY)} days", value=value / DAY)
