"""Groups, their shares, their outcomes and how models treat them: counted by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from mintage.errors import SpecError
from mintage.evaluation.fairness import measure_fairness
from mintage.evaluation.options import Options
from mintage.evaluation.results import Fairness, NotComputed, ProtectedColumn
from mintage.evaluation.tables import Table, align
from mintage.evaluation.target_models import TargetModels, fit_target_models

OPTIONS = Options(target="hired", favourable="yes", protected=("sex",))


def staff(groups: dict[tuple[str, str], int]) -> pa.Table:
    """So many rows for each (sex, hired)."""
    rows = [pair for pair, count in groups.items() for _ in range(count)]
    return pa.table(
        {
            "sex": [sex for sex, _ in rows],
            "hired": [hired for _, hired in rows],
            "skill": np.arange(len(rows)) % 7,
        }
    )


REAL = staff({("F", "yes"): 30, ("F", "no"): 30, ("M", "yes"): 100, ("M", "no"): 40})
SYNTHETIC = staff({("F", "yes"): 20, ("F", "no"): 60, ("M", "yes"): 60, ("M", "no"): 60})


def measured(real: pa.Table, synthetic: pa.Table, options: Options = OPTIONS, **known: object) -> Fairness:
    result = measure_fairness(align(real, synthetic, None, options), options, **known)  # type: ignore[arg-type]  # by name
    assert isinstance(result, Fairness)
    return result


def first(fairness: Fairness) -> ProtectedColumn:
    return fairness.protected[0]


def models_that_say(table: Table, real: Sequence[float], synthetic: Sequence[float]) -> TargetModels:
    """Models whose probability of `yes` is given for each row of the table."""
    truth = table.column("hired").values.astype(np.float64)  # levels are sorted: no, yes
    return TargetModels(
        target="hired",
        task="binary",
        classes=("no", "yes"),
        tested_on="holdout",
        tested=table,
        truth=truth,
        trained_rows=table.rows,
        real=np.column_stack([1 - np.array(real), real]),
        synthetic=np.column_stack([1 - np.array(synthetic), synthetic]),
        hybrid=None,
        importances_real=(),
        importances_synthetic=(),
        notes=(),
    )


def test_shares_and_outcomes_are_counted() -> None:
    found = first(measured(REAL, SYNTHETIC))
    groups = {each.group: each for each in found.groups}
    assert (groups["F"].share_real, groups["F"].share_synthetic) == (0.3, 0.4)
    assert (groups["F"].outcome_real, groups["F"].outcome_synthetic) == (0.5, 0.25)
    assert groups["M"].outcome_real == pytest.approx(100 / 140)
    assert found.representation_error == pytest.approx(10)
    assert found.parity_gap_real == pytest.approx(100 / 140 - 0.5)
    assert found.parity_gap_synthetic == pytest.approx(0.5 - 0.25)


def test_equalised_odds_are_those_counted_by_hand() -> None:
    table = staff({("F", "yes"): 10, ("F", "no"): 10, ("M", "yes"): 20, ("M", "no"): 10})
    tables = align(table, table, None, OPTIONS)
    # Of the rows in order: how many of each (sex, hired) get `yes`.
    real = [1.0] * 8 + [0.0] * 2 + [1.0] * 1 + [0.0] * 9 + [1.0] * 15 + [0.0] * 5 + [1.0] * 5 + [0.0] * 5
    synthetic = [1.0] * 2 + [0.0] * 8 + [0.0] * 10 + [0.5] * 20 + [0.49] * 10
    models = models_that_say(tables.real, real, synthetic)
    found = measure_fairness(tables, OPTIONS, models=models)
    assert isinstance(found, Fairness)
    women, men = sorted(first(found).groups, key=lambda each: each.group)
    assert (women.true_positive_rate_real, women.false_positive_rate_real) == (0.8, 0.1)
    assert (men.true_positive_rate_real, men.false_positive_rate_real) == (0.75, 0.5)
    assert (women.true_positive_rate_synthetic, women.false_positive_rate_synthetic) == (0.2, 0.0)
    assert (men.true_positive_rate_synthetic, men.false_positive_rate_synthetic) == (1.0, 0.0)
    assert first(found).equalised_odds_gap_real == pytest.approx(0.4)  # false positives
    assert first(found).equalised_odds_gap_synthetic == pytest.approx(0.8)  # true positives


def test_a_group_with_too_few_to_judge_by_has_no_rates() -> None:
    table = staff({("F", "yes"): 9, ("F", "no"): 10, ("M", "yes"): 20, ("M", "no"): 20, ("X", "no"): 9})
    tables = align(table, table, None, OPTIONS)
    ones = [1.0] * table.num_rows
    found = measure_fairness(tables, OPTIONS, models=models_that_say(tables.real, ones, ones))
    assert isinstance(found, Fairness)
    groups = {each.group: each for each in first(found).groups}
    assert groups["F"].true_positive_rate_real is None
    assert groups["F"].false_positive_rate_real == 1
    assert groups["F"].outcome_real == pytest.approx(9 / 19)
    assert groups["X"].outcome_real is None
    assert first(found).equalised_odds_gap_real == 0
    assert any("fewer than 10" in note for note in found.notes)
    assert any("gives everybody the favourable outcome" in note for note in found.notes)


def test_the_models_of_utility_are_trained_when_none_are_given() -> None:
    rng = np.random.default_rng(0)
    skill = rng.normal(0, 1, 600)
    sex = rng.choice(["F", "M"], 600)
    fair = pa.table({"sex": sex, "skill": skill, "hired": np.where(skill > 0, "yes", "no")})
    harsh = (skill > 0) & ((sex == "M") | (skill > 2))
    unfair = pa.table({"sex": sex, "skill": skill, "hired": np.where(harsh, "yes", "no")})
    found = measured(fair, unfair)
    assert first(found).equalised_odds_gap_real == pytest.approx(0, abs=0.1)
    assert first(found).equalised_odds_gap_synthetic == pytest.approx(0.95, abs=0.1)
    tables = align(fair, unfair, None, OPTIONS)
    assert found == measure_fairness(tables, OPTIONS, models=fit_target_models(tables, OPTIONS))


def test_missing_is_a_group() -> None:
    synthetic = SYNTHETIC.set_column(0, "sex", pa.array([None] * 100 + ["F"] * 100))
    found = first(measured(REAL, synthetic))
    missing = next(each for each in found.groups if each.group == "(missing)")
    assert (missing.share_real, missing.share_synthetic) == (0, 0.5)
    assert found.representation_error == pytest.approx(70)


def test_levels_beyond_the_twenty_most_frequent_are_one_group() -> None:
    levels = [f"level {each:02}" for each in range(25) for _ in range(40 - each)]
    table = pa.table({"sex": levels, "x": np.arange(len(levels))})
    found = first(measured(table, table, Options(protected=("sex",))))
    assert len(found.groups) == 21
    other = next(each for each in found.groups if each.group == "(other)")
    assert other.share_real == pytest.approx(sum(40 - each for each in range(20, 25)) / len(levels))


def test_a_level_that_no_real_row_has_counts_as_misrepresented() -> None:
    synthetic = SYNTHETIC.set_column(0, "sex", pa.array(["Q"] * 200))
    assert first(measured(REAL, synthetic)).representation_error == pytest.approx(100)


def test_numbers_are_cut_into_real_quartiles() -> None:
    real = pa.table({"age": [float(each) for each in range(1, 101)] + [None] * 4})
    synthetic = pa.table({"age": [10.0] * 60 + [99.0] * 60})
    found = first(measured(real, synthetic, Options(protected=("age",))))
    groups = {each.group: (each.share_real, each.share_synthetic) for each in found.groups}
    assert groups == {
        "below 25.75": (25 / 104, 0.5),
        "25.75 to below 50.5": (25 / 104, 0),
        "50.5 to below 75.25": (25 / 104, 0),
        "75.25 or more": (25 / 104, 0.5),
        "(missing)": (4 / 104, 0),
    }


def test_a_number_on_an_edge_belongs_to_the_group_above() -> None:
    table = pa.table({"age": [1, 2, 3, 4, 5] * 24})
    found = first(measured(table, table, Options(protected=("age",))))
    assert {each.group: each.share_real for each in found.groups} == {
        "below 2": 0.2,
        "2 to below 3": 0.2,
        "3 to below 4": 0.2,
        "4 or more": 0.4,
    }


def test_dates_are_shown_as_dates() -> None:
    days = pa.array(np.arange(0, 200).astype("datetime64[D]"))
    found = first(measured(pa.table({"born": days}), pa.table({"born": days}), Options(protected=("born",))))
    assert found.groups[0].group.startswith("below 1970-02-19")


def test_a_protected_column_that_is_always_missing_is_one_group() -> None:
    table = pa.table({"age": pa.array([None] * 120, pa.float64()), "x": np.arange(120)})
    assert [each.group for each in first(measured(table, table, Options(protected=("age",)))).groups] == [
        "(missing)"
    ]


def test_protected_columns_are_crossed_two_by_two() -> None:
    real = REAL.append_column("race", pa.array(["a", "b"] * 100))
    found = measured(real, real, Options(protected=("sex", "race")))
    assert [each.columns for each in found.protected] == [["sex"], ["race"], ["sex", "race"]]
    crossed = {each.group: each.share_real for each in found.protected[2].groups}
    assert crossed == {"M, a": 0.35, "M, b": 0.35, "F, a": 0.15, "F, b": 0.15}


def test_only_so_many_pairs_are_crossed() -> None:
    rng = np.random.default_rng(0)
    names = tuple(f"p{each}" for each in range(6))
    table = pa.table({name: rng.choice(["a", "b"], 150) for name in names})
    found = measured(table, table, Options(protected=names))
    assert len(found.protected) == 6 + 10
    assert any("10 of 15 pairs" in note for note in found.notes)


def test_the_rarer_level_is_favourable_unless_one_is_named() -> None:
    unnamed = Options(target="hired", protected=("sex",))
    assert measured(REAL, SYNTHETIC, unnamed).favourable == "no"
    assert measured(REAL, SYNTHETIC).favourable == "yes"


def test_an_unknown_favourable_level_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(SpecError, match=r"'maybe' is not a level of the target 'hired'\n.*no, yes"):
        measured(REAL, SYNTHETIC, Options(target="hired", favourable="maybe", protected=("sex",)))


def test_a_target_of_many_levels_needs_a_favourable_one() -> None:
    table = REAL.set_column(1, "hired", pa.array(["yes", "no", "later", "no"] * 50))
    found = measured(table, table, Options(target="hired", protected=("sex",)))
    assert first(found).parity_gap_real is None
    assert any("name the favourable one" in note for note in found.notes)
    named = measured(table, table)
    assert first(named).parity_gap_real is not None
    assert first(named).equalised_odds_gap_real is not None


def test_the_outcome_of_a_number_is_its_mean() -> None:
    table = pa.table({"sex": ["F"] * 50 + ["M"] * 50, "pay": [10.0] * 50 + [30.0] * 50})
    found = first(measured(table, table, Options(target="pay", protected=("sex",))))
    assert found.parity_gap_real == 20
    assert found.equalised_odds_gap_real is None


def test_without_a_target_only_shares_are_compared() -> None:
    found = measured(REAL, SYNTHETIC, Options(protected=("sex",)))
    assert found.target is None
    assert first(found).representation_error == pytest.approx(10)
    assert first(found).parity_gap_real is None


def test_a_model_that_cannot_be_trained_leaves_shares_and_outcomes() -> None:
    small = staff({("F", "yes"): 20, ("F", "no"): 20, ("M", "yes"): 20, ("M", "no"): 20})
    found = measured(small, small)
    assert first(found).parity_gap_real == 0
    assert first(found).equalised_odds_gap_real is None
    assert any("equalised odds were not computed" in note for note in found.notes)


def test_nothing_protected_is_nothing_to_compare() -> None:
    tables = align(REAL, SYNTHETIC, None, Options())
    assert measure_fairness(tables, Options()) == NotComputed(
        not_computed="no protected column was named; give --protected"
    )


def test_balance_of_a_column_that_is_not_measured_says_why() -> None:
    found = measured(REAL, SYNTHETIC, Options(key=("sex",)), balance_column="sex", balance={"F": 0.5})
    assert found.balance == {}
    assert any("was not measured: it says whose row it is" in note for note in found.notes)


def test_what_balance_asked_for_is_set_beside_what_came() -> None:
    found = measured(REAL, SYNTHETIC, Options(), balance_column="sex", balance={"F": 0.5, "M": 0.5, "Q": 0.0})
    assert found.balance == {"F": (0.3, 0.5, 0.4), "M": (0.7, 0.5, 0.6), "Q": (0, 0, 0)}
    assert any("no row has the value 'Q'" in note for note in found.notes)


def test_balance_of_a_number_is_counted_by_value() -> None:
    found = measured(REAL, SYNTHETIC, Options(), balance_column="skill", balance={"3": 0.2})
    assert found.balance["3"][0] == pytest.approx(28 / 200, abs=0.01)
    with pytest.raises(SpecError, match="'many' is not a number"):
        measured(REAL, SYNTHETIC, Options(), balance_column="skill", balance={"many": 0.2})


def test_balance_of_an_unknown_column_is_refused() -> None:
    with pytest.raises(SpecError, match="there is no column None"):
        measured(REAL, SYNTHETIC, Options(), balance={"F": 0.5})
