"""The verdict: what the report found, in three to eight sentences that anyone understands.

Warnings come first. What was not computed comes last and is called unknown, never good. Nothing here
weighs figures against each other: pass, warn and fail are what the gates said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from mintage.evaluation.report.wording import (
    count,
    interval,
    listed,
    name,
    number,
    percent,
    plural,
    score,
    share,
)
from mintage.evaluation.results import (
    Attack,
    Collapse,
    Copies,
    Detection,
    Fairness,
    Fidelity,
    GateResult,
    Interval,
    Membership,
    NotComputed,
    Privacy,
    Utility,
    Verdict,
)

_TAILS, _VARIANCE, _SUPPORT, _DISTINCT = 0.8, 0.9, 0.95, 0.9
"""Below these shares, what is lost of tails, spread, support and distinct rows is told."""


def write_verdict(
    *,
    fidelity: Fidelity | NotComputed,
    detection: Detection | NotComputed,
    utility: Utility | NotComputed,
    privacy: Privacy | NotComputed,
    fairness: Fairness | NotComputed,
    collapse: Collapse | NotComputed,
    gates: Sequence[GateResult] = (),
    warnings: Sequence[str] = (),
) -> Verdict:
    """Tell the sections of a report in plain words; the status is the worst of the gates'."""
    sections = {
        "closeness to the real data": fidelity,
        "whether a classifier can tell the rows apart": detection,
        "usefulness for training a model": utility,
        "privacy": privacy,
        "fairness between groups": fairness,
        "signs of collapse": collapse,
    }
    sentences = [
        _caution(warnings),
        _gated(gates),
        _close(fidelity) if isinstance(fidelity, Fidelity) else "",
        _told_apart(detection) if isinstance(detection, Detection) else "",
        _useful(utility) if isinstance(utility, Utility) else "",
        _attacked(privacy) if isinstance(privacy, Privacy) else "",
        _groups_and_collapse(fairness, collapse),
        *_unknown(sections),
    ]
    return Verdict(status=_status(gates), sentences=[sentence for sentence in sentences if sentence])


def _status(gates: Sequence[GateResult]) -> Literal["pass", "warn", "fail", "ungated"]:
    stati = {gate.status for gate in gates}
    if not stati:
        return "ungated"
    return "fail" if "fail" in stati else "warn" if "warn" in stati else "pass"


def _caution(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    first = warnings[0].rstrip(".")
    if len(warnings) == 1:
        return f"Caution: {first}."
    return f"Caution, {len(warnings)} warnings bear on all that follows; the first: {first}."


def _gated(gates: Sequence[GateResult]) -> str:
    if not gates:
        return "No gates were set, so nothing here was passed or failed: the figures are yours to weigh."
    missed = [gate for gate in gates if gate.status != "pass"]
    if not missed:
        return "The one gate was passed." if len(gates) == 1 else f"All {len(gates)} gates were passed."
    failed = sum(gate.status == "fail" for gate in gates)
    warned = len(missed) - failed
    told = [f"{failed} failed"] if failed else []
    told += [f"{warned} gave a warning"] if warned else []
    worst_first = sorted(missed, key=lambda gate: gate.status)
    missing = listed([_missed(gate) for gate in worst_first])
    return f"Of {plural(len(gates), 'gate')}, {' and '.join(told)}: {missing}."


def _missed(gate: GateResult) -> str:
    if gate.value is None:
        return f"{gate.figure} was not computed"
    bounds = [f"at least {number(gate.min)}"] if gate.min is not None else []
    bounds += [f"at most {number(gate.max)}"] if gate.max is not None else []
    return f"{gate.figure} is {number(gate.value)} where {' and '.join(bounds)} is asked"


def _close(fidelity: Fidelity) -> str:
    shape, trend = fidelity.shape_error, fidelity.trend_error_fixed_edges
    pair = "" if trend is None else f", and that of a pair of columns by {percent(trend)}"
    ceiling = fidelity.ceiling
    if ceiling is None:
        best = "; how close is possible is unknown, as there is no holdout"
    elif ceiling.trend_error_fixed_edges is None or trend is None:
        best = (
            f"; fresh real rows are off by {percent(ceiling.shape_error)}, and closer is not to be expected"
        )
    else:
        errors = f"{percent(ceiling.shape_error)} and {percent(ceiling.trend_error_fixed_edges)}"
        best = f"; fresh real rows are off by {errors}, and closer is not to be expected"
    return (
        f"On average, the distribution of a column is off by {percent(shape)}{pair}{best}{_worst(fidelity)}."
    )


def _worst(fidelity: Fidelity) -> str:
    if not fidelity.columns:
        return ""
    column = min(fidelity.columns, key=lambda column: column.score)
    told = f"; worst is the column {name(column.name)} ({percent(100 * (1 - column.score))})"
    if fidelity.pairs:
        pair = min(fidelity.pairs, key=lambda pair: pair.score_fixed_edges)
        off = percent(100 * (1 - pair.score_fixed_edges))
        told += f" and the pair {name(pair.left)} with {name(pair.right)} ({off})"
    return told


def _told_apart(detection: Detection) -> str:
    auc, against = detection.auc_xgb, ""
    value = auc.value if auc is not None else _auc(detection.c2st_xgb)
    if value is None:
        return (
            "Whether a tree classifier can tell real from synthetic rows is unknown: it could not be trained."
        )
    within = f"95 % interval {interval(auc, 100, ' %')}; " if auc is not None else ""
    if auc is not None and auc.high < 0.5:
        against = ", less often than by guessing, as happens when rows nearly repeat training rows"
    features = [name(feature.name) for feature in detection.features[:2] if feature.importance > 0]
    if features:
        against += f"; {listed(features)} {'give' if len(features) > 1 else 'gives'} the difference away most"
    return (
        "Shown one real and one synthetic row, a tree classifier picks out the synthetic one "
        f"{share(value, 3)} of the time ({within}guessing gives 50 %){against}."
    )


def _auc(c2st: float | None) -> float | None:
    """The AUC that a C2ST score was made of: 1 - (2 max(.5, AUC) - 1), solved for AUC."""
    return None if c2st is None else 1 - c2st / 2


def _useful(utility: Utility) -> str:
    start = f"To predict {name(utility.target)}, a model trained on synthetic rows"
    if utility.tstr is None:
        return f"{start} could not be tested: what it would lose is unknown."
    where = "real rows that it never saw" if utility.tested_on == "holdout" else utility.tested_on
    if utility.metric == "auc":
        reached = f"reaches an AUC of {score(utility.tstr)} on {where}"
    else:
        reached = f"is off by {number(utility.tstr)} (root mean squared error) on {where}"
    if utility.trtr is None:
        return f"{start} {reached}; what a model trained on real rows reaches is unknown."
    real = score(utility.trtr) if utility.metric == "auc" else number(utility.trtr)
    lost = _loss(utility.metric, utility.tstr, utility.trtr)
    return f"{start} {reached}, one trained on real rows {real}: {lost}."


def _loss(metric: str, synthetic: float, real: float) -> str:
    if metric == "auc":
        lost = real - synthetic
        return f"{number(100 * lost, 2)} points of AUC are lost" if lost >= 0.0005 else "nothing is lost"
    if real == 0:
        return "the real one makes no error" if synthetic else "nothing is lost"
    more = 100 * (synthetic / real - 1)
    return f"its error is {percent(more)} larger" if more >= 0.05 else "nothing is lost"


def _attacked(privacy: Privacy) -> str:
    clauses = [_membership(privacy.membership), _controlled(privacy), _copied(privacy.copies)]
    return f"Privacy: {'; '.join(clauses)}."


def _membership(membership: Membership | None) -> str:
    if membership is None:
        return "whether one can tell who was in the training data was not tested"
    advantage = membership.advantage
    ends = (
        f"{number(100 * advantage.value, 2)} points, 95 % interval {interval(advantage, 100)}, 0 is guessing"
    )
    if advantage.low > 0:
        return f"an attacker can tell who was in the training data better than by guessing (advantage {ends})"
    return f"an attacker could not tell who was in the training data (advantage {ends})"


def _controlled(privacy: Privacy) -> str:
    risks = [(label, attack.risk) for label, attack in attacks(privacy).items() if attack.risk is not None]
    if not risks:
        return "no other attack was tested against a control"
    won = sorted(((label, risk) for label, risk in risks if risk.low > 0), key=lambda one: -one[1].value)
    tried = f"of {plural(len(risks), 'attack')} with a control"
    if not won:
        return f"{tried} none did better on training rows than on rows that no model saw"
    return f"{tried} {len(won)} did better on training rows than on rows that no model saw: " + listed(
        [_risk(label, risk) for label, risk in won], most=2
    )


def _risk(label: str, risk: Interval) -> str:
    return f"{label} (risk {share(risk.value)}, 95 % interval {interval(risk, 100, ' %')})"


def attacks(privacy: Privacy) -> Mapping[str, Attack]:
    """The attacks that were made, by a name for people."""
    named = {
        "singling out": privacy.singling_out,
        "singling out by several columns": privacy.singling_out_multivariate,
        "linkability": privacy.linkability,
        **{f"inference of {name(attack.name)}": attack for attack in privacy.inference},
    }
    return {label: attack for label, attack in named.items() if attack is not None}


def _copied(copies: Copies) -> str:
    if copies.exact == 0:
        return "no synthetic row repeats a training row"
    how_many = (
        f"{count(copies.exact)} synthetic rows repeat" if copies.exact > 1 else "1 synthetic row repeats"
    )
    told = f"{how_many} a training row exactly ({share(copies.exact_share)})"
    if copies.exact_share_holdout is None:
        return f"{told}, and how many real rows do so is unknown"
    return f"{told}, where {share(copies.exact_share_holdout)} of the holdout's rows do"


def _groups_and_collapse(fairness: Fairness | NotComputed, collapse: Collapse | NotComputed) -> str:
    told = [
        _unequal(fairness) if isinstance(fairness, Fairness) else "",
        _collapsed(collapse) if isinstance(collapse, Collapse) else "",
    ]
    clauses = [clause for clause in told if clause]
    return "" if not clauses else f"{clauses[0][0].upper()}{'; '.join(clauses)[1:]}."


def _unequal(fairness: Fairness) -> str:
    gaps = [column for column in fairness.protected if column.parity_gap_synthetic is not None]
    if not gaps:
        return ""
    widest = max(gaps, key=lambda column: column.parity_gap_synthetic or 0)
    form = _points if fairness.favourable is not None else number
    beside = "" if widest.parity_gap_real is None else f", in the real ones by {form(widest.parity_gap_real)}"
    return (
        f"between groups of {listed([name(column) for column in widest.columns])} the outcome differs by up "
        f"to {form(widest.parity_gap_synthetic or 0)} in the synthetic rows{beside}"
    )


def _points(gap: float) -> str:
    return f"{number(100 * gap, 2)} percentage points"


def _collapsed(collapse: Collapse) -> str:
    """What is lost beyond what fresh real rows would lose, and how old the rows are."""
    fresh = collapse.ceiling
    kept = [
        ("spread", collapse.variance_retention, fresh.variance_retention if fresh else None, _VARIANCE),
        ("tails and rare levels", collapse.tail_retention, fresh.tail_retention if fresh else None, _TAILS),
        ("values that occur", collapse.support_coverage, collapse.support_expected, _SUPPORT),
        (
            "distinct rows",
            collapse.distinct_share_ratio,
            fresh.distinct_share_ratio if fresh else None,
            _DISTINCT,
        ),
    ]
    lost = [
        f"{share(value)} of the {what}"
        for what, value, ceiling, least in kept
        if value is not None and value < least * min(1.0, 1.0 if ceiling is None else ceiling)
    ]
    told = [f"a sign of collapse: no more than {listed(lost)} is left"] if lost else []
    if collapse.generation is not None and collapse.generation > 1:
        told.append(f"the rows are {collapse.generation} generations away from real ones")
    return "; ".join(told)


def _unknown(sections: Mapping[str, object]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for label, section in sections.items():
        if isinstance(section, NotComputed):
            reasons.setdefault(section.not_computed.rstrip("."), []).append(label)
    if not reasons:
        return []
    told = "; ".join(f"{listed(labels, most=6)} ({reason})" for reason, labels in reasons.items())
    unknown = [f"Not computed, and so unknown: {told}."]
    if sum(map(len, reasons.values())) == len(sections):
        unknown.append("Nothing was measured: this report says nothing about the quality of the data.")
    return unknown
