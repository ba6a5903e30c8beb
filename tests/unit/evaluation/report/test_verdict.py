"""The verdict in plain words: what it must say, and what it must not hide."""

from __future__ import annotations

import pytest

from mintage.evaluation.report import write_verdict
from mintage.evaluation.results import Copies, GateResult, Interval, NotComputed, Utility, Verdict
from tests.unit.evaluation.report.sample_reports import (
    Sections,
    bare_report,
    hostile_report,
    make_attack,
    make_detection,
    make_fairness,
    make_fidelity,
    make_privacy,
    make_report,
    no_sections,
)

NOTHING = no_sections(NotComputed(not_computed="it was not asked for"))
NAMES = ("age", "sex", "income")


def said(sections: Sections, **more: object) -> str:
    verdict = write_verdict(**{**sections, **more})  # type: ignore[arg-type]  # the caller names them
    return " ".join(verdict.sentences)


def gate(status: str, value: float | None = 3.4) -> GateResult:
    return GateResult.model_validate(
        {"figure": "trend_error", "value": value, "max": 2.0, "status": status, "reason": "because"}
    )


@pytest.mark.parametrize(
    ("stati", "expected"),
    [
        ([], "ungated"),
        (["pass"], "pass"),
        (["pass", "warn"], "warn"),
        (["warn", "fail", "pass"], "fail"),
    ],
    ids=["no gates", "passed", "warned", "failed"],
)
def test_status_is_the_worst_of_the_gates(stati: list[str], expected: str) -> None:
    assert write_verdict(**NOTHING, gates=[gate(status) for status in stati]).status == expected


def test_a_failed_gate_is_told_with_its_value_and_bound() -> None:
    told = said(NOTHING, gates=[gate("pass"), gate("fail")])
    assert "Of 2 gates, 1 failed: trend_error is 3.4 where at most 2 is asked." in told


def test_a_gate_without_a_value_is_not_called_passed() -> None:
    told = said(NOTHING, gates=[gate("fail", None)])
    assert "trend_error was not computed" in told
    assert "passed" not in told


def test_warnings_come_first() -> None:
    sentences = write_verdict(
        **NOTHING, gates=[gate("pass")], warnings=["rows are shared", "few rows"]
    ).sentences
    assert sentences[0].startswith(
        "Caution, 2 warnings bear on all that follows; the first: rows are shared."
    )


@pytest.mark.parametrize(
    "verdict",
    [
        make_report(warnings=("w",)).verdict,
        make_report(holdout=False).verdict,
        bare_report().verdict,
        hostile_report().verdict,
    ],
    ids=["all", "no holdout", "nothing", "hostile"],
)
def test_a_verdict_has_three_to_eight_sentences_each_on_one_line(verdict: Verdict) -> None:
    assert 3 <= len(verdict.sentences) <= 8
    assert all("\n" not in sentence and sentence.endswith(".") for sentence in verdict.sentences)


def test_closeness_stands_beside_what_fresh_rows_score() -> None:
    fidelity = make_fidelity(NAMES).model_copy(update={"shape_error": 1.23, "trend_error_fixed_edges": 2.5})
    told = said({**NOTHING, "fidelity": fidelity})
    assert "column is off by 1.2 %, and that of a pair of columns by 2.5 %" in told
    assert "fresh real rows are off by 0.61 % and 1.2 %" in told
    assert f"worst is the column '{fidelity.columns[0].name}'" in told


def test_without_a_holdout_the_ceiling_is_called_unknown() -> None:
    told = said({**NOTHING, "fidelity": make_fidelity(NAMES, holdout=False)})
    assert "how close is possible is unknown" in told


def test_detection_tells_auc_interval_and_features() -> None:
    told = said({**NOTHING, "detection": make_detection(NAMES)})
    assert "58.4 % of the time (95 % interval 57.9 to 58.9 %; guessing gives 50 %)" in told
    assert "'age' and 'sex' give the difference away most" in told


def test_a_classifier_that_is_worse_than_guessing_is_told_as_a_sign_of_copies() -> None:
    auc = Interval(value=0.38, low=0.334, high=0.424)
    told = said({**NOTHING, "detection": make_detection(NAMES).model_copy(update={"auc_xgb": auc})})
    assert "38 % of the time (95 % interval 33.4 to 42.4 %; guessing gives 50 %)" in told
    assert "as happens when rows nearly repeat training rows" in told


@pytest.mark.parametrize(
    ("metric", "tstr", "trtr", "expected"),
    [
        ("auc", 0.912, 0.927, "1.5 points of AUC are lost"),
        ("auc", 0.93, 0.927, "nothing is lost"),
        ("rmse", 3.3, 3.0, "its error is 10 % larger"),
        ("rmse", 2.9, 3.0, "nothing is lost"),
        ("rmse", 1.0, 0.0, "the real one makes no error"),
        ("auc", 0.9, None, "what a model trained on real rows reaches is unknown"),
        ("auc", None, 0.9, "what it would lose is unknown"),
    ],
    ids=["auc lost", "auc kept", "rmse lost", "rmse kept", "no error", "no trtr", "no tstr"],
)
def test_utility_tells_what_is_lost(
    metric: str, tstr: float | None, trtr: float | None, expected: str
) -> None:
    task = "binary" if metric == "auc" else "regression"
    found = {
        "target": "y",
        "task": task,
        "metric": metric,
        "tested_on": "holdout",
        "tstr": tstr,
        "trtr": trtr,
    }
    assert expected in said({**NOTHING, "utility": Utility.model_validate(found)})


def test_an_attack_that_beats_its_control_is_named_with_its_risk() -> None:
    told = said({**NOTHING, "privacy": make_privacy()})
    assert "of 6 attacks with a control 1 did better on training rows" in told
    assert "inference of 'income' (risk 21 %, 95 % interval 18.6 to 23.4 %)" in told
    assert "could not tell who was in the training data" in told


def test_attacks_without_success_are_not_called_safe() -> None:
    privacy = make_privacy().model_copy(update={"inference": [make_attack("income", 0.8, 0.8)]})
    told = said({**NOTHING, "privacy": privacy})
    assert "of 4 attacks with a control none did better" in told
    assert "safe" not in told


def test_a_membership_attack_that_succeeds_is_told() -> None:
    privacy = make_privacy()
    assert privacy.membership is not None
    advantage = Interval(value=0.21, low=0.19, high=0.23)
    membership = privacy.membership.model_copy(update={"advantage": advantage})
    told = said({**NOTHING, "privacy": privacy.model_copy(update={"membership": membership})})
    assert "an attacker can tell who was in the training data" in told
    assert "(advantage 21 points, 95 % interval 19 to 23, 0 is guessing)" in told


def test_attacks_that_were_not_made_are_not_told_as_failed() -> None:
    told = said({**NOTHING, "privacy": make_privacy(holdout=False)})
    assert "whether one can tell who was in the training data was not tested" in told
    assert "no other attack was tested against a control" in told


def test_no_copies_are_told_as_none() -> None:
    privacy = make_privacy().model_copy(update={"copies": Copies(exact=0, exact_share=0.0)})
    assert "no synthetic row repeats a training row" in said({**NOTHING, "privacy": privacy})


def test_groups_are_told_with_both_gaps() -> None:
    told = said({**NOTHING, "fairness": make_fairness()})
    assert "the outcome differs by up to 19 percentage points in the synthetic rows" in told
    assert "in the real ones by 20 percentage points" in told


def test_lost_tails_and_old_generations_are_told() -> None:
    collapse = make_report().collapse
    assert not isinstance(collapse, NotComputed)
    lost = collapse.model_copy(update={"tail_retention": 0.4, "generation": 3})
    told = said({**NOTHING, "collapse": lost})
    assert "no more than 40 % of the tails and rare levels is left" in told
    assert "3 generations away from real ones" in told
    assert "collapse" not in said({**NOTHING, "collapse": collapse}).partition("Not computed")[0]


def test_what_was_not_computed_is_unknown_for_its_reason() -> None:
    sections: Sections = {**NOTHING, "utility": NotComputed(not_computed="no target was named.")}
    told = said(sections)
    assert "usefulness for training a model (no target was named)" in told
    assert "closeness to the real data" in told
    assert "Nothing was measured" in told
