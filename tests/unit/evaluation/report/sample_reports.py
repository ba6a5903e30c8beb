"""Reports to look at: built from the models themselves, the same each time."""

from __future__ import annotations

from itertools import combinations
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from mintage.evaluation.report import write_verdict
from mintage.evaluation.results import (
    Accuracy,
    Attack,
    Ceiling,
    Collapse,
    CollapseCeiling,
    ColumnCollapse,
    ColumnFacts,
    ColumnFidelity,
    Copies,
    Detection,
    Distances,
    Fairness,
    Feature,
    Fidelity,
    GateResult,
    Group,
    Histogram,
    Interval,
    LearningCurve,
    LedgerEntry,
    Membership,
    Missingness,
    MissingPattern,
    NotComputed,
    PairFidelity,
    Privacy,
    ProtectedColumn,
    Report,
    TableFacts,
    Training,
    Utility,
)

ADULT = (
    *("age", "workclass", "education", "education_years", "marital_status", "occupation", "relationship"),
    *("ethnicity", "sex", "capital_gain", "capital_loss", "hours_per_week", "country", "income", "hired_on"),
)
CONTINUOUS = {"age", "education_years", "capital_gain", "capital_loss", "hours_per_week", "hired_on"}
HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<b>bold</b> & \"quoted\" 'name'",
    "=HYPERLINK('http://example.invalid')",
    "{{ 7 * 7 }} {% raw %} ${1}",
    "line\nbreak\u2028and\u202eturned",
    "<!--<script>",
    "%{x} $\\alpha$ <a href='javascript:alert(1)'>link</a>",
    "@SUM(A1)",
    "+1",
    "-1",
)


class Sections(TypedDict):
    """The sections of a report."""

    fidelity: Fidelity | NotComputed
    detection: Detection | NotComputed
    utility: Utility | NotComputed
    privacy: Privacy | NotComputed
    fairness: Fairness | NotComputed
    collapse: Collapse | NotComputed


def no_sections(nothing: NotComputed) -> Sections:
    return Sections(
        fidelity=nothing,
        detection=nothing,
        utility=nothing,
        privacy=nothing,
        fairness=nothing,
        collapse=nothing,
    )


def made_columns(count: int) -> tuple[str, ...]:
    """Names of a table with so many columns."""
    return ADULT[:count] + tuple(f"measure_{position:03}" for position in range(len(ADULT), count))


def is_continuous(name: str) -> bool:
    return name in CONTINUOUS or (name.startswith("measure_") and int(name[-3:]) % 4 != 0)


def near(rng: np.random.Generator, shares: npt.NDArray[np.float64], spread: float) -> list[float]:
    """Shares like these, off by about `spread` of each."""
    moved = np.clip(shares * (1 + rng.normal(0, spread, len(shares))), 0, None)
    return [float(value) for value in moved / moved.sum()]


def column_fidelity(name: str, rng: np.random.Generator, *, holdout: bool) -> ColumnFidelity:
    error = float(np.clip(rng.gamma(1.5, 0.012), 0.001, 0.3))
    made = continuous(name, rng, error) if is_continuous(name) else discrete(name, rng, error)
    missing = name in {"workclass", "occupation"}
    return made.model_copy(
        update={
            "holdout_score": 1 - float(rng.uniform(0.002, 0.01)) if holdout else None,
            "missing_real": 0.06 if missing else 0.0,
            "missing_synthetic": 0.055 if missing else 0.0,
        }
    )


def discrete(name: str, rng: np.random.Generator, error: float) -> ColumnFidelity:
    levels = np.sort(rng.dirichlet(np.full(rng.integers(2, 16), 0.8)))[::-1]
    labels = ["Female", "Male"] if name == "sex" else [f"{name} {one + 1}" for one in range(len(levels))]
    levels = levels[: len(labels)] / levels[: len(labels)].sum()
    rare = float(levels[levels < 0.01].sum())
    return ColumnFidelity(
        name=name,
        kind="discrete",
        statistic="tvd",
        score=1 - error,
        missing_real=0.0,
        missing_synthetic=0.0,
        out_of_range=0.0,
        rare_real=rare,
        rare_synthetic=rare * 0.8,
        histogram=Histogram(
            labels=labels[: len(levels)],
            real=[float(value) for value in levels],
            synthetic=near(rng, levels, error * 5),
            other=(0.0, 0.0),
        ),
    )


def continuous(name: str, rng: np.random.Generator, error: float) -> ColumnFidelity:
    low, high = (1.3e15, 1.4e15) if name == "hired_on" else (17.0, 90.0)
    edges = np.linspace(low, high, 25)
    middle = np.linspace(0.02, 0.98, 24)
    shares = middle ** rng.uniform(0.2, 3) * (1 - middle) ** rng.uniform(0.5, 4)
    shares = shares / shares.sum()
    mean = float((shares * (edges[:-1] + edges[1:]) / 2).sum())
    deviation = (high - low) / 5
    return ColumnFidelity(
        name=name,
        kind="continuous",
        statistic="ks",
        score=1 - error,
        missing_real=0.0,
        missing_synthetic=0.0,
        mean=(mean, mean + error * deviation),
        deviation=(deviation, deviation * (1 - error)),
        tails=(0.01 - error / 10 if error < 0.1 else 0.0, 0.011),
        out_of_range=0.0,
        drift=0.004,
        histogram=Histogram(
            edges=[float(edge) for edge in edges],
            real=[float(value) for value in shares],
            synthetic=near(rng, shares, error * 6),
        ),
    )


def pair_fidelity(left: str, right: str, rng: np.random.Generator, *, holdout: bool) -> PairFidelity:
    kinds = {is_continuous(left), is_continuous(right)}
    error = float(np.clip(rng.gamma(1.5, 0.015), 0.001, 0.6))
    association = float(rng.normal(0, 0.3)) if kinds == {True} else float(rng.beta(1, 5))
    association = float(np.clip(association, -0.98 if kinds == {True} else 0, 0.98))
    moved = float(np.clip(association * (1 - 3 * error), -1, 1))
    return PairFidelity(
        left=left,
        right=right,
        kind="mixed" if len(kinds) == 2 else "continuous" if kinds == {True} else "discrete",
        score=1 - error * 0.9,
        score_fixed_edges=1 - error,
        holdout_score_fixed_edges=1 - float(rng.uniform(0.003, 0.02)) if holdout else None,
        association_real=association,
        association_synthetic=moved,
    )


def make_fidelity(names: tuple[str, ...], *, seed: int = 1, holdout: bool = True) -> Fidelity:
    rng = np.random.default_rng(seed)
    columns = [column_fidelity(name, rng, holdout=holdout) for name in names]
    pairs = [pair_fidelity(left, right, rng, holdout=holdout) for left, right in combinations(names, 2)]
    ceiling = Ceiling(
        shape_error=0.61,
        trend_error=1.1,
        trend_error_fixed_edges=1.18,
        accuracy=Accuracy(univariate=0.994, bivariate=0.985, trivariate=0.971),
        weighted_nmi=0.996,
    )
    return Fidelity(
        basis="all rows",
        rows_real=32_561,
        rows_synthetic=32_561,
        shape_error=100 * (1 - float(np.mean([column.score for column in columns]))),
        trend_error=100 * (1 - float(np.mean([pair.score or 0.0 for pair in pairs]))) if pairs else None,
        trend_error_fixed_edges=100 * (1 - float(np.mean([pair.score_fixed_edges for pair in pairs])))
        if pairs
        else None,
        error_bound=0.0,
        ceiling=ceiling if holdout else None,
        accuracy=Accuracy(univariate=0.985, bivariate=0.968, trivariate=0.944),
        weighted_nmi=0.978,
        columns=sorted(columns, key=lambda column: column.score),
        pairs=sorted(pairs, key=lambda pair: pair.score_fixed_edges),
        pair_count=len(pairs),
        missingness=Missingness(
            tvd=0.011,
            patterns=[
                MissingPattern(columns=[], real=0.93, synthetic=0.938),
                MissingPattern(columns=[names[0], names[-1]], real=0.055, synthetic=0.049),
                MissingPattern(columns=[names[-1]], real=0.015, synthetic=0.013),
            ],
        ),
        distinct_share_real=0.9992,
        distinct_share_synthetic=0.9987,
        top_row_share_real=0.0001,
        top_row_share_synthetic=0.0001,
    )


def make_detection(names: tuple[str, ...]) -> Detection:
    weights = 0.5 ** np.arange(len(names))
    return Detection(
        rows=32_561,
        c2st_xgb=0.832,
        c2st_xgb_holdout=0.821,
        c2st_xgb_matched=0.829,
        rows_holdout=16_281,
        c2st_logistic=0.991,
        auc_xgb=Interval(value=0.584, low=0.579, high=0.589),
        auc_xgb_holdout=Interval(value=0.5895, low=0.582, high=0.597),
        auc_xgb_matched=Interval(value=0.5855, low=0.578, high=0.593),
        features=[
            Feature(name=name, importance=float(weight))
            for name, weight in zip(names, weights / weights.sum(), strict=True)
        ],
    )


def make_utility(names: tuple[str, ...]) -> Utility:
    real = np.linspace(1, 0.1, len(names))
    synthetic = np.linspace(0.9, 0.2, len(names))
    return Utility(
        target="income",
        task="binary",
        metric="auc",
        tested_on="holdout",
        tstr=0.9124,
        trtr=0.9271,
        hybrid=0.9282,
        rows=32_561,
        rows_tested=16_281,
        importance_agreement=0.91,
        importances_real=[
            Feature(name=n, importance=float(v)) for n, v in zip(names, real / real.sum(), strict=True)
        ],
        importances_synthetic=[
            Feature(name=n, importance=float(v))
            for n, v in zip(names, synthetic / synthetic.sum(), strict=True)
        ],
    )


def make_attack(name: str, success: float, control: float, *, half: float = 0.015) -> Attack:
    risk = (success - control) / (1 - control)
    return Attack(
        name=name,
        attempts=2_000,
        success=Interval(value=success, low=success - half, high=success + half),
        control=Interval(value=control, low=control - half, high=control + half),
        baseline=Interval(value=control * 0.8, low=control * 0.8 - half, high=control * 0.8 + half),
        risk=Interval(
            value=max(0.0, risk), low=max(0.0, risk - 1.6 * half), high=max(0.0, risk + 1.6 * half)
        ),
    )


def make_privacy(*, holdout: bool = True) -> Privacy:
    ledger = [
        LedgerEntry(step="learn the range of each column", mechanism="minimum and maximum", rows=32_561),
        LedgerEntry(step="train the model", mechanism="gradient descent", rows=32_561),
        LedgerEntry(step="evaluate", mechanism="aggregates and attacks", rows=48_842),
    ]
    if not holdout:
        notes = ["attacks need a holdout: without a control, success says nothing"]
        return Privacy(copies=Copies(exact=12, exact_share=12 / 32_561), ledger=ledger, notes=notes)
    return Privacy(
        copies=Copies(
            exact=12,
            exact_share=12 / 32_561,
            exact_share_holdout=0.0005,
            near=290,
            near_share=0.0089,
            near_share_holdout=0.01,
        ),
        distances=Distances(
            queries=32_561,
            reference=32_561,
            dcr_share=Interval(value=0.503, low=0.497, high=0.509),
            dcr_median_train=0.31,
            dcr_median_holdout=0.30,
            nndr_median_train=0.83,
            nndr_median_holdout=0.82,
        ),
        membership=Membership(
            members=16_281,
            non_members=16_281,
            advantage=Interval(value=0.006, low=-0.004, high=0.016),
            auc=Interval(value=0.503, low=0.496, high=0.51),
            tpr_at_fpr_1=0.0104,
            attacks={
                "distance to the closest row": Interval(value=0.503, low=0.496, high=0.51),
                "density": Interval(value=0.501, low=0.494, high=0.508),
            },
        ),
        singling_out=make_attack("singling_out", 0.021, 0.019),
        singling_out_multivariate=make_attack("singling_out_multivariate", 0.062, 0.058),
        linkability=make_attack("linkability", 0.031, 0.03),
        inference=[
            make_attack("income", 0.842, 0.80),
            make_attack("marital_status", 0.61, 0.605),
            make_attack("occupation", 0.214, 0.21),
        ],
        ledger=ledger,
    )


def make_fairness() -> Fairness:
    def group(name: str, share: float, outcome: float) -> Group:
        return Group(
            group=name,
            share_real=share,
            share_synthetic=share * 0.98,
            outcome_real=outcome,
            outcome_synthetic=outcome * 0.96,
            true_positive_rate_real=0.6,
            true_positive_rate_synthetic=0.58,
            false_positive_rate_real=0.05,
            false_positive_rate_synthetic=0.055,
        )

    sexes = [group("Male", 0.67, 0.306), group("Female", 0.33, 0.11)]
    groups = [
        group(f"group {one}", share, 0.1 + one / 20) for one, share in enumerate((0.85, 0.1, 0.03, 0.02))
    ]
    return Fairness(
        target="income",
        favourable=">50K",
        protected=[
            ProtectedColumn(
                columns=["sex"],
                representation_error=1.3,
                parity_gap_real=0.196,
                parity_gap_synthetic=0.188,
                equalised_odds_gap_real=0.08,
                equalised_odds_gap_synthetic=0.09,
                groups=sexes,
            ),
            ProtectedColumn(columns=["ethnicity", "sex"], representation_error=2.4, groups=groups),
        ],
        balance={">50K": (0.24, 0.5, 0.498)},
    )


def make_collapse(names: tuple[str, ...]) -> Collapse:
    rng = np.random.default_rng(3)
    columns = [
        ColumnCollapse(
            name=name,
            variance_retention=float(rng.uniform(0.9, 1.03)),
            tail_retention=float(rng.uniform(0.6, 1.1)),
            support_coverage=float(rng.uniform(0.95, 1)),
            support_expected=0.995,
        )
        for name in names
    ]
    return Collapse(
        variance_retention=0.974,
        tail_retention=0.91,
        support_coverage=0.992,
        support_expected=0.995,
        distinct_share_ratio=0.9995,
        ceiling=CollapseCeiling(
            variance_retention=0.999, tail_retention=0.99, support_coverage=0.995, distinct_share_ratio=1.0
        ),
        generation=1,
        real_fraction=1.0,
        columns=columns,
    )


GATES = [
    GateResult(figure="trend_error", value=3.4, max=5.0, status="pass", reason="3.4 is at most 5"),
    GateResult(
        figure="membership_advantage", value=0.006, max=0.05, status="pass", reason="0.006 is at most 0.05"
    ),
    GateResult(figure="c2st_xgb", value=0.832, min=0.85, status="warn", reason="0.832 is below 0.85"),
]


def make_report(
    count: int = 15,
    *,
    names: tuple[str, ...] = (),
    holdout: bool = True,
    gates: list[GateResult] | None = None,
    warnings: tuple[str, ...] = (),
    other_tables: dict[str, Fidelity | NotComputed] | None = None,
) -> Report:
    """A report with everything computed that can be; without a holdout, attacks cannot."""
    names = names or made_columns(count)
    sections = Sections(
        fidelity=make_fidelity(names, holdout=holdout),
        detection=make_detection(names),
        utility=make_utility(names),
        privacy=make_privacy(holdout=holdout),
        fairness=make_fairness(),
        collapse=make_collapse(names),
    )
    gates = GATES if gates is None else gates
    facts = [
        ColumnFacts(
            name=name,
            semantics="datetime" if name == "hired_on" else "numeric" if is_continuous(name) else "category",
            kind="continuous" if is_continuous(name) else "discrete",
        )
        for name in names
    ]
    facts.append(
        ColumnFacts(name="person_id", semantics="key", kind="skipped", reason="it says whose row it is (key)")
    )
    return Report(
        subject="census income",
        provenance={
            "run_id": "3f6c1b9e52d84a07",
            "root": "b1946ac92492d2347c6235b4d2611184f2d1c8b8c2b5d3c7a0f0b7e5d7f0e9c1",
            "model": "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            "generator": "tabular.autoregressive 0.1.0",
            "source": "census.parquet",
        },
        real=TableFacts(name="real", rows=32_561, columns=len(facts)),
        synthetic=TableFacts(name="synthetic", rows=32_561, columns=len(facts)),
        holdout=TableFacts(name="holdout", rows=16_281, columns=len(facts)) if holdout else None,
        columns=facts,
        warnings=list(warnings),
        verdict=write_verdict(**sections, gates=gates, warnings=warnings),
        **sections,
        gates=gates,
        other_tables=other_tables or {},
        training=make_training(),
        seconds={"fidelity": 2.31, "detection": 9.8, "utility": 6.4, "privacy": 14.2},
    )


def make_training() -> Training:
    """A curve of 60 points whose held-out loss rises again after step 1,500."""
    step = np.arange(50, 3050, 50)
    falling = 12 + 4 * np.exp(-step / 400)
    held_out = falling + 0.3 + ((step - 1500) / 1500).clip(0) ** 2
    return Training(
        steps=3000,
        best_step=int(step[held_out.argmin()]),
        stopped="early",
        learning_curve=LearningCurve(
            unit="nats per row",
            step=step.tolist(),
            training_loss=falling.tolist(),
            held_out_loss=held_out.tolist(),
        ),
    )


def bare_report(reason: str = "no real table: nothing was learned from") -> Report:
    """A report in which nothing could be computed."""
    nothing = NotComputed(not_computed=reason)
    sections = no_sections(nothing)
    return Report(
        subject="simulated orders",
        real=None,
        synthetic=TableFacts(name="synthetic", rows=1_000, columns=1),
        columns=[ColumnFacts(name="order", semantics="", kind="skipped", reason="there is no real table")],
        verdict=write_verdict(**sections),
        **sections,
    )


def hostile_report() -> Report:
    """A report whose names and values try to break out of the page."""
    report = make_report(names=(*HOSTILE, *ADULT[:3]), warnings=(f"column {HOSTILE[0]!r} is odd",))
    return report.model_copy(update={"subject": HOSTILE[0], "provenance": {HOSTILE[1]: HOSTILE[0]}})


def several_tables(count: int = 15) -> Report:
    """A report on a root table and two others, one of which could not be measured."""
    others: dict[str, Fidelity | NotComputed] = {
        "orders": make_fidelity(("placed", "amount", "currency"), seed=5),
        "notes": NotComputed(not_computed="no column can be measured"),
    }
    return make_report(count, other_tables=others)
