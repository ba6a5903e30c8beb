from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import kstest, truncnorm

from mintage.contracts import FitContext, SampleRequest, Scalar
from mintage.errors import ConditionError, FitError
from mintage.testing import memory_source
from mintage_generators.tabular.codec import pack, unpack
from mintage_generators.tabular.copula.drawing import draw_scores
from mintage_generators.tabular.copula.generator import CopulaDocument, CopulaGenerator, CopulaModel
from mintage_generators.tabular.copula.truncated import normal_in_runs, truncated_normal

ROWS = 4000


def related() -> pa.Table:
    """Two numbers with a correlation of .8, one cut into three unordered names, and a flag of the other."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=ROWS)
    second = 0.8 * first + 0.6 * rng.normal(size=ROWS)
    names = np.array(["low", "mid", "top"])[np.digitize(first, [-0.6, 0.7])]
    return pa.table(
        {
            "first": np.round(np.exp(first) * 100).astype(np.int64),
            "second": second,
            "name": pa.array(names),
            "flag": pa.array(second > 0.5),
            "same": pa.array(np.full(ROWS, 3)),
        }
    )


@pytest.fixture(scope="module")
def model() -> CopulaModel:
    return CopulaGenerator(CopulaGenerator.Config.model_validate({})).fit(
        memory_source(related()), FitContext(seed=1)
    )


def drawn(model: CopulaModel, rows: int = ROWS, **fixed: Scalar) -> pa.Table:
    request = SampleRequest(seed=3, shard=0, batch=0, rows=rows, first_key=0, fixed=fixed)
    return pa.Table.from_batches([part.batch for part in model.sample(request)])


def correlation(table: pa.Table) -> float:
    logged = pc.ln(pc.add(table["first"], 1))
    return float(np.corrcoef(logged.to_numpy(), table["second"].to_numpy())[0, 1])


def test_numbers_are_as_correlated_as_in_the_source(model: CopulaModel) -> None:
    assert correlation(drawn(model)) == pytest.approx(correlation(related()), abs=0.03)


def test_the_correlation_of_categories_is_not_weakened_by_spreading_them(model: CopulaModel) -> None:
    # The flag is a cut of `second`; drawn scores without regard to the others would give about .8.
    assert abs(model.correlation[1, 3]) > 0.95


def test_categories_get_an_order_that_goes_with_the_other_columns(model: CopulaModel) -> None:
    column = model.scores.columns[2]
    ordered = model.codec.columns[2].decode(column.order, np.zeros(3)).to_pylist()
    assert ordered in (["low", "mid", "top"], ["top", "mid", "low"])


def test_categories_go_with_numbers_as_in_the_source(model: CopulaModel) -> None:
    def means(table: pa.Table) -> list[float]:
        sums = table.group_by("name").aggregate([("second", "mean")]).sort_by("name")
        return [float(mean) for mean in sums["second_mean"].to_pylist()]

    assert means(drawn(model)) == pytest.approx(means(related()), abs=0.12)


def test_a_condition_moves_the_other_columns_as_the_normal_law_says(model: CopulaModel) -> None:
    source = related()
    given = drawn(model, first=272)
    assert given["first"].unique().to_pylist() == [272]
    # exp(1) * 100: `first` is one standard deviation up, so `second` is about .8.
    assert pc.mean(given["second"]).as_py() == pytest.approx(0.8, abs=0.06)
    top = source.filter(pc.equal(source["name"], "top"))
    assert pc.mean(drawn(model, name="top")["second"]).as_py() == pytest.approx(
        pc.mean(top["second"]).as_py(), abs=0.1
    )


def test_conditions_on_several_columns_hold_together(model: CopulaModel) -> None:
    source = related()
    mask = pc.and_(pc.equal(source["name"], "top"), pc.invert(source["flag"]))
    given = drawn(model, name="top", flag=False)
    assert set(given["name"].to_pylist()) == {"top"}
    assert set(given["flag"].to_pylist()) == {False}
    wanted = pc.mean(source.filter(mask)["second"]).as_py()
    assert pc.mean(given["second"]).as_py() == pytest.approx(wanted, abs=0.1)


def test_a_value_that_is_never_made_is_refused(model: CopulaModel) -> None:
    with pytest.raises(ConditionError, match="bottom"):
        model.check({"name": "bottom"}, {})


@pytest.mark.parametrize(("low", "high"), [(-1.0, 0.5), (6.0, np.inf), (-np.inf, -8.0), (-np.inf, np.inf)])
def test_truncated_normals_follow_their_law(low: float, high: float) -> None:
    uniform = np.random.default_rng(0).random(4000)
    ends = np.full(4000, low), np.full(4000, high)
    numbers = truncated_normal(np.full(4000, 0.3), 1.5, *ends, uniform)
    assert ((numbers >= low) & (numbers <= high)).all()
    law = truncnorm((low - 0.3) / 1.5, (high - 0.3) / 1.5, 0.3, 1.5)
    assert kstest(numbers, law.cdf).pvalue > 0.001


def test_a_union_of_intervals_is_hit_in_proportion() -> None:
    rng = np.random.default_rng(0)
    runs = np.array([[-np.inf, -1.0], [0.0, 0.5], [30.0, 31.0]])
    numbers = normal_in_runs(np.zeros(20_000), 1.0, runs, rng)
    assert np.mean(numbers < -1.0) == pytest.approx(0.1587 / (0.1587 + 0.1915), abs=0.015)
    assert not (numbers > 1).any()
    far = normal_in_runs(np.zeros(100), 1.0, runs[2:], rng)
    assert ((far >= 30) & (far <= 31)).all()


def test_scores_given_two_others_follow_the_conditional_law() -> None:
    matrix = np.array([[1.0, 0.6, 0.5], [0.6, 1.0, 0.3], [0.5, 0.3, 1.0]])
    allowed = {0: np.array([[1.0, np.inf]]), 2: np.array([[-np.inf, 0.0]])}
    scores = np.array(draw_scores(matrix, allowed, 20_000, np.random.default_rng(0)))
    free = np.linalg.cholesky(matrix) @ np.random.default_rng(1).standard_normal((3, 400_000))
    kept = free[:, (free[0] >= 1) & (free[2] <= 0)]
    assert scores.mean(axis=1) == pytest.approx(kept.mean(axis=1), abs=0.03)
    assert np.cov(scores) == pytest.approx(np.cov(kept), abs=0.04)


@pytest.mark.parametrize("change", ["asymmetric", "indefinite", "no number", "twice"])
def test_an_altered_model_is_refused(model: CopulaModel, change: str) -> None:
    files = model.save()
    document, arrays = unpack(files, CopulaDocument)
    altered = {name: array.copy() for name, array in arrays.by_name.items()}
    matrix = altered["correlation"]
    if change == "asymmetric":
        matrix[0, 1] += 0.1
    elif change == "indefinite":
        matrix[:2, :2] = [[1, 2], [2, 1]]
    elif change == "no number":
        matrix[0, 1] = matrix[1, 0] = np.nan
    else:
        altered["order.2"][0] = altered["order.2"][1]
    with pytest.raises(FitError, match="not a model"):
        CopulaGenerator.load(pack(document, altered))


def test_a_table_of_constants_can_be_learned() -> None:
    table = pa.table({"x": pa.array(np.full(50, 1)), "y": pa.nulls(50)})
    model = CopulaGenerator(CopulaGenerator.Config()).fit(memory_source(table), FitContext(seed=0))
    assert CopulaGenerator.load(model.save()).save() == model.save()
    assert drawn(model, 3).to_pylist() == [{"x": 1, "y": None}] * 3


def test_more_columns_than_rows_give_correlations_of_some_distribution() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({f"c{i}": rng.integers(0, 2, 30).astype(str) for i in range(60)})
    model = CopulaGenerator(CopulaGenerator.Config.model_validate({"sweeps": 3})).fit(
        memory_source(table), FitContext(seed=0)
    )
    assert np.linalg.eigvalsh(model.correlation)[0] > 0
    assert drawn(model, 10).num_rows == 10
