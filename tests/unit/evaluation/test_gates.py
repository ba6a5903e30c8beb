from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from mintage.errors import SpecError
from mintage.evaluation.figures import FIGURES, SECTIONS, figures_table
from mintage.evaluation.gates import Gate, check_gates, find_figure, judge_gates, overall
from mintage.evaluation.results import (
    Accuracy,
    Attack,
    Collapse,
    ColumnCollapse,
    Copies,
    Detection,
    Distances,
    Fairness,
    Fidelity,
    GateResult,
    Interval,
    Membership,
    Missingness,
    NotComputed,
    Privacy,
    ProtectedColumn,
    Result,
    Utility,
)


def interval(value: float) -> Interval:
    return Interval(value=value, low=value - 0.01, high=value + 0.01)


def attack(name: str, risk: float | None, notes: tuple[str, ...] = ()) -> Attack:
    return Attack(
        name=name,
        attempts=100,
        success=interval(0.5),
        control=interval(0.4),
        risk=None if risk is None else interval(risk),
        notes=list(notes),
    )


def protected(error: float, parity: float | None, odds: float | None) -> ProtectedColumn:
    return ProtectedColumn(
        columns=["sex"],
        representation_error=error,
        parity_gap_synthetic=parity,
        equalised_odds_gap_synthetic=odds,
        groups=[],
    )


SECTIONS_MEASURED: Mapping[str, Result] = {
    "fidelity": Fidelity(
        basis="all rows",
        rows_real=1000,
        rows_synthetic=1000,
        shape_error=1.5,
        trend_error=2.5,
        trend_error_fixed_edges=3.5,
        error_bound=0,
        accuracy=Accuracy(univariate=0.99, bivariate=0.98, trivariate=0.97),
        weighted_nmi=0.96,
        columns=[],
        pairs=[],
        pair_count=0,
        missingness=Missingness(tvd=0.02, patterns=[]),
    ),
    "detection": Detection(
        rows=1000, c2st_xgb=0.8, c2st_xgb_holdout=0.75, c2st_xgb_matched=0.85, c2st_logistic=0.9
    ),
    "utility": Utility(target="y", task="binary", metric="auc", tested_on="holdout", tstr=0.85, trtr=0.9),
    "privacy": Privacy(
        copies=Copies(
            exact=7,
            exact_share=0.007,
            exact_share_holdout=0.005,
            near=30,
            near_share=0.03,
            near_share_holdout=0.01,
        ),
        distances=Distances(
            queries=1000,
            reference=1000,
            dcr_share=interval(0.52),
            dcr_median_train=0.1,
            nndr_median_train=0.5,
        ),
        membership=Membership(members=100, non_members=100, advantage=interval(0.04), auc=interval(0.53)),
        singling_out=attack("singling out", 0.06),
        singling_out_multivariate=attack("singling out by several", 0.07),
        linkability=attack("linkability", 0.05),
        inference=[attack("age", 0.09), attack("income", 0.08)],
    ),
    "fairness": Fairness(
        target="y", protected=[protected(1.0, 0.2, 0.3), protected(4.0, 0.25, 0.1), protected(2.0, 0.1, 0.2)]
    ),
    "collapse": Collapse(
        variance_retention=0.95,
        tail_retention=0.9,
        support_coverage=0.88,
        distinct_share_ratio=1.01,
        generation=1,
        real_fraction=0.0,
        columns=[ColumnCollapse(name="a.b", variance_retention=0.94, support_coverage=0.5)],
    ),
}

EXPECTED = {
    "shape_error": 1.5,
    "trend_error": 2.5,
    "trend_error_fixed_edges": 3.5,
    "weighted_nmi": 0.96,
    "accuracy": 0.99,
    "accuracy_bivariate": 0.98,
    "accuracy_trivariate": 0.97,
    "missingness_tvd": 0.02,
    "c2st_xgb": 0.8,
    "c2st_xgb_holdout": 0.75,
    "c2st_xgb_matched": 0.85,
    "c2st_logistic": 0.9,
    "tstr": 0.85,
    "trtr": 0.9,
    "utility_loss": 0.05,
    "exact_copies": 7,
    "exact_share": 0.007,
    "exact_share_excess": 0.002,
    "near_share": 0.03,
    "near_share_excess": 0.02,
    "dcr_share": 0.52,
    "membership_advantage": 0.04,
    "membership_auc": 0.53,
    "singling_out_risk": 0.06,
    "singling_out_multivariate_risk": 0.07,
    "linkability_risk": 0.05,
    "inference_risk": 0.09,
    "representation_error": 4.0,
    "parity_gap": 0.25,
    "equalised_odds_gap": 0.3,
    "variance_retention": 0.95,
    "tail_retention": 0.9,
    "support_coverage": 0.88,
    "distinct_share_ratio": 1.01,
    "generation": 1,
    "real_fraction": 0,
}
PATHS = {
    "privacy.membership.advantage.low": 0.03,
    "privacy.copies.exact": 7,
    "fidelity.rows_real": 1000,
    "fidelity.accuracy.bivariate": 0.98,
    "privacy.inference.income.risk.high": 0.09,
    "collapse.columns.a.b.variance_retention": 0.94,
}


def judge(name: str, gate: Gate, **sections: Result) -> GateResult:
    [result] = judge_gates({**SECTIONS_MEASURED, **sections}, {name: gate})
    return result


def change(section: str, **changes: object) -> Result:
    return SECTIONS_MEASURED[section].model_copy(update=changes)


def test_every_figure_has_a_known_value_here() -> None:
    assert set(EXPECTED) == set(FIGURES)
    assert {figure.section for figure in FIGURES.values()} == set(SECTIONS) == set(SECTIONS_MEASURED)


@pytest.mark.parametrize(("name", "value"), [*EXPECTED.items(), *PATHS.items()], ids=[*EXPECTED, *PATHS])
def test_a_figure_is_read_from_where_the_report_has_it(name: str, value: float) -> None:
    assert judge(name, Gate(min=-1e9)).value == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("gate", "status", "reason"),
    [
        (Gate(max=1.5), "pass", "1.5 is at most 1.5"),
        (Gate(min=1.5), "pass", "1.5 is at least 1.5"),
        (Gate(min=1, max=2), "pass", "1.5 is at least 1 and at most 2"),
        (Gate(max=1.4), "fail", "1.5 is more than 1.4"),
        (Gate(min=1.6), "fail", "1.5 is less than 1.6"),
        (Gate(max=1.4, action="warn"), "warn", "1.5 is more than 1.4"),
        (Gate(min=3, max=4, action="warn"), "warn", "1.5 is less than 3"),
    ],
    ids=["on-max", "on-min", "between", "above", "below", "warned-above", "warned-below"],
)
def test_a_gate_keeps_its_bounds(gate: Gate, status: str, reason: str) -> None:
    result = judge("shape_error", gate)
    assert (result.status, result.reason) == (status, reason)
    assert (result.figure, result.value, result.min, result.max) == ("shape_error", 1.5, gate.min, gate.max)


def test_a_reason_never_rounds_a_value_over_its_bound() -> None:
    fidelity = change("fidelity", shape_error=2.0000000001)
    assert judge("shape_error", Gate(max=2), fidelity=fidelity).reason == "2.0000000001 is more than 2"
    fidelity = change("fidelity", shape_error=1.9999999999)
    assert judge("shape_error", Gate(max=2), fidelity=fidelity).reason == "1.9999999999 is at most 2"
    privacy = change("privacy", copies=Copies(exact=1_234_567, exact_share=0.1, near=0))
    assert judge("exact_copies", Gate(max=0), privacy=privacy).reason == "1234567 is more than 0"


@pytest.mark.parametrize("action", ["fail", "warn"])
def test_a_gate_on_what_was_not_computed_is_not_passed(action: Literal["fail", "warn"]) -> None:
    gate = Gate(min=0, action=action)
    result = judge("tstr", gate, utility=NotComputed(not_computed="no target was named"))
    assert (result.status, result.value) == (action, None)
    assert result.reason == "not computed: no target was named"
    [result] = judge_gates({}, {"tstr": gate})
    assert (result.status, result.reason) == (action, "not computed: utility was not measured")


def test_the_reason_is_the_note_about_the_figure() -> None:
    notes = ["c2st_xgb: took 20 rows", "c2st_xgb_holdout: there is no holdout"]
    detection = Detection(rows=1, c2st_xgb=1, c2st_xgb_holdout=None, c2st_logistic=1, notes=notes)
    result = judge("c2st_xgb_holdout", Gate(min=0), detection=detection)
    assert result.reason == "not computed: c2st_xgb_holdout: there is no holdout"


def test_the_note_of_the_attack_itself_is_told() -> None:
    linkability = attack("linkability", None, notes=("the control has no rows",))
    privacy = change("privacy", linkability=linkability)
    assert judge("linkability_risk", Gate(max=1), privacy=privacy).reason == (
        "not computed: the control has no rows"
    )


def test_without_any_note_the_reason_says_at_least_that() -> None:
    privacy = change("privacy", membership=None)
    assert judge("membership_advantage", Gate(max=1), privacy=privacy).reason == (
        "not computed: the report does not hold it"
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=str)
def test_a_figure_that_is_not_finite_is_not_passed(value: float) -> None:
    for gate in (Gate(max=1e300), Gate(min=-1e300)):
        result = judge("shape_error", gate, fidelity=change("fidelity", shape_error=value))
        assert (result.status, result.value) == ("fail", None)
        assert "not a finite number" in result.reason


@pytest.mark.parametrize(
    ("metric", "tstr", "trtr", "loss"),
    [
        ("auc", 0.8, 0.9, 0.1),
        ("auc", 0.95, 0.9, -0.05),
        ("rmse", 12.0, 10.0, 0.2),
        ("rmse", 0.0, 0.0, 0.0),
        ("rmse", 1.0, 0.0, None),
        ("auc", None, 0.9, None),
        ("rmse", 1.0, None, None),
    ],
    ids=["auc", "auc-better", "rmse", "no-errors", "no-error-to-compare-with", "no-tstr", "no-trtr"],
)
def test_utility_loss_is_told_in_the_task_s_own_terms(
    metric: str, tstr: float | None, trtr: float | None, loss: float | None
) -> None:
    utility = change("utility", metric=metric, tstr=tstr, trtr=trtr)
    value = judge("utility_loss", Gate(max=1), utility=utility).value
    assert value == (None if loss is None else pytest.approx(loss))


@pytest.mark.parametrize(
    "columns", [[], [protected(1, 0.1, None), protected(1, None, 0.2)]], ids=["none", "one-not-computed"]
)
def test_the_worst_of_a_list_is_known_only_when_all_of_it_is(columns: list[ProtectedColumn]) -> None:
    fairness = Fairness(target="y", protected=columns, notes=["a group has no rows"])
    for name in ("parity_gap", "equalised_odds_gap"):
        result = judge(name, Gate(max=1), fairness=fairness)
        assert (result.status, result.reason) == ("fail", "not computed: a group has no rows")


def test_a_column_that_the_report_does_not_have_is_not_passed() -> None:
    assert judge("fidelity.columns.age.score", Gate(min=0)).status == "fail"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("trend_eror", "trend_error"),
        ("membership", "membership_auc"),
        ("privacy.membership.advantage", "privacy.membership.advantage.value"),
        ("privacy.membership.advantage.hihg", "privacy.membership.advantage.high"),
        ("fidelity.shape_eror", "fidelity.shape_error"),
    ],
)
def test_an_unknown_figure_is_refused_with_the_nearest_known_one(name: str, nearest: str) -> None:
    with pytest.raises(SpecError, match=f"no figure '{name}'") as caught:
        check_gates(["shape_error", name])
    assert f"did you mean '{nearest}'" in caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "privacy", "privacy.", "privacy.claim", "privacy.ledger.0.rows", "fidelity.columns",
        "fidelity.columns.age", "fidelity.columns.age.kind", "fidelity.columns.age.mean.2", "gates.x.value",
        "verdict.status", "fidelity.columns.*.score", "fidelity.model_fields", "fidelity.__class__",
        "x" * 10_000, "privacy." + "a." * 5_000,
    ],
    ids=lambda name: name[:40] or "empty",
)  # fmt: skip
def test_what_leads_to_no_number_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="there is no figure"):
        find_figure(name)


@pytest.mark.parametrize(
    "bounds",
    [
        {}, {"action": "fail"}, {"min": 2, "max": 1}, {"min": math.nan}, {"max": math.inf}, {"max": "1"},
        {"max": True}, {"max": 1, "action": "stop"}, {"max": 1, "least": 0},
    ],
    ids=str,
)  # fmt: skip
def test_a_gate_without_sense_is_refused(bounds: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Gate.model_validate(bounds)


def test_gates_are_judged_in_their_order() -> None:
    gates = {name: Gate(min=0) for name in ("tstr", "shape_error", "accuracy")}
    assert [result.figure for result in judge_gates(SECTIONS_MEASURED, gates)] == list(gates)


@pytest.mark.parametrize(
    ("bounds", "status"),
    [({}, "ungated"), ({"tstr": 0.5}, "pass"), ({"tstr": 0.5, "trtr": 1.0}, "fail")],
    ids=["none", "passed", "one-failed"],
)
def test_the_whole_is_as_good_as_its_worst_gate(bounds: dict[str, float], status: str) -> None:
    gates = {name: Gate(min=bound) for name, bound in bounds.items()}
    assert overall(judge_gates(SECTIONS_MEASURED, gates)) == status


def test_a_warning_is_worse_than_a_pass_and_better_than_a_failure() -> None:
    passed, warned, failed = Gate(min=0), Gate(min=1, action="warn"), Gate(min=1)
    assert overall(judge_gates(SECTIONS_MEASURED, {"tstr": passed, "trtr": warned})) == "warn"
    assert overall(judge_gates(SECTIONS_MEASURED, {"accuracy": failed, "trtr": warned})) == "fail"


def test_the_documentation_lists_every_figure_as_it_is(repository: Path) -> None:
    page = (repository / "docs" / "gates.md").read_text(encoding="utf-8")
    assert figures_table() in page
