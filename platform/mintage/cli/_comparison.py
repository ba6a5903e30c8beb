"""`mintage evaluate`: what was typed, as the arguments of the public function; a report, as lines of text."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mintage.engine.events import PhaseStarted
from mintage.errors import SpecError
from mintage.evaluation.results import Report
from mintage.jobs.comparison import evaluate
from mintage.jobs.progress import watch
from mintage.jobs.report_files import HTML, JSON, write_report

_GATE = re.compile(r"\s*([A-Za-z0-9_.]+)\s*(<=|>=)\s*(\S+)\s*")


def compare(
    real: str,
    synthetic: str,
    out: Path,
    *,
    kinds: Sequence[str],
    metrics: str | None,
    gates: Sequence[str],
    **asked: object,
) -> Report:
    """Measure the tables, and write the report. Raises `SpecError` for what cannot be understood."""
    if metrics is not None:
        asked["metrics"] = [name.strip() for name in metrics.split(",") if name.strip()]
    with watch(sys.stderr) as on_event:
        report = evaluate(
            real,
            synthetic,
            kinds=dict(_pair(kind) for kind in kinds),
            gates=read_gates(gates),
            on_section=lambda section: on_event(PhaseStarted(phase="evaluate", detail=section)),
            **asked,  # type: ignore[arg-type]  # the options of the command, by the names of its arguments
        )
    write_report(report, out)
    return report


def read_gates(texts: Sequence[str]) -> dict[str, Mapping[str, object]]:
    """Gates as they are typed; two of one figure are its two bounds.

    >>> read_gates(["trend_error<=2", "tstr >= 0.8", "tstr<=1"])
    {'trend_error': {'max': 2.0}, 'tstr': {'min': 0.8, 'max': 1.0}}
    """
    gates: dict[str, dict[str, object]] = {}
    for text in texts:
        match = _GATE.fullmatch(text)
        if match is None:
            raise SpecError(
                f"--gate: {text!r} is no bound", "write for instance 'trend_error<=2' or 'c2st_xgb>=0.8'"
            )
        figure, side, bound = match.groups()
        gates.setdefault(figure, {})["max" if side == "<=" else "min"] = _number(bound, text)
    return dict(gates)


def to_text(report: Report, out: Path) -> str:
    """The verdict and where the report lies."""
    return "\n".join(
        [
            *(f"warning: {warning}" for warning in report.warnings),
            *report.verdict.sentences,
            *(f"gate {gate.status:<4}  {gate.reason}" for gate in report.gates),
            f"report   {out / HTML}, {out / JSON}",
        ]
    )


def _pair(text: str) -> tuple[str, str]:
    # A column may hold the sign itself; what it means does not.
    column, sign, kind = text.rpartition("=")
    if not sign or not column:
        raise SpecError(f"--kind: {text!r} is no COLUMN=KIND", "write for instance --kind PAY_0=category")
    return column, kind


def _number(bound: str, text: str) -> float:
    try:
        return float(bound)
    except ValueError as exc:
        raise SpecError(
            f"--gate: {bound!r} in {text!r} is no number", "write for instance 2 or 0.05"
        ) from exc
