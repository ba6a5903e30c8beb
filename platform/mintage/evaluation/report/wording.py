"""How numbers and names are written for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from mintage.evaluation.results import Interval

_NAME_LENGTH = 60


def count(value: int) -> str:
    """A whole number with its thousands apart.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def number(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, never in powers of ten below a billion.

    >>> number(0.98765), number(1234.5), number(-0.05), number(3e12)
    ('0.988', '1,234', '−0.05', '3e+12')
    """
    if value != 0 and not 1e-6 <= abs(value) < 1e9:
        return f"{value:.{digits}g}".replace("-", "−", 1) if value < 0 else f"{value:.{digits}g}"
    whole = len(str(int(abs(value))))
    decimals = max(0, digits - whole) if abs(value) >= 1 else _leading_zeros(value) + digits
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−", 1)


def percent(value: float, digits: int = 2) -> str:
    """A percentage that is given in percent; close to 100 % it is as exact as close to 0 %.

    >>> percent(1.234), percent(0.0), percent(61.83), percent(98.53), percent(99.97), percent(0.0004)
    ('1.2 %', '0 %', '62 %', '98.5 %', '99.97 %', '0.0004 %')
    """
    if 90 < value < 100:
        return f"{number(value, 2 + digits + _leading_zeros((100 - value) / 10) - 1)} %"
    return f"{number(value, digits)} %"


def share(value: float, digits: int = 2) -> str:
    """A share of one, in percent.

    >>> share(0.5), share(0.01234)
    ('50 %', '1.2 %')
    """
    return percent(100 * value, digits)


def score(value: float) -> str:
    """A score or an AUC, to three places.

    >>> score(0.98765), score(1.0)
    ('0.988', '1.000')
    """
    return f"{value:.3f}".replace("-", "−", 1)


def interval(of: Interval, scale: float = 1.0, unit: str = "") -> str:
    """The ends of a 95 % interval.

    >>> interval(Interval(value=0.62, low=0.61, high=0.634), 100, " %")
    '61 to 63.4 %'
    """
    return f"{number(scale * of.low)} to {number(scale * of.high)}{unit}"


def name(text: str) -> str:
    r"""A column's name or a level in a sentence: quoted, on one line, not longer than a line bears.

    >>> name("income"), name("a" * 80)[-5:], name("two\nlines")
    ("'income'", "aaa…'", "'two lines'")
    """
    line = " ".join("".join(character if _visible(character) else " " for character in text).split())
    return f"'{line[: _NAME_LENGTH - 1]}…'" if len(line) > _NAME_LENGTH else f"'{line}'"


def listed(items: Sequence[str], most: int = 3) -> str:
    """Items as a list in a sentence; what is beyond `most` is counted.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d", "e"])
    ('a', 'a and b', 'a, b and c', 'a, b, c and 2 more')
    """
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def plural(amount: int, noun: str) -> str:
    """A counted noun.

    >>> plural(1, "gate"), plural(3, "gate")
    ('1 gate', '3 gates')
    """
    return f"{count(amount)} {noun}{'' if amount == 1 else 's'}"


def _visible(character: str) -> bool:
    """Whether a character has a place on a line: no controls, none that turn the writing direction."""
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _leading_zeros(value: float) -> int:
    """Zeros between the point and the first digit of a number below one."""
    if value == 0:
        return 0
    return max(0, -int(f"{value:e}".partition("e")[2]) - 1)
