"""The section on privacy: copies, attacks with their controls, distances, and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import (
    Block,
    Cell,
    Plot,
    Section,
    Table,
    Text,
    Tone,
    not_computed,
    notes,
)
from mintage.evaluation.report.charts import Role, Series, dots
from mintage.evaluation.report.classifiers import auc_plot
from mintage.evaluation.report.verdict import attacks
from mintage.evaluation.report.wording import share
from mintage.evaluation.results import (
    Attack,
    Copies,
    Distances,
    Interval,
    LedgerEntry,
    Membership,
    NotComputed,
    Privacy,
)

_LEAD = (
    "What the synthetic rows give away about the rows that were learned from. An attack counts only as far "
    "as it does better on training rows than on rows that no model saw (the control): the rest is knowledge "
    "about people in general."
)
_ATTACKS_SHOWN = 20


def privacy_section(privacy: Privacy | NotComputed) -> Section:
    """Attacks first, then what says less: copies and distances."""
    if isinstance(privacy, NotComputed):
        remedy = "Ask for privacy (metrics), with the real table and a holdout that nothing learned from."
        return Section(
            id="privacy", title="Privacy", lead=_LEAD, blocks=not_computed(privacy.not_computed, remedy)
        )
    blocks: list[Block] = []
    if privacy.membership is not None:
        blocks += _membership(privacy.membership)
    named = attacks(privacy)
    if named:
        blocks += [*_attack_plot(named), _attack_table(named)]
        blocks += notes([f"{label}: {note}" for label, attack in named.items() for note in attack.notes])
    blocks.append(_copies(privacy.copies))
    if privacy.distances is not None:
        blocks += _distances(privacy.distances)
    blocks += notes(privacy.notes)
    return Section(id="privacy", title="Privacy", lead=_LEAD, blocks=tuple(blocks))


def ledger_section(privacy: Privacy | NotComputed) -> Section:
    """Every step that looked at real rows, and what is claimed."""
    if isinstance(privacy, NotComputed):
        remedy = "Ask for privacy (metrics) in a run: its steps book what they looked at."
        blocks = not_computed(privacy.not_computed, remedy)
    else:
        claim = (
            "No claim of differential privacy is made."
            if privacy.claim == "none"
            else f"Claim: {privacy.claim}"
        )
        blocks = (
            Text(text=claim),
            *(
                (_ledger(privacy.ledger),)
                if privacy.ledger
                else (Text(text="Nothing was booked.", tone="note"),)
            ),
        )
    return Section(
        id="ledger",
        title="Privacy ledger",
        lead="Every step that looked at real rows, in order.",
        blocks=blocks,
    )


def _ledger(entries: Sequence[LedgerEntry]) -> Table:
    return Table(
        id="ledger-table",
        caption="Steps that looked at real rows",
        head=("Step", "Mechanism", "Rows", "Epsilon"),
        rows=tuple(
            (
                cells.word(entry.step),
                cells.word(entry.mechanism),
                cells.count(entry.rows),
                cells.number(entry.epsilon)
                if entry.epsilon is not None
                else Cell(text="no claim", value=None),
            )
            for entry in entries
        ),
        numeric=(False, False, True, True),
    )


def _membership(membership: Membership) -> Sequence[Block]:
    figures = {"Advantage of the best attack": membership.advantage, "AUC of the best attack": membership.auc}
    figures |= {f"AUC: {attack}": auc for attack, auc in membership.attacks.items()}
    rows = [
        (cells.word(label, _tone(value, 0.0 if position == 0 else 0.5)), *_interval_cells(value))
        for position, (label, value) in enumerate(figures.items())
    ]
    if membership.tpr_at_fpr_1 is not None:
        label = "Members found at 1 % false alarms (chance: 0.01)"
        rows.append((cells.word(label), cells.score(membership.tpr_at_fpr_1), *_interval_cells(None)[:2]))
    aucs = {label: value for label, value in figures.items() if label.startswith("AUC")}
    plot = auc_plot("Membership inference: who was in the training data?", list(aucs.items()))
    table = Table(
        id="membership-table",
        caption=f"Attacks on the membership of {membership.members:,} members and {membership.non_members:,} "
        "others",
        head=("Figure", "Value", "95 % low", "95 % high"),
        rows=tuple(rows),
        numeric=(False, True, True, True),
        hint="An advantage of 0 and an AUC of 0.5 are guessing. Marked: beyond guessing, interval and all.",
    )
    return (plot, table)


def _tone(interval: Interval | None, chance: float) -> Tone:
    return "bad" if interval is not None and interval.low > chance else ""


def _interval_cells(interval: Interval | None) -> tuple[Cell, Cell, Cell]:
    if interval is None:
        return cells.score(None), cells.score(None), cells.score(None)
    return cells.score(interval.value), cells.score(interval.low), cells.score(interval.high)


def _attack_plot(named: Mapping[str, Attack]) -> Sequence[Block]:
    shown = list(named.items())[:_ATTACKS_SHOWN]
    series: list[tuple[str, Role, list[Interval | None]]] = [
        ("Against training rows", "synthetic", [attack.success for _, attack in shown]),
        ("Against rows no model saw (control)", "holdout", [attack.control for _, attack in shown]),
        ("By guessing", "neutral", [attack.baseline for _, attack in shown]),
    ]
    told = "; ".join(f"{label}: {_compared(attack)}" for label, attack in shown)
    return (
        Plot(
            title="Success of attacks, against training rows and against the control",
            alt=f"Success rates with 95 % intervals. {told}.",
            chart=dots(
                [label for label, _ in shown],
                [
                    Series(
                        name=name,
                        role=role,
                        values=[interval.value if interval else None for interval in intervals],
                        intervals=intervals,
                    )
                    for name, role, intervals in series
                    if any(intervals)
                ],
                axis="Success rate with 95 % interval",
            ),
            named=True,
        ),
    )


def _compared(attack: Attack) -> str:
    control = "no control" if attack.control is None else f"control {share(attack.control.value)}"
    return f"{share(attack.success.value)}, {control}"


def _attack_table(named: Mapping[str, Attack]) -> Table:
    return Table(
        id="attack-table",
        caption="Attacks, with 95 % intervals",
        head=(
            *("Attack", "Attempts", "Success", "low", "high", "Control", "low", "high", "Guessing"),
            *("Risk", "low", "high"),
        ),
        rows=tuple(_attack_row(label, attack) for label, attack in named.items()),
        numeric=(False, *[True] * 11),
        hint="Risk is what success has beyond the control: (success − control) / (1 − control). Marked: "
        "above 0, interval and all.",
    )


def _attack_row(label: str, attack: Attack) -> tuple[Cell, ...]:
    return (
        cells.word(label, _tone(attack.risk, 0.0)),
        cells.count(attack.attempts),
        *_shares(attack.success),
        *_shares(attack.control),
        cells.share(attack.baseline.value if attack.baseline else None),
        *_shares(attack.risk),
    )


def _shares(interval: Interval | None) -> tuple[Cell, Cell, Cell]:
    if interval is None:
        return cells.share(None), cells.share(None), cells.share(None)
    return cells.share(interval.value), cells.share(interval.low), cells.share(interval.high)


def _copies(copies: Copies) -> Table:
    rows = (
        ("Exact copies of a training row", copies.exact, copies.exact_share, copies.exact_share_holdout),
        ("Near copies of a training row", copies.near, copies.near_share, copies.near_share_holdout),
    )
    return Table(
        id="copies-table",
        caption="Copies of training rows",
        head=("Synthetic rows that are", "Rows", "Share", "Share of the holdout's rows"),
        rows=tuple(
            (cells.word(what), cells.count(amount), cells.share(part), cells.share(fresh))
            for what, amount, part, fresh in rows
        ),
        numeric=(False, True, True, True),
        hint="Near: no further from a training row than 1 % of the holdout's rows are. Frequent rows repeat "
        "by chance, so the holdout's share is the yardstick.",
    )


def _distances(distances: Distances) -> Sequence[Block]:
    rows = [
        ("Synthetic rows closer to train than to the holdout (0.5 is best)", distances.dcr_share),
        ("Median distance from a synthetic row to the closest training row", distances.dcr_median_train),
        ("Median distance from a holdout row to the closest training row", distances.dcr_median_holdout),
        ("Nearest over second nearest training row, of synthetic rows", distances.nndr_median_train),
        ("Nearest over second nearest training row, of holdout rows", distances.nndr_median_holdout),
    ]
    table = Table(
        id="distance-table",
        caption=f"Distances of {distances.queries:,} synthetic rows to {distances.reference:,} real ones",
        head=("Figure", "Value", "95 % low", "95 % high"),
        rows=tuple(
            (cells.word(label), *(_interval_cells(value) if isinstance(value, Interval) else _alone(value)))
            for label, value in rows
        ),
        numeric=(False, True, True, True),
        hint="A smoke test: rows can be far from each training row and still give someone away.",
    )
    return (table,)


def _alone(value: float | None) -> tuple[Cell, Cell, Cell]:
    return cells.number(value), cells.number(None), cells.number(None)
