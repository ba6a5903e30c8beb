"""Fidelity from sketches, beside the same figures computed from the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from mintage.contracts import TableSchema
from mintage.errors import ProvenanceError
from mintage.evaluation.binning import Binning, make_binning
from mintage.evaluation.folded import FoldedTable, fidelity_of_sketches
from mintage.evaluation.results import Fidelity
from mintage.evaluation.sketch import sketch_of

Floats = npt.NDArray[np.float64]


def people(seed: int, rows: int, shift: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, rows)
    y = 0.6 * x + rng.normal(size=rows)
    y[rng.random(rows) < 0.1] = np.nan
    sex = rng.choice(["F", "M"], rows, p=[0.5 + shift / 4, 0.5 - shift / 4]).astype(object)
    sex[rng.random(rows) < 0.05] = None
    return pa.table(
        {
            "x": x,
            "y": pa.array(y, from_pandas=True),
            "age": rng.integers(18, 90, rows),
            "gain": np.where(rng.random(rows) < 0.8, 0, rng.lognormal(7, 1, rows)).round(),
            "sex": pa.array(sex),
            "town": [f"t{k}" for k in rng.integers(0, 12 + int(20 * shift), rows)],
        }
    )


def grid(table: pa.Table) -> Binning:
    binning = make_binning(table.to_batches(), TableSchema.of("t", table.schema))
    assert binning is not None
    return binning


def folded(real: pa.Table, synthetic: pa.Table, holdout: pa.Table | None = None) -> Fidelity:
    binning = grid(real)
    fidelity = fidelity_of_sketches(
        sketch_of(real.to_batches(), binning),
        sketch_of(synthetic.to_batches(), binning),
        sketch_of(holdout.to_batches(), binning) if holdout else None,
    )
    assert isinstance(fidelity, Fidelity)
    return fidelity


def present(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].drop_null(), np.float64)


@pytest.fixture(scope="module")
def tables() -> tuple[pa.Table, pa.Table, pa.Table]:
    return people(1, 12_000), people(2, 20_000, 0.2), people(3, 4000)


@pytest.fixture(scope="module")
def fidelity(tables: tuple[pa.Table, pa.Table, pa.Table]) -> Fidelity:
    return folded(*tables)


def test_ks_is_that_of_the_rows_but_for_a_thousandth(
    fidelity: Fidelity, tables: tuple[pa.Table, pa.Table, pa.Table]
) -> None:
    real, synthetic, holdout = tables
    for column in fidelity.columns:
        if column.kind == "continuous":
            exact = 1 - ks_2samp(present(real, column.name), present(synthetic, column.name)).statistic
            assert column.score - 0.001 <= exact <= column.score + 1e-12
            against = 1 - ks_2samp(present(real, column.name), present(holdout, column.name)).statistic
            assert column.holdout_score == pytest.approx(against, abs=0.001)
    assert fidelity.error_bound <= 0.001


def test_tvd_is_exact_when_every_real_level_is_held_by_five_rows(
    fidelity: Fidelity, tables: tuple[pa.Table, pa.Table, pa.Table]
) -> None:
    for name in ("sex", "town"):
        shares = [table[name].drop_null().value_counts() for table in tables[:2]]
        plain: list[dict[Any, float]] = [
            {
                row["values"]: row["counts"] / sum(c["counts"] for c in counted.to_pylist())
                for row in counted.to_pylist()
            }
            for counted in shares
        ]
        distance = sum(abs(plain[0].get(k, 0) - plain[1].get(k, 0)) for k in {*plain[0], *plain[1]}) / 2
        column = next(column for column in fidelity.columns if column.name == name)
        assert column.score == pytest.approx(1 - distance, abs=1e-12)
        if name == "town":
            assert column.out_of_range == pytest.approx(
                sum(v for k, v in plain[1].items() if k not in plain[0])
            )


def test_pearson_is_that_of_the_rows_where_both_columns_have_values(
    fidelity: Fidelity, tables: tuple[pa.Table, pa.Table, pa.Table]
) -> None:
    pairs = [pair for pair in fidelity.pairs if pair.kind == "continuous"]
    assert len(pairs) == 6
    for pair in pairs:
        exact = []
        for table in tables[:2]:
            both = table.select([pair.left, pair.right]).drop_null()
            exact.append(np.corrcoef(present(both, pair.left), present(both, pair.right))[0, 1])
        assert pair.association_real == pytest.approx(exact[0], abs=1e-6)
        assert pair.association_synthetic == pytest.approx(exact[1], abs=1e-6)
        assert pair.score_fixed_edges == pytest.approx(1 - abs(exact[0] - exact[1]) / 2, abs=1e-6)


def test_joint_scores_are_those_of_cross_tables_with_missing_values_as_a_level(
    fidelity: Fidelity, tables: tuple[pa.Table, pa.Table, pa.Table]
) -> None:
    real, synthetic = (table.select(["sex", "age"]).to_pandas() for table in tables[:2])
    low, high = real["age"].min(), real["age"].max()  # both are held by five rows
    shares = []
    for frame in (real, synthetic):
        bins = np.clip((frame["age"] - low) // ((high - low) / 10), 0, 9)
        counted = frame.groupby([frame["sex"].fillna("?"), bins]).size()
        shares.append(counted / len(frame))
    distance = shares[0].sub(shares[1], fill_value=0).abs().sum() / 2
    pair = next(pair for pair in fidelity.pairs if (pair.left, pair.right) == ("age", "sex"))
    assert pair.kind == "mixed"
    assert pair.score_fixed_edges == pytest.approx(1 - distance, abs=1e-9)


def test_moments_tails_and_missing_shares_are_those_of_the_rows(
    fidelity: Fidelity, tables: tuple[pa.Table, pa.Table, pa.Table]
) -> None:
    real, synthetic, _ = tables
    column = next(column for column in fidelity.columns if column.name == "y")
    one, other = present(real, "y"), present(synthetic, "y")
    assert column.mean == pytest.approx((one.mean(), other.mean()), abs=1e-4)
    assert column.deviation == pytest.approx((one.std(), other.std()), abs=1e-4)
    assert column.missing_synthetic == pytest.approx(synthetic["y"].null_count / synthetic.num_rows)
    low, high = np.quantile(one, [0.01, 0.99])
    assert column.tails == pytest.approx(((other < low).mean(), (other > high).mean()), abs=0.002)


def test_the_mean_scores_and_the_ceiling_are_over_what_is_listed(fidelity: Fidelity) -> None:
    assert fidelity.shape_error == pytest.approx(100 * (1 - np.mean([c.score for c in fidelity.columns])))
    assert fidelity.pair_count == len(fidelity.pairs) == 15
    trend = 100 * (1 - np.mean([pair.score_fixed_edges for pair in fidelity.pairs]))
    assert fidelity.trend_error_fixed_edges == pytest.approx(trend)
    assert fidelity.trend_error is None
    assert fidelity.ceiling is not None
    assert fidelity.ceiling.shape_error < fidelity.shape_error
    assert [column.score for column in fidelity.columns] == sorted(
        column.score for column in fidelity.columns
    )


@given(st.integers(0, 10**6), st.integers(20, 400), st.integers(20, 400), st.sampled_from([0.7, 1.2, 2.5]))
def test_the_exact_score_lies_within_the_bound(seed: int, rows: int, others: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    real, synthetic = (rng.pareto(power, n).round(int(rng.integers(0, 4))) for n in (rows, others))
    one, other = pa.table({"v": real}), pa.table({"v": synthetic})
    result = folded(one, other)
    exact = 1 - ks_2samp(real, synthetic).statistic
    assert result.columns[0].score - result.error_bound - 1e-9 <= exact <= result.columns[0].score + 1e-9


@given(st.integers(0, 10**6), st.integers(100, 400), st.floats(1.1, 3))
def test_the_exact_distance_of_levels_lies_within_the_bound(seed: int, rows: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    real, synthetic = (rng.zipf(power, rows).clip(0, 60) for _ in range(2))
    one, other = (pa.table({"k": [f"v{v}" for v in values]}) for values in (real, synthetic))
    result = folded(one, other)
    shares = [np.bincount(values, minlength=61) / rows for values in (real, synthetic)]
    exact = 1 - np.abs(shares[0] - shares[1]).sum() / 2
    assert result.columns[0].score - result.error_bound - 1e-9 <= exact <= result.columns[0].score + 1e-9


@given(st.integers(0, 10**6), st.integers(2, 60))
def test_the_exact_distance_of_pairs_of_levels_lies_within_the_bound(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    made = [rng.integers(0, levels, (300, 2)) for _ in range(2)]
    result = folded(
        *(pa.table({"a": [f"a{v}" for v in m[:, 0]], "b": [f"b{v}" for v in m[:, 1]]}) for m in made)
    )
    cells = [np.bincount(m[:, 0] * levels + m[:, 1], minlength=levels**2) / 300 for m in made]
    exact = 1 - np.abs(cells[0] - cells[1]).sum() / 2
    score = result.pairs[0].score_fixed_edges
    assert score - result.error_bound - 1e-9 <= exact <= score + 1e-9


def test_a_column_without_values_is_left_out_of_the_mean_and_said_so() -> None:
    real = pa.table({"x": np.arange(100.0), "y": np.arange(100.0)})
    synthetic = pa.table({"x": np.arange(100.0), "y": pa.array([None] * 100, pa.float64())})
    fidelity = folded(real, synthetic)
    assert fidelity.shape_error == pytest.approx(0, abs=1e-9)
    assert fidelity.trend_error_fixed_edges is None
    assert any("no values there: y" in note for note in fidelity.notes)


def test_a_constant_column_has_no_correlation_and_that_is_said() -> None:
    real = pa.table({"x": np.arange(100.0), "y": np.arange(100.0)})
    fidelity = folded(real, pa.table({"x": np.arange(100.0), "y": np.ones(100)}))
    assert fidelity.pairs == []
    assert fidelity.trend_error_fixed_edges is None
    assert any("1 pairs of continuous columns have no correlation" in note for note in fidelity.notes)


def test_without_any_value_there_is_no_fidelity() -> None:
    real = pa.table({"x": pa.array([None] * 50, pa.float64())})
    binning = grid(real)
    sketch = sketch_of(real.to_batches(), binning)
    result = fidelity_of_sketches(sketch, sketch)
    assert not isinstance(result, Fidelity)
    assert "no column has values" in result.not_computed


def test_values_too_far_out_to_be_summed_are_told() -> None:
    real = pa.table({"x": np.random.default_rng(0).normal(size=500)})
    fidelity = folded(real, pa.table({"x": np.array([1e300, 0.0, 1.0])}))
    assert any("1 synthetic values were too far out" in note for note in fidelity.notes)


def test_rare_levels_widen_the_bound_and_are_named() -> None:
    rng = np.random.default_rng(3)
    one, other = (pa.table({"k": [f"v{v}" for v in rng.zipf(1.5, 2000).clip(0, 10**6)]}) for _ in range(2))
    fidelity = folded(one, other)
    assert fidelity.error_bound > 0.001
    assert any("lower: k" in note for note in fidelity.notes)


def test_real_cells_of_fewer_than_five_rows_are_not_drawn() -> None:
    rng = np.random.default_rng(4)
    real = pa.table(
        {"x": np.concatenate([rng.normal(size=1000), [50.0, 60.0]]), "k": ["a"] * 999 + ["b"] * 3}
    )
    fidelity = folded(real, real)
    drawn = {column.name: column.histogram for column in fidelity.columns}
    assert all(share == 0 or share >= 5 / 1002 for share in drawn["x"].real)
    assert drawn["k"].labels == ["a"]
    assert drawn["k"].other == pytest.approx((3 / 1002, 3 / 1002))
    assert drawn["x"].edges is not None
    assert len(drawn["x"].edges) <= 41


def test_drift_is_seen_in_the_stretches_of_shards() -> None:
    real = people(1, 2000)
    binning = grid(real)
    steady, drifting = FoldedTable(binning, 100), FoldedTable(binning, 100)
    for shard in range(100):
        steady.add(shard, sketch_of(people(shard + 5, 300).to_batches(), binning))
        drifting.add(shard, sketch_of(people(shard + 5, 300, shard / 200).to_batches(), binning))
    assert len(steady.stretches) == 32
    drifts = []
    for table in (steady, drifting):
        fidelity = fidelity_of_sketches(
            sketch_of(real.to_batches(), binning), table.sketch, stretches=table.stretches
        )
        assert isinstance(fidelity, Fidelity)
        drifts.append({column.name: column.drift or 0.0 for column in fidelity.columns})
    assert drifts[0]["x"] < 0.06 < 0.08 < drifts[1]["x"]


def test_stretches_add_up_to_the_whole() -> None:
    real = people(1, 1000)
    binning = grid(real)
    table = FoldedTable(binning, 40)
    for shard in (7, 0, 39, 20):
        table.add(shard, sketch_of(people(shard, 50).to_batches(), binning))
    assert np.array_equal(sum(table.stretches), table.sketch.all_counts())
    with pytest.raises(ProvenanceError, match="is not one of 40"):
        table.add(40, sketch_of(real.to_batches(), binning))


def test_sketches_of_two_grids_are_not_compared() -> None:
    one, other = people(1, 500), people(2, 500)
    with pytest.raises(ProvenanceError, match="different binnings"):
        fidelity_of_sketches(sketch_of(one.to_batches(), grid(one)), sketch_of(one.to_batches(), grid(other)))
