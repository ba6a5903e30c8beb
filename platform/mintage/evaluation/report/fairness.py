"""The section on fairness: groups, their shares, and what happens to them."""

from __future__ import annotations

from collections.abc import Sequence

from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import (
    Block,
    Gallery,
    Heading,
    Plot,
    Section,
    Table,
    Text,
    not_computed,
    notes,
)
from mintage.evaluation.report.charts import Series, dots
from mintage.evaluation.report.wording import percent, plural
from mintage.evaluation.results import Fairness, NotComputed, ProtectedColumn

_LEAD = (
    "Groups of people in the real and in the synthetic rows: how large they are, what outcome they have, and "
    "how a model trained on either treats them."
)
_GROUPS_SHOWN = 20


def fairness_section(fairness: Fairness | NotComputed) -> Section:
    """One part for each protected column or pair."""
    if isinstance(fairness, NotComputed):
        remedy = "Name the columns whose groups matter, with --protected or `protected` in the spec."
        blocks = not_computed(fairness.not_computed, remedy)
        return Section(id="fairness", title="Fairness", lead=_LEAD, blocks=blocks)
    made: list[Block] = []
    if fairness.target is not None:
        level = "" if fairness.favourable is None else f"; the favourable one is {fairness.favourable}"
        made.append(Text(text=f"The outcome is {fairness.target}{level}."))
    if fairness.protected:
        made.append(_gaps(fairness.protected))
    for position, protected in enumerate(fairness.protected):
        made += _protected(protected, position)
    if fairness.balance:
        made.append(_balance(fairness))
    return Section(id="fairness", title="Fairness", lead=_LEAD, blocks=(*made, *notes(fairness.notes)))


def _gaps(protected: Sequence[ProtectedColumn]) -> Table:
    return Table(
        id="fairness-gaps",
        caption="Greatest differences between groups",
        head=(
            *("Protected", "Representation error", "Outcome gap, real", "Outcome gap, synthetic"),
            *("Equalised odds gap, real", "Equalised odds gap, synthetic"),
        ),
        rows=tuple(
            (
                cells.named(_title(one)),
                cells.percent(one.representation_error),
                *(cells.number(value) for value in (one.parity_gap_real, one.parity_gap_synthetic)),
                cells.number(one.equalised_odds_gap_real),
                cells.number(one.equalised_odds_gap_synthetic),
            )
            for one in protected
        ),
        numeric=(False, *[True] * 5),
        hint="0 is equal. Synthetic rows are as unequal as the real ones, unless balance was asked for.",
    )


def _title(protected: ProtectedColumn) -> str:
    return " × ".join(protected.columns)


def _protected(protected: ProtectedColumn, position: int) -> Sequence[Block]:
    groups = protected.groups[:_GROUPS_SHOWN]
    title = _title(protected)
    sizes = _group_plot(
        f"{title}: size of groups",
        f"Shares of the groups of {title}, real and synthetic; they differ by "
        f"{percent(protected.representation_error)}.",
        "Share of rows",
        [(group.group, group.share_real, group.share_synthetic) for group in groups],
    )
    outcomes = [(group.group, group.outcome_real, group.outcome_synthetic) for group in groups]
    plots = [sizes]
    if any(real is not None or synthetic is not None for _, real, synthetic in outcomes):
        told = f"Favourable outcome in {plural(len(groups), 'group')} of {title}, real and synthetic."
        plots.append(_group_plot(f"{title}: outcome of groups", told, "Favourable share, or mean", outcomes))
    gallery = Gallery(id=f"fairness-{position}", plots=tuple(plots))
    return (Heading(text=title, named=True), gallery, _group_table(protected, position))


def _group_plot(
    title: str, alt: str, axis: str, groups: Sequence[tuple[str, float | None, float | None]]
) -> Plot:
    series = [
        Series(name="Real", role="real", values=[real for _, real, _ in groups]),
        Series(name="Synthetic", role="synthetic", values=[synthetic for _, _, synthetic in groups]),
    ]
    chart = dots([label for label, _, _ in groups], series, axis=axis)
    return Plot(title=title, alt=alt, chart=chart, size="matrix")


def _group_table(protected: ProtectedColumn, position: int) -> Table:
    return Table(
        id=f"fairness-groups-{position}",
        caption=f"Groups of {_title(protected)}",
        head=(
            *("Group", "Share, real", "Share, synthetic", "Outcome, real", "Outcome, synthetic"),
            *("True positives, real", "True positives, synthetic"),
            *("False positives, real", "False positives, synthetic"),
        ),
        rows=tuple(
            (
                cells.named(group.group),
                cells.share(group.share_real),
                cells.share(group.share_synthetic),
                cells.number(group.outcome_real),
                cells.number(group.outcome_synthetic),
                cells.share(group.true_positive_rate_real),
                cells.share(group.true_positive_rate_synthetic),
                cells.share(group.false_positive_rate_real),
                cells.share(group.false_positive_rate_synthetic),
            )
            for group in protected.groups
        ),
        numeric=(False, *[True] * 8),
        hint="Rates of true and false positives are of models trained on real and on synthetic rows; both "
        "are tested on real rows.",
    )


def _balance(fairness: Fairness) -> Table:
    return Table(
        id="fairness-balance",
        caption="What balance asked for",
        head=("Value", "Share, real", "Share asked for", "Share, synthetic"),
        rows=tuple(
            (cells.named(value), *(cells.share(part) for part in shares))
            for value, shares in fairness.balance.items()
        ),
        numeric=(False, True, True, True),
    )
