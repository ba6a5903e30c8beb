"""Gates: thresholds for figures, and whether what was measured keeps them.

>>> from mintage.evaluation.results import NotComputed
>>> [result] = judge_gates({"utility": NotComputed(not_computed="no target")}, {"tstr": Gate(min=0.8)})
>>> result.status, result.reason
('fail', 'not computed: no target')

A gate that was not computed is not passed: what nobody measured is not good. A gate names a figure of
`FIGURES`, or a path such as `privacy.membership.advantage.low` through the models of `results`, where an
entry of a list goes by its `name` (`fidelity.columns.age.score`) and one of a mapping by its key. So
names can be checked before anything is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mintage.errors import SpecError
from mintage.evaluation.figure_paths import EACH, leads_to_number, notes_along, number_paths
from mintage.evaluation.figures import FIGURES, SECTIONS, Figure
from mintage.evaluation.options import METRICS
from mintage.evaluation.results import GateResult, NotComputed, Result

__all__ = ["FIGURES", "Gate", "Outcome", "check_gates", "find_figure", "judge_gates", "overall"]

Outcome = Literal["pass", "warn", "fail", "ungated"]

_MAX_NAME = 300
_NOTES = 3
_Bound = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Gate(BaseModel):
    """Bounds for one figure, both inclusive; at least one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: _Bound | None = None
    """The least value that is good enough."""
    max: _Bound | None = None
    """The greatest one."""
    action: Literal["fail", "warn"] = "fail"
    """What a figure outside of the bounds does to the job."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a gate needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no figure is at least {self.min!r} and at most {self.max!r}")
        return self


def find_figure(name: str) -> Figure:
    """The figure of a short name or a dotted path.

    >>> find_figure("membership_advantage").path
    'membership.advantage.value'
    >>> find_figure("privacy.membership.advantage.low").section
    'privacy'

    Raises `SpecError` that names the nearest known figure when there is none.
    """
    if name in FIGURES:
        return FIGURES[name]
    head, _, path = name.partition(".")
    plain = len(name) <= _MAX_NAME and EACH not in path
    for metric in METRICS if plain else ():
        if metric == head and leads_to_number(SECTIONS[metric], path.split(".")):
            return Figure(section=metric, path=path, best="low", values="", meaning=name)
    near = _nearest(name[:_MAX_NAME])
    raise SpecError(
        f"there is no figure {name[:_MAX_NAME]!r} to set a gate on",
        (f"did you mean {near!r}? " if near else "") + f"Known figures: {', '.join(FIGURES)}; "
        "or a path in the report, such as privacy.membership.advantage.low",
    )


def check_gates(names: Iterable[str]) -> None:
    """Raise `SpecError` for the first name that is no figure; to be asked before any work."""
    for name in names:
        find_figure(name)


def judge_gates(sections: Mapping[str, Result], gates: Mapping[str, Gate]) -> list[GateResult]:
    """Hold each gate against the sections of a report, in the order of the gates.

    A section that is missing or `NotComputed`, and a figure that is None or not finite, is not passed;
    the reason says why it was not computed. Raises `SpecError` for a name that is no figure.
    """
    return [_judge(name, find_figure(name), sections, gate) for name, gate in gates.items()]


def overall(results: Iterable[GateResult]) -> Outcome:
    """The worst of all results; `ungated` when there are none."""
    found = {result.status for result in results}
    if not found:
        return "ungated"
    return next(status for status in ("fail", "warn", "pass") if status in found)


def _judge(name: str, figure: Figure, sections: Mapping[str, Result], gate: Gate) -> GateResult:
    value, missing = _measured(figure, sections)
    problem = missing if value is None else _problem(value, gate)
    return GateResult(
        figure=name,
        value=value,
        min=gate.min,
        max=gate.max,
        action=gate.action,
        status=gate.action if value is None or problem else "pass",
        reason=problem if value is None or problem else _kept(value, gate),
    )


def _measured(figure: Figure, sections: Mapping[str, Result]) -> tuple[float | None, str]:
    """The value of a figure, or why there is none."""
    section = sections.get(figure.section)
    if section is None:
        return None, f"not computed: {figure.section} was not measured"
    if isinstance(section, NotComputed):
        return None, f"not computed: {section.not_computed}"
    value = figure.read(section)
    if value is None:
        return None, f"not computed: {_why_missing(section, figure)}"
    if not math.isfinite(value):
        return None, f"not computed: {value} is not a finite number"
    return value, ""


def _why_missing(section: Result, figure: Figure) -> str:
    """Why a figure of a section is None, in the words of the section's notes."""
    notes = list(notes_along(section, figure.path.split(".")))
    words = {step.replace("_", " ") for step in figure.path.split(".")} - {"value", "risk", EACH}
    about = [note for note in notes if any(word in note.replace("_", " ").lower() for word in words)]
    return "; ".join((about or notes)[:_NOTES]) or "the report does not hold it"


def _nearest(name: str) -> str | None:
    paths = [path for metric, model in SECTIONS.items() for path in number_paths(model, metric)]
    below = [path for path in paths if path.startswith(f"{name}.")]
    return next(iter(below or get_close_matches(name, [*FIGURES, *paths], n=1, cutoff=0.5)), None)


def _problem(value: float, gate: Gate) -> str:
    if gate.min is not None and value < gate.min:
        return f"{_text(value, gate.min)} is less than {_exact(gate.min)}"
    if gate.max is not None and value > gate.max:
        return f"{_text(value, gate.max)} is more than {_exact(gate.max)}"
    return ""


def _kept(value: float, gate: Gate) -> str:
    bounds = [("at least", gate.min), ("at most", gate.max)]
    said = [f"{which} {_exact(bound)}" for which, bound in bounds if bound is not None]
    return f"{_text(value, *(bound for _, bound in bounds if bound is not None))} is {' and '.join(said)}"


def _text(value: float, *bounds: float) -> str:
    """A value in few digits, but in as many as put it on the right side of its bounds."""
    if value.is_integer():
        return _exact(value)
    short = f"{value:.6g}"
    sides = [(float(short) < bound, float(short) > bound) for bound in bounds]
    return short if sides == [(value < bound, value > bound) for bound in bounds] else repr(value)


def _exact(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
