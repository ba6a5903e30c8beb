"""The whole page: sections in their order, and the data that its plots share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mintage.evaluation.report.associations import pair_source
from mintage.evaluation.report.blocks import Gallery, Plot, Section, not_computed
from mintage.evaluation.report.charts import Chart
from mintage.evaluation.report.classifiers import detection_section, utility_section
from mintage.evaluation.report.collapse import collapse_section
from mintage.evaluation.report.fairness import fairness_section
from mintage.evaluation.report.fidelity import fidelity_sections
from mintage.evaluation.report.glossary import glossary_section
from mintage.evaluation.report.overview import (
    KeyFigure,
    column_facts,
    key_figures,
    overview_sections,
    seconds_table,
)
from mintage.evaluation.report.privacy import ledger_section, privacy_section
from mintage.evaluation.report.training import training_section
from mintage.evaluation.results import Fidelity, NotComputed, Report

_STATUS = {
    "pass": ("Passed", "good"),
    "warn": ("Passed, with warnings", "poor"),
    "fail": ("Failed", "bad"),
    "ungated": ("Not gated", ""),
}
_NO_FIDELITY = "Ask for fidelity (metrics), with the real table that the rows should resemble."


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the template needs."""

    subject: str
    status: str
    tone: str
    sentences: tuple[str, ...]
    warned: bool
    """Whether the first sentence is a warning."""
    figures: tuple[KeyFigure, ...]
    sections: tuple[Section, ...]
    charts: tuple[Chart, ...]
    """What the plots draw, in the order of the plots."""
    pairs: dict[str, Chart]
    """Pairs of columns of each table, by the key of the table."""


def make_page(report: Report) -> Page:
    """Lay out a report."""
    status, tone = _STATUS[report.verdict.status]
    sections = _sections(report)
    charts = tuple(plot.chart for section in sections for plot in _plots(section))
    return Page(
        subject=report.subject,
        status=status,
        tone=tone,
        sentences=tuple(report.verdict.sentences),
        warned=bool(report.warnings),
        figures=key_figures(report),
        sections=sections,
        charts=charts,
        pairs=_pairs(report),
    )


def _sections(report: Report) -> tuple[Section, ...]:
    semantics = {column.name: column.semantics for column in report.columns}
    others = [
        section
        for position, (name, fidelity) in enumerate(report.other_tables.items())
        for section in _other_table(name, fidelity, f"table-{position + 1}")
    ]
    about = Section(
        id="about", title="About this report", blocks=(column_facts(report), *seconds_table(report))
    )
    return (
        *overview_sections(report),
        *_fidelity(report.fidelity, semantics, "table"),
        detection_section(report.detection),
        utility_section(report.utility),
        privacy_section(report.privacy),
        fairness_section(report.fairness),
        collapse_section(report.collapse),
        *training_section(report.training),
        *others,
        ledger_section(report.privacy),
        glossary_section(),
        about,
    )


def _fidelity(fidelity: Fidelity | NotComputed, semantics: dict[str, str], key: str) -> tuple[Section, ...]:
    if isinstance(fidelity, Fidelity):
        return fidelity_sections(fidelity, semantics, key)
    blocks = not_computed(fidelity.not_computed, _NO_FIDELITY)
    anchor = "fidelity" if key == "table" else f"{key}-closeness"
    return (Section(id=anchor, title="Closeness to the real data", blocks=blocks),)


def _other_table(name: str, fidelity: Fidelity | NotComputed, key: str) -> tuple[Section, ...]:
    sections = _fidelity(fidelity, {}, key)
    return tuple(replace(section, title=f"{section.title}: {name}") for section in sections)


def _plots(section: Section) -> Iterator[Plot]:
    for block in section.blocks:
        if isinstance(block, Plot):
            yield block
        elif isinstance(block, Gallery):
            yield from block.plots


def _pairs(report: Report) -> dict[str, Chart]:
    tables = {"table": report.fidelity}
    tables |= {
        f"table-{position + 1}": fidelity for position, fidelity in enumerate(report.other_tables.values())
    }
    order = [column.name for column in report.columns]
    return {
        key: pair_source(fidelity, order)
        for key, fidelity in tables.items()
        if isinstance(fidelity, Fidelity) and fidelity.pairs
    }
