"""The sections on closeness: figures, distributions, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mintage.evaluation.report import cells
from mintage.evaluation.report.associations import associations_section, pairs_section
from mintage.evaluation.report.blocks import Cell, Gallery, Plot, Section, Table, Text, notes
from mintage.evaluation.report.charts import Series, bars, column_chart
from mintage.evaluation.report.wording import number, percent, plural, score, share
from mintage.evaluation.results import ColumnFidelity, Fidelity, Missingness

_PATTERNS = 12


def fidelity_sections(fidelity: Fidelity, semantics: Mapping[str, str], key: str) -> tuple[Section, ...]:
    """Everything on one table; `key` makes its anchors and its data unique on the page."""
    made = [
        Section(
            id=f"{key}-closeness",
            title="Closeness to the real data",
            lead="How far single columns and pairs of columns are from the real ones, over "
            f"{fidelity.basis}. 0 % is a perfect copy of the distribution; fresh real rows show what can be expected.",
            blocks=(_overall(fidelity, key), *notes(_remarks(fidelity))),
        ),
        Section(
            id=f"{key}-distributions",
            title="Distributions",
            lead="Each column on its own, the worst first: the filled shape is real, the line or the diamond is "
            "synthetic. Below each stands its score; 1 is best.",
            blocks=(_distributions(fidelity, semantics, key), columns_table(fidelity, key)),
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
            f"these scores were folded from counts; folding changes a score by at most {number(fidelity.error_bound)}"
        )
    if fidelity.ceiling is None:
        remarks.append("there is no holdout, so what fresh real rows would score is unknown")
    return remarks


def _overall(fidelity: Fidelity, key: str) -> Table:
    ceiling, accuracy = fidelity.ceiling, fidelity.accuracy
    fresh = ceiling.accuracy if ceiling else None
    errors = [
        ("Shape error: single columns", fidelity.shape_error, ceiling.shape_error if ceiling else None),
        (
            "Trend error: pairs of columns, cut at the real table's edges",
            fidelity.trend_error_fixed_edges,
            ceiling.trend_error_fixed_edges if ceiling else None,
        ),
        (
            "Trend error by SDMetrics' definition: each table cut at its own edges",
            fidelity.trend_error,
            ceiling.trend_error if ceiling else None,
        ),
    ]
    if fidelity.trend_error_associated is not None:
        errors.append(
            (
                "The same, over pairs that are associated in the real table",
                fidelity.trend_error_associated,
                None,
            )
        )
    scores = [
        ("Accuracy of single columns", accuracy and accuracy.univariate, fresh and fresh.univariate),
        ("Accuracy of pairs", accuracy and accuracy.bivariate, fresh and fresh.bivariate),
        ("Accuracy of three columns at a time", accuracy and accuracy.trivariate, fresh and fresh.trivariate),
        (
            "Strength of dependence kept (weighted NMI)",
            fidelity.weighted_nmi,
            ceiling and ceiling.weighted_nmi,
        ),
        ("Distinct rows, real", fidelity.distinct_share_real, None),
        ("Distinct rows, synthetic", fidelity.distinct_share_synthetic, None),
        ("Share of the most frequent row, real", fidelity.top_row_share_real, None),
        ("Share of the most frequent row, synthetic", fidelity.top_row_share_synthetic, None),
    ]
    rows = [(cells.word(what), cells.percent(value), cells.percent(best)) for what, value, best in errors]
    rows += [
        (cells.word(what), cells.share(value), cells.share(best))
        for what, value, best in scores
        if value is not None
    ]
    return Table(
        id=f"{key}-overall",
        caption="Closeness in figures",
        head=("Figure", "Synthetic rows", "Fresh real rows (holdout)"),
        rows=tuple(rows),
        numeric=(False, True, True),
        hint="Errors are best when low, accuracy and kept dependence when high.",
    )


def _distributions(fidelity: Fidelity, semantics: Mapping[str, str], key: str) -> Gallery:
    worst_first = sorted(fidelity.columns, key=lambda column: column.score)
    plots = tuple(
        Plot(
            title=column.name,
            alt=_told(column),
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


def _told(column: ColumnFidelity) -> str:
    what = f"Distribution of {column.name}. Score {score(column.score)}"
    if column.holdout_score is not None:
        what += f", fresh real rows {score(column.holdout_score)}"
    if column.mean is not None:
        what += f". Mean: real {number(column.mean[0], 4)}, synthetic {number(column.mean[1], 4)}"
    elif column.histogram.labels:
        first = column.histogram.labels[0]
        real, synthetic = column.histogram.real[0], column.histogram.synthetic[0]
        what += f". Most frequent: {first}, real {share(real)}, synthetic {share(synthetic)}"
    return f"{what}. The numbers are in the table below the plot."


def columns_table(fidelity: Fidelity, key: str) -> Table:
    """One row for each column, the worst first."""
    worst_first = sorted(fidelity.columns, key=lambda column: column.score)
    drifts = any(column.drift is not None for column in worst_first)
    head = (
        *("Column", "Kind", "Score", "Fresh rows", "Missing, real", "Missing, synthetic"),
        *("Mean, real", "Mean, synthetic", "Deviation, real", "Deviation, synthetic"),
        *("Below real 1 %", "Above real 99 %", "Outside real range", "Rare, real", "Rare, synthetic"),
        *(("Drift along shards",) if drifts else ()),
    )
    return Table(
        id=f"{key}-column-table",
        caption=f"All {plural(len(worst_first), 'column')}, the worst first",
        head=head,
        rows=tuple(_column_row(column, drifts) for column in worst_first),
        numeric=(False, False, *[True] * (len(head) - 2)),
        hint="Scores: 1 − KS for continuous columns, 1 − total variation distance for discrete ones. Marked: clearly "
        "below what fresh real rows score.",
    )


def _column_row(column: ColumnFidelity, drifts: bool) -> tuple[Cell, ...]:
    mean, deviation = column.mean or (None, None), column.deviation or (None, None)
    tails = column.tails or (None, None)
    fresh = 1.0 if column.holdout_score is None else column.holdout_score
    return (
        cells.named(column.name),
        cells.word(column.kind),
        cells.score(column.score, poor=fresh - cells.WORSE_THAN_FRESH),
        cells.score(column.holdout_score),
        cells.share(column.missing_real),
        cells.share(column.missing_synthetic),
        *(cells.number(value, 4) for value in (*mean, *deviation)),
        *(cells.share(value) for value in (*tails, column.out_of_range)),
        cells.share(column.rare_real),
        cells.share(column.rare_synthetic),
        *((cells.score(column.drift),) if drifts else ()),
    )


def _missingness(missingness: Missingness, key: str) -> Section:
    patterns = missingness.patterns
    labels = [_pattern(one.columns) for one in patterns]
    shown = slice(0, _PATTERNS)
    plot = Plot(
        title="Columns that are missing together",
        alt=f"Shares of {plural(len(patterns), 'pattern')} of missing values, real and synthetic.",
        chart=bars(
            labels[shown],
            [
                Series(name="Real", role="real", values=[one.real for one in patterns[shown]]),
                Series(name="Synthetic", role="synthetic", values=[one.synthetic for one in patterns[shown]]),
            ],
            axis="Share of rows",
        ),
    )
    table = Table(
        id=f"{key}-missing-table",
        caption="Patterns of missing values, the most frequent first",
        head=("Missing together", "Real", "Synthetic"),
        rows=tuple(
            (cells.named(label), cells.share(one.real), cells.share(one.synthetic))
            for label, one in zip(labels, patterns, strict=True)
        ),
        numeric=(False, True, True),
    )
    return Section(
        id=f"{key}-missing",
        title="Missing values",
        lead=f"Which values are missing together: the patterns differ for {percent(100 * missingness.tvd)} of the rows.",
        blocks=(plot, table) if patterns else (Text(text="No pattern was found.", tone="note"),),
    )


def _pattern(columns: Sequence[str]) -> str:
    return ", ".join(columns) if columns else "nothing is missing"
