"""Fairness: are the groups of protected columns as frequent, and treated alike, as in the real rows?

Three figures per protected column and per pair of them, each beside the real one: representation (the
groups' shares), parity of the outcome (statistical parity: Dwork et al. 2012), and equalised odds (Hardt,
Price and Srebro 2016): true and false positive rates of the models that utility trained, on the same real
rows. Rates of a group with fewer than ten rows to judge by are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from mintage.errors import SpecError
from mintage.evaluation.groups import Grouping, crossed, crossed_labels, group_column
from mintage.evaluation.options import Options
from mintage.evaluation.outcomes import FEWEST, Judged, Outcome, find_outcome, judge
from mintage.evaluation.results import Fairness, Group, NotComputed, ProtectedColumn
from mintage.evaluation.tables import Table, Tables
from mintage.evaluation.target_models import TargetModels, fit_target_models

Floats = npt.NDArray[np.float64]

MOST_PAIRS = 10


def measure_fairness(
    tables: Tables,
    options: Options,
    balance_column: str | None = None,
    balance: Mapping[str, float] | None = None,
    *,
    models: TargetModels | NotComputed | None = None,
) -> Fairness | NotComputed:
    """Compare the groups of `options.protected`, and what `balance` (value -> share) asked of its column.

    Models are trained here unless they are given. Raises `SpecError` when `options.favourable` is not a
    level of the target, or `balance_column` is not one of the tables'.
    """
    if not options.protected and not balance:
        return NotComputed(not_computed="no protected column was named; give --protected")
    notes: list[str] = []
    columns = list(dict.fromkeys(options.protected))
    outcome = find_outcome(tables, options, notes) if columns else None
    judged = None
    if outcome is not None and outcome.level is not None:
        judged = judge(models or fit_target_models(tables, options), outcome, notes)
    return Fairness(
        target=options.target,
        favourable=outcome.favourable if outcome else None,
        protected=[
            _compare(tables, groupings, outcome, judged, notes)
            for groupings in _combined(tables, columns, notes)
        ],
        balance=_balanced(tables, balance_column, balance or {}, notes),
        notes=notes,
    )


def _combined(tables: Tables, columns: Sequence[str], notes: list[str]) -> list[list[Grouping]]:
    """The columns one by one, then two by two."""
    singles = [group_column(tables.real.column(name)) for name in columns]
    pairs = list(combinations(singles, 2))
    if len(pairs) > MOST_PAIRS:
        notes.append(f"only the first {MOST_PAIRS} of {len(pairs)} pairs of protected columns were crossed")
    return [*([single] for single in singles), *([*pair] for pair in pairs[:MOST_PAIRS])]


def _compare(
    tables: Tables,
    groupings: list[Grouping],
    outcome: Outcome | None,
    judged: Judged | None,
    notes: list[str],
) -> ProtectedColumn:
    labels = crossed_labels(groupings)
    count = len(labels)
    sides = [(table, crossed(groupings, table)) for table in (tables.real, tables.synthetic)]
    shares = np.array([np.bincount(groups, minlength=count) / table.rows for table, groups in sides])
    outcomes = positives = negatives = np.full((2, count), np.nan)
    if outcome is not None:
        outcomes = np.array([outcome.rates(table, groups, count) for table, groups in sides])
    if judged is not None:
        positives, negatives = judged.odds(groupings, count)
    shown = [int(each) for each in np.argsort(-shares[0], kind="stable") if shares[:, each].any()]
    computed = [rates for rates, of in ((outcomes, outcome), (positives, judged), (negatives, judged)) if of]
    if any(np.isnan(rates[:, shown]).any() for rates in computed):
        names = " and ".join(grouping.column for grouping in groupings)
        notes.append(f"{names}: rates of groups with fewer than {FEWEST} rows to judge by were left out")
    gaps = [[_gap(rates[side]) for side in range(2)] for rates in (outcomes, positives, negatives)]
    return ProtectedColumn(
        columns=[grouping.column for grouping in groupings],
        representation_error=100 * float(np.abs(shares[0] - shares[1]).sum()) / 2,
        parity_gap_real=gaps[0][0],
        parity_gap_synthetic=gaps[0][1],
        equalised_odds_gap_real=_greater(gaps[1][0], gaps[2][0]),
        equalised_odds_gap_synthetic=_greater(gaps[1][1], gaps[2][1]),
        groups=[
            _group(labels[each], shares[:, each], outcomes[:, each], positives[:, each], negatives[:, each])
            for each in shown
        ],
    )


def _group(label: str, shares: Floats, outcomes: Floats, positives: Floats, negatives: Floats) -> Group:
    return Group(
        group=label,
        share_real=float(shares[0]),
        share_synthetic=float(shares[1]),
        outcome_real=_told(outcomes[0]),
        outcome_synthetic=_told(outcomes[1]),
        true_positive_rate_real=_told(positives[0]),
        true_positive_rate_synthetic=_told(positives[1]),
        false_positive_rate_real=_told(negatives[0]),
        false_positive_rate_synthetic=_told(negatives[1]),
    )


def _told(rate: float) -> float | None:
    return None if np.isnan(rate) else float(rate)


def _gap(rates: Floats) -> float | None:
    """Greatest difference between groups whose rate is told; None for fewer than two."""
    told = rates[~np.isnan(rates)]
    return float(np.ptp(told)) if len(told) > 1 else None


def _greater(left: float | None, right: float | None) -> float | None:
    return max((gap for gap in (left, right) if gap is not None), default=None)


def _balanced(
    tables: Tables, name: str | None, asked: Mapping[str, float], notes: list[str]
) -> dict[str, tuple[float, float, float]]:
    """Each value's share of all rows: real, asked, synthetic. Values are texts of levels, or of numbers."""
    if not asked:
        return {}
    facts = next((each for each in tables.columns if each.name == name), None)
    if facts is None or name is None:
        raise SpecError(
            f"balance: there is no column {name!r}", "name the column whose shares were asked for"
        )
    if facts.kind == "skipped":
        notes.append(f"balance of {name!r} was not measured: {facts.reason}")
        return {}
    levels = tables.real.column(name).levels
    notes.extend(
        f"balance: no row has the value {value!r}" for value in asked if levels and value not in levels
    )
    return {
        value: (_share(tables.real, name, value), share, _share(tables.synthetic, name, value))
        for value, share in asked.items()
    }


def _share(table: Table, name: str, value: str) -> float:
    column = table.column(name)
    if column.kind == "continuous":
        try:
            return float(np.mean(column.values == float(value)))
        except ValueError as exc:
            raise SpecError(
                f"balance: {value!r} is not a number, as the column {name!r} is", "name a number"
            ) from exc
    return float(np.mean(column.values == column.levels.index(value))) if value in column.levels else 0.0
