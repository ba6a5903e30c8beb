"""95 % confidence intervals of rates, of the risk that an attack adds, and of an area under the curve."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

from mintage.evaluation.results import Attack, Interval

Z = 1.959963984540054
"""Standard normal quantile at 97.5 %."""

Floats = npt.NDArray[np.float64]


def wilson(successes: float, attempts: float) -> Interval:
    """A rate with Wilson's score interval; its value is the interval's centre, as in Anonymeter.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.

    >>> wilson(0, 100).low, round(wilson(0, 100).high, 4)
    (0.0, 0.037)
    """
    whole = attempts + Z * Z
    centre = (successes + Z * Z / 2) / whole
    error = Z / whole * sqrt(successes * (attempts - successes) / attempts + Z * Z / 4)
    return Interval(value=centre, low=max(0.0, centre - error), high=min(1.0, centre + error))


def added_risk(attack: tuple[float, float], control: tuple[float, float]) -> Interval | None:
    """What an attack on training rows succeeds more often than on rows that no model saw.

    Both are (successes, attempts). The risk is (success - control) / (1 - control), kept in [0, 1], with
    the errors of both rates propagated (M. Giomi et al., A unified framework for quantifying privacy
    risk in synthetic data, PoPETs 2023). None when the control attack always succeeds.
    """
    main, main_error = _rate(*attack)
    base, base_error = _rate(*control)
    if control[0] >= control[1]:
        return None
    risk = (main - base) / (1 - base)
    error = sqrt((main_error / (1 - base)) ** 2 + (base_error * (main - 1) / (1 - base) ** 2) ** 2)
    return Interval(value=_share(risk), low=_share(risk - error), high=_share(risk + error))


def judge_attack(
    name: str,
    attack: tuple[float, float],
    control: tuple[float, float] | None,
    baseline: tuple[float, float],
    *,
    detail: dict[str, float],
    notes: list[str],
) -> Attack:
    """An attack's rates, each of them (successes, attempts), and the risk that they show."""
    risk = added_risk(attack, control) if control else None
    said = list(notes)
    if control and risk is None:
        said.append("the attack always succeeds on rows that no model saw: it measures no risk")
    if attack[0] / attack[1] <= baseline[0] / baseline[1]:
        said.append("the attack does no better than guessing: a low risk proves little")
    return Attack(
        name=name,
        attempts=int(attack[1]),
        success=wilson(*attack),
        control=wilson(*control) if control else None,
        baseline=wilson(*baseline),
        risk=risk,
        detail=detail,
        notes=said,
    )


def normal(value: float, error: float, *, low: float = 0.0, high: float = 1.0) -> Interval:
    """An estimate with the interval of a normal distribution of that standard error, kept in bounds."""
    return Interval(value=value, low=max(low, value - Z * error), high=min(high, value + Z * error))


def auc_interval(positives: Floats, negatives: Floats) -> Interval:
    """Area under the curve of two sets of scores, with the interval of Hanley and McNeil (1982).

    The area is the chance that a positive's score is greater than a negative's; ties count half.
    """
    area = mean_rank_above(positives, negatives)
    count, other = len(positives), len(negatives)
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (count - 1) * (first - area**2) + (other - 1) * (second - area**2)) / (
        count * other
    )
    return normal(area, sqrt(max(variance, 0.0)))


def mean_rank_above(positives: Floats, negatives: Floats) -> float:
    """The chance that a positive exceeds a negative, ties half."""
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, "left") + np.searchsorted(ordered, positives, "right")
    return float(below.mean() / 2 / len(negatives))


def _rate(successes: float, attempts: float) -> tuple[float, float]:
    """Centre and half width of Wilson's interval, not kept in bounds."""
    whole = attempts + Z * Z
    error = Z / whole * sqrt(successes * (attempts - successes) / attempts + Z * Z / 4)
    return (successes + Z * Z / 2) / whole, error


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
