"""The section on collapse: what is left of spread, tails and support."""

from __future__ import annotations

from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import Block, Plot, Section, Table, not_computed, notes
from mintage.evaluation.report.charts import Series, dots
from mintage.evaluation.report.wording import plural
from mintage.evaluation.results import Collapse, ColumnCollapse, NotComputed

_LEAD = (
    "A model that feeds on its own output loses rare things first, then everything but the average. These "
    "figures say what is left of the real spread, tails and values; 1 is all of it."
)
_COLUMNS_SHOWN = 15


def collapse_section(collapse: Collapse | NotComputed) -> Section:
    """Figures of the table, and of each column."""
    if isinstance(collapse, NotComputed):
        remedy = "Ask for collapse (metrics), with the real table that was learned from."
        blocks = not_computed(collapse.not_computed, remedy)
        return Section(id="collapse", title="Signs of collapse", lead=_LEAD, blocks=blocks)
    blocks_: list[Block] = [_overall(collapse)]
    if collapse.columns:
        blocks_ += [_plot(collapse), _columns(collapse)]
    return Section(
        id="collapse", title="Signs of collapse", lead=_LEAD, blocks=(*blocks_, *notes(collapse.notes))
    )


_FIGURES = (
    ("Spread that is left (median column)", "variance_retention"),
    ("Tails and rare levels that are left", "tail_retention"),
    ("Values that still occur, by their share", "support_coverage"),
    ("Values that as many fresh rows would cover", "support_expected"),
    ("Distinct rows, synthetic over real", "distinct_share_ratio"),
)


def _overall(collapse: Collapse) -> Table:
    found = [
        (label, getattr(collapse, name), getattr(collapse.ceiling, name, None)) for label, name in _FIGURES
    ]
    rows = [
        (cells.word(what), cells.score(value), cells.score(best))
        for what, value, best in found
        if value is not None
    ]
    age = "unknown" if collapse.generation is None else str(collapse.generation)
    part = cells.share(collapse.real_fraction)
    rows.append((cells.word("Generations away from real rows"), cells.word(age), cells.score(None)))
    rows.append((cells.word("Share of real rows that was learned from"), part, cells.score(None)))
    return Table(
        id="collapse-table",
        caption="What is left",
        head=("Figure", "Synthetic rows", "Fresh real rows (holdout)"),
        rows=tuple(rows),
        numeric=(False, True, True),
    )


def _lowest(column: ColumnCollapse) -> float:
    kept = (column.variance_retention, column.tail_retention, column.support_coverage)
    return min(value for value in kept if value is not None)


def _plot(collapse: Collapse) -> Plot:
    shown = sorted(collapse.columns, key=_lowest)[:_COLUMNS_SHOWN]
    return Plot(
        title="Columns that lost most",
        alt=f"Spread, tails and values that are left in {plural(len(shown), 'column')}; 1 is all of it.",
        chart=dots(
            [column.name for column in shown],
            [
                Series(name="Spread", role="first", values=[column.variance_retention for column in shown]),
                Series(
                    name="Tails, rare levels", role="second", values=[one.tail_retention for one in shown]
                ),
                Series(name="Values", role="third", values=[column.support_coverage for column in shown]),
            ],
            axis="Share that is left",
            mark=1.0,
            mark_text="as in the real table",
        ),
    )


def _columns(collapse: Collapse) -> Table:
    return Table(
        id="collapse-columns",
        caption="What is left of each column",
        head=("Column", "Spread", "Tails, rare levels", "Values", "Values of as many fresh rows"),
        rows=tuple(
            (
                cells.named(column.name),
                cells.score(column.variance_retention),
                cells.score(column.tail_retention),
                cells.score(column.support_coverage),
                cells.score(column.support_expected),
            )
            for column in collapse.columns
        ),
        numeric=(False, True, True, True, True),
    )
