"""The top of the page: key figures, gates, warnings, and what was evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import Block, Cell, Facts, Section, Table, Text, Tone
from mintage.evaluation.report.wording import count, interval, listed, number, percent, plural, score, share
from mintage.evaluation.results import (
    Detection,
    Fidelity,
    GateResult,
    Privacy,
    Report,
    TableFacts,
    Utility,
)

_TONES: dict[str, Tone] = {"pass": "good", "warn": "poor", "fail": "bad"}
_WORDS = {"pass": "Passed", "warn": "Warning", "fail": "Failed"}
_PROVENANCE = {
    "run_id": "Run",
    "root": "Merkle root",
    "model": "Model",
    "generator": "Generator",
    "source": "Source",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """One of the few numbers on top, and what to compare it with."""

    label: str
    value: str
    beside: str
    anchor: str


def key_figures(report: Report) -> tuple[KeyFigure, ...]:
    """Six figures at most; what was not computed is said to be unknown."""
    return (
        *_closeness(report),
        _detectability(report),
        _usefulness(report),
        *_privacy(report),
    )


def _unknown(label: str, anchor: str) -> KeyFigure:
    return KeyFigure(label=label, value="unknown", beside="not computed", anchor=anchor)


def _closeness(report: Report) -> Sequence[KeyFigure]:
    fidelity, anchor = report.fidelity, "table-closeness"
    if not isinstance(fidelity, Fidelity):
        return (_unknown("Columns are off by", "fidelity"), _unknown("Pairs are off by", "fidelity"))
    ceiling = fidelity.ceiling
    trend, fresh_trend = (
        fidelity.trend_error_fixed_edges,
        ceiling.trend_error_fixed_edges if ceiling else None,
    )
    pairs = _unknown("Pairs are off by", anchor)
    if trend is not None:
        pairs = KeyFigure(
            label="Pairs are off by", value=percent(trend), beside=_fresh(fresh_trend), anchor=anchor
        )
    columns = KeyFigure(
        label="Columns are off by",
        value=percent(fidelity.shape_error),
        beside=_fresh(ceiling.shape_error if ceiling else None),
        anchor=anchor,
    )
    return (columns, pairs)


def _fresh(error: float | None) -> str:
    return "no holdout to compare with" if error is None else f"fresh real rows: {percent(error)}"


def _detectability(report: Report) -> KeyFigure:
    detection, label = report.detection, "A tree tells them apart"
    if not isinstance(detection, Detection) or detection.auc_xgb is None:
        return _unknown(label, "detection")
    return KeyFigure(
        label=label,
        value=f"AUC {score(detection.auc_xgb.value)}",
        beside="guessing: 0.500",
        anchor="detection",
    )


def _usefulness(report: Report) -> KeyFigure:
    utility, label = report.utility, "Trained on synthetic"
    if not isinstance(utility, Utility) or utility.tstr is None:
        return _unknown(label, "utility")
    form, metric = (score, "AUC ") if utility.metric == "auc" else (number, "RMSE ")
    beside = "on real rows: unknown" if utility.trtr is None else f"trained on real: {form(utility.trtr)}"
    return KeyFigure(label=label, value=f"{metric}{form(utility.tstr)}", beside=beside, anchor="utility")


def _privacy(report: Report) -> Sequence[KeyFigure]:
    privacy = report.privacy
    if not isinstance(privacy, Privacy):
        return (_unknown("Membership advantage", "privacy"), _unknown("Exact copies", "privacy"))
    copies, membership = privacy.copies, privacy.membership
    told = _unknown("Membership advantage", "privacy")
    if membership is not None:
        told = KeyFigure(
            label="Membership advantage",
            value=f"{number(100 * membership.advantage.value, 2)} points",
            beside=f"95 %: {interval(membership.advantage, 100)}; guessing: 0",
            anchor="privacy",
        )
    fresh = copies.exact_share_holdout
    beside = "no holdout to compare with" if fresh is None else f"of the holdout: {share(fresh)}"
    repeated = KeyFigure(
        label="Exact copies", value=share(copies.exact_share), beside=beside, anchor="privacy"
    )
    return (told, repeated)


def overview_sections(report: Report) -> tuple[Section, ...]:
    """Warnings, gates, and what was evaluated."""
    return (*_warnings(report.warnings), _gates(report.gates), _evaluated(report))


def _warnings(warnings: Sequence[str]) -> Sequence[Section]:
    if not warnings:
        return ()
    return (
        Section(
            id="warnings",
            title="Warnings" if len(warnings) > 1 else "Warning",
            lead="To be known before any figure below is read.",
            blocks=tuple(Text(text=f"{line[:1].upper()}{line[1:]}", tone="warning") for line in warnings),
        ),
    )


def _gates(gates: Sequence[GateResult]) -> Section:
    if not gates:
        told = "No gates were set. With gates in its spec, a job fails when a figure is out of bounds."
        return Section(id="gates", title="Gates", blocks=(Text(text=told, tone="missing"),))
    table = Table(
        id="gate-table",
        caption="Figures and their bounds",
        head=("Gate", "Measured", "At least", "At most", "Result", "Reason"),
        rows=tuple(_gate_row(gate) for gate in gates),
        numeric=(False, True, True, True, False, False),
    )
    return Section(
        id="gates",
        title="Gates",
        lead="What the spec asks for. A figure that was not computed has not passed.",
        blocks=(table,),
    )


def _gate_row(gate: GateResult) -> tuple[Cell, ...]:
    return (
        cells.word(gate.figure),
        Cell(text="not computed", value=None) if gate.value is None else cells.number(gate.value, 4),
        cells.number(gate.min, 4),
        cells.number(gate.max, 4),
        cells.word(_WORDS[gate.status], _TONES[gate.status]),
        cells.word(gate.reason),
    )


def _evaluated(report: Report) -> Section:
    items = [("Subject", report.subject, True)]
    items += [
        (label, "none" if table is None else _size(table), False)
        for label, table in (
            ("Real table", report.real),
            ("Synthetic table", report.synthetic),
            ("Holdout", report.holdout),
        )
    ]
    known = {key: report.provenance[key] for key in _PROVENANCE if key in report.provenance}
    items += [(_PROVENANCE[key], value, True) for key, value in known.items()]
    items += [(key, value, True) for key, value in sorted(report.provenance.items()) if key not in known]
    blocks: list[Block] = [Facts(items=tuple(items))]
    skipped = [column for column in report.columns if column.kind == "skipped"]
    if skipped:
        names = listed([column.name for column in skipped], most=6)
        blocks.append(
            Text(
                text=f"Not measured: {names}; the reasons are at the end.",
                tone="note",
            )
        )
    return Section(id="evaluated", title="What was evaluated", blocks=tuple(blocks))


def _size(table: TableFacts) -> str:
    return f"{count(table.rows)} rows, {plural(table.columns, 'column')}"


def column_facts(report: Report) -> Table:
    """How each column was understood."""
    return Table(
        id="facts-table",
        caption="How columns were understood",
        head=("Column", "Meaning", "Measured as", "Remark"),
        rows=tuple(
            (
                cells.named(column.name),
                cells.word(column.semantics or cells.GAP),
                cells.word(column.kind, "poor" if column.kind == "skipped" else ""),
                cells.word(column.reason),
            )
            for column in report.columns
        ),
        numeric=(False, False, False, False),
    )


def seconds_table(report: Report) -> Sequence[Block]:
    """How long each section took."""
    if not report.seconds:
        return ()
    rows = tuple((cells.word(name), cells.number(value)) for name, value in report.seconds.items())
    return (
        Table(
            id="seconds-table",
            caption="How long each section took",
            head=("Section", "Seconds"),
            rows=rows,
            numeric=(False, True),
        ),
    )
