"""The sections on closeness: figures, distributions, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mintage.evaluation.report import cells
from mintage.evaluation.report.associations import associations_section, pairs_section
from mintage.evaluation.report.blocks import Cell, Gallery, Plot, Section, Table, Text, notes
from mintage.evaluation.report.charts import Series, bars, column_chart, time_unit
from mintage.evaluation.report.wording import number, percent, plural, score, share
from mintage.evaluation.results import ColumnFidelity, Fidelity, Missingness, Result


def fidelity_sections(fidelity: Fidelity, semantics: Mapping[str, str], key: str) -> tuple[Section, ...]:
    """Everything on one table; `key` makes its anchors and its data unique on the page."""
    made = [
        Section(
            id=f"{key}-closeness",
            title="Closeness to the real data",
            lead="How far single columns and pairs of columns are from the real ones, over "
            f"{fidelity.basis}. 0 % is no difference at all; fresh real rows show what can be expected.",
            blocks=(_overall(fidelity, key), *notes(_remarks(fidelity))),
        ),
        Section(
            id=f"{key}-distributions",
            title="Distributions",
            lead="Each column on its own, the worst first, with its score beside its name; 1 is best.",
            blocks=(
                _distributions(fidelity, semantics, key),
                _columns(fidelity, key),
                *_moments(fidelity, semantics, key),
            ),
        ),
    ]
    if fidelity.pairs:
        made += [associations_section(fidelity, key), pairs_section(fidelity, key)]
    if fidelity.missingness is not None:
        made.append(_missingness(fidelity.missingness, key))
    return tuple(made)


def _remarks(fidelity: Fidelity) -> list[str]:
    remarks = list(fidelity.notes)
    if fidelity.error_bound > 0:
        remarks.append(
            "these scores were folded from counts, which changes a score by at most "
            f"{number(fidelity.error_bound)}"
        )
    if fidelity.ceiling is None:
        remarks.append("there is no holdout, so what fresh real rows would score is unknown")
    return remarks


_ERRORS = (
    ("Shape error: single columns", "shape_error"),
    ("Trend error: pairs of columns, cut at the real table's edges", "trend_error_fixed_edges"),
    ("Trend error by SDMetrics' definition: each table cut at its own edges", "trend_error"),
    ("The same, over pairs that are associated in the real table", "trend_error_associated"),
)
_ACCURACIES = (
    ("Accuracy of single columns", "univariate"),
    ("Accuracy of pairs", "bivariate"),
    ("Accuracy of three columns at a time", "trivariate"),
)
_SHARES = (
    ("Strength of dependence kept (weighted NMI)", "weighted_nmi"),
    ("Distinct rows, real", "distinct_share_real"),
    ("Distinct rows, synthetic", "distinct_share_synthetic"),
    ("Share of the most frequent row, real", "top_row_share_real"),
    ("Share of the most frequent row, synthetic", "top_row_share_synthetic"),
)


def _overall(fidelity: Fidelity, key: str) -> Table:
    ceiling = fidelity.ceiling
    fresh_accuracy = ceiling.accuracy if ceiling is not None else None
    rows = [
        *_rows(_ERRORS, fidelity, ceiling, cells.percent),
        *_rows(_ACCURACIES, fidelity.accuracy, fresh_accuracy, cells.share),
        *_rows(_SHARES, fidelity, ceiling, cells.share),
    ]
    return Table(
        id=f"{key}-overall",
        caption="Closeness in figures",
        head=("Figure", "Synthetic rows", "Fresh real rows (holdout)"),
        rows=tuple(rows),
        numeric=(False, True, True),
        hint="Errors are best when low, accuracy and kept dependence when high.",
    )


def _rows(
    figures: Sequence[tuple[str, str]],
    measured: Result | None,
    ceiling: Result | None,
    form: Callable[[float | None], Cell],
) -> list[tuple[Cell, ...]]:
    """A row for each figure that was computed, beside the ceiling's of the same name if it has one."""
    found = [(label, getattr(measured, name, None), getattr(ceiling, name, None)) for label, name in figures]
    return [(cells.word(label), form(value), form(best)) for label, value, best in found if value is not None]


def _distributions(fidelity: Fidelity, semantics: Mapping[str, str], key: str) -> Gallery:
    worst_first = sorted(fidelity.columns, key=lambda column: column.score)
    plots = tuple(
        Plot(
            title=column.name,
            alt=_told(column, semantics.get(column.name, "")),
            chart=column_chart(column, semantics.get(column.name, "")),
            size="small",
            detail=_beneath(column),
            named=True,
        )
        for column in worst_first
    )
    return Gallery(id=f"{key}-columns", plots=plots, filter_label="Show columns whose name contains")


def _beneath(column: ColumnFidelity) -> str:
    fresh = "" if column.holdout_score is None else f" · fresh rows {score(column.holdout_score)}"
    return f"{score(column.score)}{fresh}"


def _told(column: ColumnFidelity, semantics: str) -> str:
    what = f"Distribution of {column.name}. Score {score(column.score)}"
    if column.holdout_score is not None:
        what += f", fresh real rows {score(column.holdout_score)}"
    if column.mean is not None:
        unit = time_unit(column.histogram.edges or (), semantics)
        real, synthetic = (cells.moment(mean, unit).text for mean in column.mean)
        what += f". Mean: real {real}, synthetic {synthetic}"
    elif column.histogram.labels:
        first = column.histogram.labels[0]
        shares = share(column.histogram.real[0]), share(column.histogram.synthetic[0])
        what += f". Most frequent: {first}, real {shares[0]}, synthetic {shares[1]}"
    return f"{what}. The numbers are in the table below the plot."


def _columns(fidelity: Fidelity, key: str) -> Table:
    worst_first = sorted(fidelity.columns, key=lambda column: column.score)
    drifts = any(column.drift is not None for column in worst_first)
    head = (
        *("Column", "Kind", "Score", "Fresh rows", "Missing, real", "Missing, synthetic"),
        *("Outside the real values", "Rare levels, real", "Rare levels, synthetic"),
        *(("Drift along shards",) if drifts else ()),
    )
    return Table(
        id=f"{key}-column-table",
        caption=f"All {plural(len(worst_first), 'column')}, the worst first",
        head=head,
        rows=tuple(_column_row(column, drifts) for column in worst_first),
        numeric=(False, False, *[True] * (len(head) - 2)),
        hint="Scores: 1 − KS for continuous columns, 1 − total variation distance for discrete ones. "
        "Marked: clearly below what fresh real rows score.",
    )


def _column_row(column: ColumnFidelity, drifts: bool) -> tuple[Cell, ...]:
    fresh = 1.0 if column.holdout_score is None else column.holdout_score
    return (
        cells.named(column.name),
        cells.word(column.kind),
        cells.score(column.score, poor=fresh - cells.WORSE_THAN_FRESH),
        cells.score(column.holdout_score),
        cells.share(column.missing_real),
        cells.share(column.missing_synthetic),
        cells.share(column.out_of_range),
        cells.share(column.rare_real),
        cells.share(column.rare_synthetic),
        *((cells.score(column.drift),) if drifts else ()),
    )


def _moments(fidelity: Fidelity, semantics: Mapping[str, str], key: str) -> Sequence[Table]:
    """Means, deviations and tails of the continuous columns."""
    continuous = sorted(
        (column for column in fidelity.columns if column.mean or column.deviation or column.tails),
        key=lambda column: column.score,
    )
    if not continuous:
        return ()
    table = Table(
        id=f"{key}-moment-table",
        caption="Centre, spread and tails of continuous columns, the worst first",
        head=(
            *("Column", "Mean, real", "Mean, synthetic", "Deviation, real", "Deviation, synthetic"),
            *("Below the real 1 % quantile", "Above the real 99 % quantile"),
        ),
        rows=tuple(_moment_row(column, semantics.get(column.name, "")) for column in continuous),
        numeric=(False, *[True] * 6),
        hint="The last two are shares of synthetic rows; 1 % each is best.",
    )
    return (table,)


def _moment_row(column: ColumnFidelity, semantics: str) -> tuple[Cell, ...]:
    unit = time_unit(column.histogram.edges or (), semantics)
    return (
        cells.named(column.name),
        *(cells.moment(value, unit) for value in column.mean or (None, None)),
        *(cells.span(value, unit) for value in column.deviation or (None, None)),
        *(cells.share(value) for value in column.tails or (None, None)),
    )


def _missingness(missingness: Missingness, key: str) -> Section:
    patterns = missingness.patterns
    plot = Plot(
        title="Columns that are missing together",
        alt=f"Shares of {plural(len(patterns), 'pattern')} of missing values, real and synthetic.",
        chart=bars(
            [", ".join(one.columns) or "nothing is missing" for one in patterns],
            [
                Series(name="Real", role="real", values=[one.real for one in patterns]),
                Series(name="Synthetic", role="synthetic", values=[one.synthetic for one in patterns]),
            ],
            axis="Share of rows",
        ),
    )
    return Section(
        id=f"{key}-missing",
        title="Missing values",
        lead="Which values are missing together. Between the two tables, the patterns of "
        f"{percent(100 * missingness.tvd)} of the rows differ.",
        blocks=(plot,) if patterns else (Text(text="No pattern was found.", tone="note"),),
    )
