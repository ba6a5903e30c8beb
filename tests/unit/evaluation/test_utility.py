"""Train on synthetic, test on real: tables whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from mintage.contracts import Semantics
from mintage.evaluation.options import Options
from mintage.evaluation.results import NotComputed, Utility
from mintage.evaluation.tables import align
from mintage.evaluation.target_models import TargetModels, fit_target_models
from mintage.evaluation.utility import measure_utility

Generator = np.random.Generator
OPTIONS = Options(target="y")


def patients(rng: Generator, rows: int) -> pa.Table:
    """A target of two levels that two of three columns tell nearly."""
    x, noise = rng.normal(0, 1, rows), rng.normal(0, 1, rows)
    city = rng.choice(["Bath", "Cork"], rows)
    y = np.where(x + (city == "Cork") + rng.normal(0, 0.5, rows) > 1, "ill", "well")
    return pa.table({"x": x, "noise": noise, "city": city, "y": y})


def with_target(table: pa.Table, values: object) -> pa.Table:
    return table.set_column(table.column_names.index("y"), "y", pa.array(values))


def measured(
    real: pa.Table, synthetic: pa.Table, holdout: pa.Table | None = None, options: Options = OPTIONS
) -> Utility:
    result = measure_utility(align(real, synthetic, holdout, options), options)
    assert isinstance(result, Utility)
    return result


def reason(real: pa.Table, synthetic: pa.Table | None = None, options: Options = OPTIONS) -> str:
    result = measure_utility(align(real, synthetic or real, None, options), options)
    assert isinstance(result, NotComputed)
    return result.not_computed


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(11)


def test_copies_teach_what_the_real_rows_teach(rng: Generator) -> None:
    real = patients(rng, 800)
    found = measured(real, real, patients(rng, 600))
    assert found.tested_on == "holdout"
    assert (found.rows, found.rows_tested) == (800, 600)
    assert found.trtr is not None
    assert found.trtr > 0.9
    assert found.tstr == found.trtr
    assert found.importance_agreement == pytest.approx(1)


def test_fresh_rows_of_the_same_kind_teach_nearly_as_much(rng: Generator) -> None:
    found = measured(patients(rng, 800), patients(rng, 800), patients(rng, 600))
    assert found.tstr == pytest.approx(found.trtr, abs=0.03)
    assert found.hybrid == pytest.approx(found.trtr, abs=0.03)


def test_a_shuffled_target_teaches_nothing(rng: Generator) -> None:
    synthetic = patients(rng, 1500)
    synthetic = with_target(synthetic, rng.permutation(synthetic["y"].to_numpy(zero_copy_only=False)))
    found = measured(patients(rng, 800), synthetic, patients(rng, 1000))
    assert found.tstr == pytest.approx(0.5, abs=0.1)
    assert found.trtr is not None
    assert found.trtr > 0.9
    assert found.hybrid is not None
    assert 0.75 < found.hybrid < found.trtr


def test_the_columns_that_matter_are_named(rng: Generator) -> None:
    found = measured(patients(rng, 800), patients(rng, 800), patients(rng, 200))
    assert [each.name for each in found.importances_real][-1] == "noise"
    assert {each.name for each in found.importances_synthetic} == {"x", "city", "noise"}


def test_an_inverted_relation_scores_below_chance(rng: Generator) -> None:
    synthetic = patients(rng, 800)
    flipped = np.where(synthetic["y"].to_numpy(zero_copy_only=False) == "ill", "well", "ill")
    found = measured(patients(rng, 800), with_target(synthetic, flipped), patients(rng, 400))
    assert found.tstr is not None
    assert found.tstr < 0.15


def test_without_a_holdout_real_rows_are_predicted_by_models_that_did_not_see_them(rng: Generator) -> None:
    real = with_target(patients(rng, 600), rng.choice(["ill", "well"], 600))
    found = measured(real, patients(rng, 600))
    assert "cross-validation" in found.tested_on
    assert found.rows_tested == 600
    assert found.rows == 400
    # The target is noise: a model tested on the rows it was trained on would do far better than chance.
    assert found.trtr == pytest.approx(0.5, abs=0.1)
    assert found.hybrid == pytest.approx(0.5, abs=0.1)


def test_each_side_trains_on_equally_many_rows(rng: Generator) -> None:
    assert measured(patients(rng, 500), patients(rng, 200), patients(rng, 200)).rows == 200
    assert measured(patients(rng, 200), patients(rng, 500), patients(rng, 200)).rows == 200
    capped = Options(target="y", max_rows=150)
    assert measured(patients(rng, 400), patients(rng, 400), patients(rng, 200), capped).rows == 150


def houses(rng: Generator, rows: int) -> pa.Table:
    size = rng.uniform(50, 200, rows)
    return pa.table(
        {"size": size, "age": rng.uniform(0, 90, rows), "y": 1e6 + 1000 * size + rng.normal(0, 3000, rows)}
    )


def test_numbers_are_scored_by_their_error(rng: Generator) -> None:
    real, holdout = houses(rng, 600), houses(rng, 400)
    found = measured(real, houses(rng, 600), holdout)
    spread = float(np.std(holdout["y"].to_numpy()))
    assert (found.task, found.metric) == ("regression", "rmse")
    assert found.tstr is not None
    assert found.trtr_r2 is not None
    assert found.tstr_r2 is not None
    assert 3000 < found.tstr < 0.25 * spread
    assert found.tstr_r2 == pytest.approx(1 - (found.tstr / spread) ** 2)
    assert found.trtr_r2 > 0.95


def levels(rng: Generator, rows: int, names: list[str]) -> pa.Table:
    number = rng.integers(0, len(names), rows)
    return pa.table(
        {"x": number + rng.normal(0, 0.2, rows), "z": rng.normal(0, 1, rows), "y": np.array(names)[number]}
    )


def test_more_than_two_levels_are_each_told_from_the_rest(rng: Generator) -> None:
    names = ["a", "b", "c", "d"]
    found = measured(levels(rng, 600, names), levels(rng, 600, names), levels(rng, 300, names))
    assert found.task == "multiclass"
    assert found.trtr is not None
    assert found.trtr > 0.95
    assert found.tstr == pytest.approx(found.trtr, abs=0.03)


def test_a_level_that_synthetic_rows_lack_costs_and_is_noted(rng: Generator) -> None:
    full, short = ["a", "b", "c", "d"], ["a", "b", "c"]
    found = measured(levels(rng, 600, full), levels(rng, 600, short), levels(rng, 300, full))
    assert found.tstr is not None
    assert found.trtr is not None
    assert found.tstr < found.trtr - 0.02
    assert any("no synthetic row has these levels of the target: 'd'" in note for note in found.notes)


def test_a_level_that_no_real_row_has_is_left_out_and_noted(rng: Generator) -> None:
    real = patients(rng, 400)
    texts = patients(rng, 400)["y"].to_numpy(zero_copy_only=False).copy()
    texts[:50] = "unheard"
    found = measured(real, with_target(patients(rng, 400), texts), patients(rng, 200))
    assert found.task == "binary"
    assert found.rows == 350
    assert any("50 rows were left out" in note for note in found.notes)


def test_levels_beyond_the_most_frequent_are_one_class(rng: Generator) -> None:
    names = [f"level {each:02}" for each in range(30)]
    table = levels(rng, 900, names)
    models = fit_target_models(align(table, table, table, OPTIONS), OPTIONS)
    assert isinstance(models, TargetModels)
    assert len(models.classes) == 21
    assert models.classes[-1] == "(other)"
    assert models.real is not None
    assert models.real.shape == (900, 21)


def test_the_favourable_level_stays_a_class_of_its_own(rng: Generator) -> None:
    table = levels(rng, 900, [f"level {each:02}" for each in range(30)])
    texts = table["y"].to_numpy(zero_copy_only=False).copy()
    texts[:3] = "prize"
    table = with_target(table, texts)
    options = Options(target="y", favourable="prize")
    models = fit_target_models(align(table, table, None, options), options)
    assert isinstance(models, TargetModels)
    assert "prize" in models.classes


def test_rows_without_a_target_are_left_out(rng: Generator) -> None:
    real = patients(rng, 400)
    missing: npt.NDArray[np.bool_] = np.arange(400) < 150
    real = with_target(real, pa.array(real["y"].to_numpy(zero_copy_only=False), mask=missing))
    found = measured(real, patients(rng, 400), real)
    assert (found.rows, found.rows_tested) == (250, 250)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"y": ["a"] * 200}, "has one value in all real rows: a"),
        ({"y": [2.5] * 200}, "has one value in all real rows: 2.5"),
        ({"y": [None] * 200}, "0 real rows have a known target"),
        ({"y": [None] * 150 + ["a", "b"] * 25}, "50 real rows have a known target"),
    ],
    ids=["one level", "constant number", "all missing", "mostly missing"],
)
def test_a_target_that_cannot_be_learned_says_why(
    rng: Generator, changed: Mapping[str, list[object]], expected: str
) -> None:
    assert expected in reason(with_target(patients(rng, 200), changed["y"]))


def test_without_a_target_there_is_nothing_to_predict(rng: Generator) -> None:
    assert reason(patients(rng, 200), options=Options()) == "no target was named; give --target"


def test_a_target_alone_cannot_be_predicted(rng: Generator) -> None:
    assert "no column is left" in reason(patients(rng, 200).select(["y"]))


def test_few_synthetic_rows_are_not_judged(rng: Generator) -> None:
    assert "99 synthetic rows are too few" in reason(patients(rng, 200), patients(rng, 99))


@pytest.mark.parametrize("values", [["ill"] * 300, [None] * 300], ids=["one level", "all missing"])
def test_a_synthetic_target_without_information_leaves_the_real_score(
    rng: Generator, values: list[object]
) -> None:
    found = measured(patients(rng, 300), with_target(patients(rng, 300), values), patients(rng, 200))
    assert found.tstr is None
    assert found.trtr is not None
    assert any("no model was trained on synthetic rows" in note for note in found.notes)


@pytest.mark.parametrize("case", ["few rows", "one level"])
def test_a_holdout_that_cannot_test_is_replaced_by_the_real_rows(rng: Generator, case: str) -> None:
    holdout = patients(rng, 60) if case == "few rows" else with_target(patients(rng, 200), ["ill"] * 200)
    found = measured(patients(rng, 300), patients(rng, 300), holdout)
    assert "cross-validation" in found.tested_on
    assert any("holdout rows" in note for note in found.notes)


def test_a_level_with_a_single_row_does_no_harm(rng: Generator) -> None:
    real = patients(rng, 300)
    found = measured(with_target(real, ["ill"] + ["well"] * 299), real)
    assert found.trtr is not None or any("no model was trained on real rows" in note for note in found.notes)


def test_dates_are_predicted_in_microseconds(rng: Generator) -> None:
    days = rng.integers(0, 3000, 300)
    table = pa.table({"x": days + rng.normal(0, 1, 300), "y": pa.array(days.astype("datetime64[D]"))})
    found = measured(table, table, table)
    assert found.metric == "rmse"
    assert any("microseconds" in note for note in found.notes)


def test_integers_can_be_levels(rng: Generator) -> None:
    table = with_target(patients(rng, 300), rng.integers(0, 2, 300))
    options = Options(target="y", kinds={"y": Semantics.CATEGORY})
    assert measured(table, table, table, options).task == "binary"
    assert measured(table, table, table).task == "regression"


@pytest.mark.parametrize("holdout", [True, False], ids=["holdout", "no holdout"])
def test_threads_change_nothing(rng: Generator, holdout: bool) -> None:
    tables = (patients(rng, 300), patients(rng, 300), patients(rng, 200) if holdout else None)
    assert measured(*tables, Options(target="y", threads=3)) == measured(
        *tables, Options(target="y", threads=1)
    )


def test_given_models_are_used(rng: Generator) -> None:
    tables = align(patients(rng, 200), patients(rng, 200), None, OPTIONS)
    models = fit_target_models(tables, OPTIONS)
    assert measure_utility(tables, OPTIONS, models) == measure_utility(tables, OPTIONS)
    none = NotComputed(not_computed="because")
    assert measure_utility(tables, OPTIONS, none) is none
