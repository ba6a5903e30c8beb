"""Can a classifier tell real from synthetic? Tables whose answer is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from mintage.evaluation.detection import measure_detection
from mintage.evaluation.options import Options
from mintage.evaluation.results import Detection, NotComputed
from mintage.evaluation.tables import align

Generator = np.random.Generator


def people(rng: Generator, rows: int) -> pa.Table:
    """Columns that depend on each other strongly."""
    age = rng.integers(18, 90, rows).astype(float)
    pay = 20 * age + rng.normal(0, 60, rows)
    job = np.where(age + rng.normal(0, 4, rows) > 50, "senior", np.where(pay > 700, "middle", "junior"))
    city = rng.choice(["Bath", "Cork", "Dijon", "Essen"], rows, p=[0.4, 0.3, 0.2, 0.1])
    return pa.table({"age": age, "pay": pay, "job": job, "city": city})


def shuffled(table: pa.Table, rng: Generator) -> pa.Table:
    """The same columns, each in an order of its own: independent marginals."""
    columns = [column.take(pa.array(rng.permutation(table.num_rows))) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def detect(
    real: pa.Table, synthetic: pa.Table, holdout: pa.Table | None = None, options: Options | None = None
) -> Detection:
    options = options or Options()
    result = measure_detection(align(real, synthetic, holdout, options), options)
    assert isinstance(result, Detection)
    return result


def dense_c2st(real: pa.Table, synthetic: pa.Table, seed: int) -> float:
    """The published protocol written down again, with scikit-learn's encoders and a dense matrix."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, RobustScaler
    from xgboost import XGBClassifier

    both = pa.concat_tables([real, synthetic])
    numbers = np.column_stack([both[name].to_numpy() for name in ("age", "pay")])
    texts = np.column_stack([both[name].to_numpy(zero_copy_only=False) for name in ("job", "city")])
    features = np.hstack([numbers, OneHotEncoder().fit_transform(texts).toarray()])
    labels = np.repeat([1, 0], [real.num_rows, synthetic.num_rows])
    scores = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(features, labels):
        model = make_pipeline(RobustScaler(), XGBClassifier(random_state=0, n_jobs=1))
        model.fit(features[train], labels[train])
        auc = roc_auc_score(labels[test], model.predict_proba(features[test])[:, 1])
        scores.append(2 * max(0.5, auc) - 1)
    return 1 - float(np.mean(scores))


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(5)


def partly_shuffled(table: pa.Table, rng: Generator, share: float) -> pa.Table:
    """The pay of a share of the rows is exchanged among them."""
    order = np.arange(table.num_rows)
    moved = np.flatnonzero(rng.random(table.num_rows) < share)
    order[moved] = rng.permutation(moved)
    return table.set_column(1, "pay", table["pay"].take(pa.array(order)))


def test_the_score_is_that_of_the_published_protocol(rng: Generator) -> None:
    real, synthetic = people(rng, 500), partly_shuffled(people(rng, 500), rng, 0.4)
    score = detect(real, synthetic, options=Options(seed=1)).c2st_xgb
    assert score == pytest.approx(dense_c2st(real, synthetic, seed=1), abs=1e-3)
    assert score is not None
    assert 0.3 < score < 0.95


def test_fresh_real_rows_cannot_be_told_apart(rng: Generator) -> None:
    found = detect(people(rng, 1200), people(rng, 1200), people(rng, 1200))
    assert found.c2st_xgb is not None
    assert found.c2st_xgb_holdout is not None
    assert found.c2st_xgb > 0.93
    assert found.c2st_xgb == pytest.approx(found.c2st_xgb_holdout, abs=0.06)
    assert found.auc_xgb is not None
    assert found.auc_xgb.low < 0.52
    assert found.auc_xgb.high > 0.48


def test_a_shifted_column_is_found_and_named(rng: Generator) -> None:
    real, synthetic = people(rng, 800), people(rng, 800)
    synthetic = synthetic.set_column(1, "pay", pa.array(synthetic["pay"].to_numpy() + 3000))
    found = detect(real, synthetic)
    assert found.c2st_xgb == pytest.approx(0, abs=0.01)
    assert found.features[0].name == "pay"
    assert sum(each.importance for each in found.features) == pytest.approx(1)


def test_independent_marginals_pass_the_logistic_test_and_fail_with_trees(rng: Generator) -> None:
    real = people(rng, 1200)
    found = detect(real, shuffled(people(rng, 1200), rng))
    assert found.c2st_xgb is not None
    assert found.c2st_logistic is not None
    assert found.c2st_xgb < 0.3
    assert found.c2st_logistic > 0.9


def test_copies_of_the_training_rows_are_told_from_the_holdout_only(rng: Generator) -> None:
    real = people(rng, 900)
    found = detect(real, real.take(pa.array(rng.permutation(900))), people(rng, 900))
    assert found.auc_xgb is not None
    assert found.auc_xgb_holdout is not None
    assert found.auc_xgb.high < found.auc_xgb_holdout.low
    assert found.c2st_xgb == 1  # worse than chance is no worse than not telling them apart
    assert any("repeat training rows" in note for note in found.notes)


def test_a_level_that_no_real_row_has_gives_synthetic_rows_away(rng: Generator) -> None:
    real, synthetic = people(rng, 400), people(rng, 400)
    found = detect(real, synthetic.set_column(3, "city", pa.array(["Rome"] * 400)))
    assert found.c2st_xgb == pytest.approx(0, abs=0.01)
    assert found.features[0].name == "city"


def test_missing_numbers_that_only_one_side_has_are_found(rng: Generator) -> None:
    real, synthetic = people(rng, 400), people(rng, 400)
    pay = pa.array(synthetic["pay"].to_numpy(), mask=rng.random(400) < 0.5)
    found = detect(real, synthetic.set_column(1, "pay", pay))
    assert found.features[0].name == "pay"
    assert found.c2st_xgb is not None
    assert found.c2st_xgb < 0.6


def test_threads_change_nothing(rng: Generator) -> None:
    real, synthetic, holdout = people(rng, 500), shuffled(people(rng, 500), rng), people(rng, 300)
    one = detect(real, synthetic, holdout, Options(threads=1))
    assert detect(real, synthetic, holdout, Options(threads=3)) == one


def test_the_seed_decides_the_folds(rng: Generator) -> None:
    real, synthetic = people(rng, 400), people(rng, 400)
    first = detect(real, synthetic, options=Options(seed=3))
    assert detect(real, synthetic, options=Options(seed=3)) == first
    assert detect(real, synthetic, options=Options(seed=4)).auc_xgb != first.auc_xgb


def test_a_smaller_holdout_is_compared_at_its_own_size(rng: Generator) -> None:
    synthetic = partly_shuffled(people(rng, 1200), rng, 0.5)
    found = detect(people(rng, 1200), synthetic, people(rng, 150))
    assert (found.rows, found.rows_holdout) == (1200, 150)
    assert found.c2st_xgb is not None
    assert found.c2st_xgb_matched is not None
    assert found.c2st_xgb_holdout is not None
    # Fewer rows are harder to tell apart: only figures of equally many rows can be compared.
    assert found.c2st_xgb_matched > found.c2st_xgb + 0.05
    assert found.c2st_xgb_holdout > found.c2st_xgb + 0.05
    assert any("c2st_xgb_matched" in note for note in found.notes)


def test_the_matched_test_is_against_train_and_not_the_holdout(rng: Generator) -> None:
    holdout = people(rng, 150)
    holdout = holdout.set_column(1, "pay", pa.array(holdout["pay"].to_numpy() + 3000))
    found = detect(people(rng, 300), people(rng, 300), holdout)
    assert found.c2st_xgb_holdout == pytest.approx(0, abs=0.01)
    assert found.c2st_xgb_matched is not None
    assert found.c2st_xgb_matched > 0.7


def test_a_sample_of_copies_does_not_draw_each_row_with_its_copy(rng: Generator) -> None:
    real = people(rng, 3000)
    found = detect(real, real, options=Options(max_rows=300))
    assert found.auc_xgb is not None
    assert found.auc_xgb.value > 0.4


def test_the_logistic_score_is_that_of_sdmetrics_with_missing_numbers_at_the_real_mean(
    rng: Generator,
) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import RobustScaler

    real, synthetic = (np.exp(rng.normal(shift, 1, (300, 2))) for shift in (0, 0.2))
    gaps = np.repeat([[True, False]], 600, axis=0) & (
        rng.random((600, 1)) < np.repeat([[0.1], [0.4]], 300, axis=0)
    )
    filled = np.where(gaps, np.nan, np.vstack([real, synthetic]))
    tables = [pa.table({"a": side[:, 0], "b": side[:, 1]}) for side in (filled[:300], filled[300:])]
    filled = np.where(np.isnan(filled), np.nanmean(filled[:300], axis=0), filled)
    labels = np.repeat([1, 0], 300)
    scores = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(filled, labels):
        model = make_pipeline(RobustScaler(), LogisticRegression(solver="lbfgs"))
        model.fit(filled[train], labels[train])
        auc = roc_auc_score(labels[test], model.predict_proba(filled[test])[:, 1])
        scores.append(2 * max(0.5, auc) - 1)
    assert detect(*tables).c2st_logistic == pytest.approx(1 - np.mean(scores), abs=1e-3)


def test_a_large_enough_holdout_needs_no_second_test_against_train(rng: Generator) -> None:
    found = detect(people(rng, 300), people(rng, 300), people(rng, 400))
    assert found.c2st_xgb_matched == found.c2st_xgb
    assert found.rows_holdout == 300


def test_unequal_tables_are_cut_to_the_smaller_one_and_say_so(rng: Generator) -> None:
    found = detect(people(rng, 500), people(rng, 200), options=Options(max_rows=150))
    assert found.rows == 150
    assert "500 real and 200 synthetic rows" in found.notes[0]


@pytest.mark.parametrize("rows", [(99, 500), (500, 99)], ids=["few real", "few synthetic"])
def test_too_few_rows_are_not_judged(rng: Generator, rows: tuple[int, int]) -> None:
    tables = align(people(rng, rows[0]), people(rng, rows[1]), None, Options())
    assert measure_detection(tables, Options()) == NotComputed(
        not_computed="99 rows on a side are too few; 100 are needed"
    )


def test_a_tiny_holdout_is_left_out_and_said_so(rng: Generator) -> None:
    found = detect(people(rng, 200), people(rng, 200), people(rng, 50))
    assert found.c2st_xgb_holdout is None
    assert any("the holdout has 50 rows" in note for note in found.notes)


def test_a_constant_table_is_indistinguishable() -> None:
    table = pa.table({"x": [1.0] * 120, "y": ["a"] * 120})
    found = detect(table, table)
    assert found.c2st_xgb == 1
    assert found.features == []


def test_a_regression_that_does_not_converge_is_told(rng: Generator) -> None:
    def amounts() -> pa.Table:
        # Mostly 0: the scaler divides by the distance of the quartiles, and so leaves them as they are.
        held = [rng.random(300) < 0.1 for _ in range(8)]
        return pa.table(
            {f"x{each}": np.where(held[each], rng.lognormal(2 * each, 1, 300), 0.0) for each in range(8)}
        )

    assert any("iteration limit" in note for note in detect(amounts(), amounts()).notes)


def test_the_interval_holds_the_true_area_as_often_as_it_says() -> None:
    from scipy.stats import norm

    from mintage.evaluation.classifiers import Fold, auc_with_variance, mean_auc

    rng = np.random.default_rng(0)
    truth = float(norm.cdf(0.5 / np.sqrt(2)))
    held = 0
    for _ in range(200):
        folds = []
        for _ in range(3):
            labels: npt.NDArray[np.bool_] = np.arange(120) < 60
            auc, variance = auc_with_variance(labels, rng.normal(0, 1, 120) + 0.5 * labels)
            folds.append(Fold(auc=auc, variance=variance, gains=np.zeros(0)))
        interval = mean_auc(folds)
        held += interval.low <= truth <= interval.high
    assert 0.92 <= held / 200 <= 0.98


def test_the_area_is_that_of_scikit_learn_with_ties() -> None:
    from sklearn.metrics import roc_auc_score

    from mintage.evaluation.classifiers import auc_with_variance

    rng = np.random.default_rng(1)
    labels = rng.random(500) < 0.3
    scores = rng.integers(0, 10, 500) + labels
    assert auc_with_variance(labels, scores)[0] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
