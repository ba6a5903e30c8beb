from __future__ import annotations

from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.evaluation.fidelity import measure_fidelity
from mintage.evaluation.options import Options
from mintage.evaluation.results import Fidelity
from mintage.evaluation.tables import align

FEW = settings(max_examples=30)
COLUMNS = {
    "x": st.one_of(st.none(), st.floats(-1e6, 1e6)),
    "y": st.one_of(st.none(), st.integers(-3, 3).map(float)),
    "u": st.one_of(st.none(), st.sampled_from("abcd")),
    "v": st.sampled_from("ab"),
}
TYPES = {"x": pa.float64(), "y": pa.float64(), "u": pa.string(), "v": pa.string()}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 25))
    return pa.table(
        {
            name: pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), TYPES[name])
            for name, values in COLUMNS.items()
        }
    )


def measure(real: pa.Table, synthetic: pa.Table) -> Fidelity:
    return measure_fidelity(align(real, synthetic, None, Options()), Options())


def figures(fidelity: Fidelity) -> dict[str, float | None]:
    assert fidelity.accuracy is not None
    return {
        "shape": fidelity.shape_error,
        "trend": fidelity.trend_error,
        "fixed": fidelity.trend_error_fixed_edges,
        "information": fidelity.weighted_nmi,
        "bivariate": fidelity.accuracy.bivariate,
        "trivariate": fidelity.accuracy.trivariate,
    }


@FEW
@given(tables())
def test_a_table_is_faithful_to_itself(table: pa.Table) -> None:
    fidelity = measure(table, table)

    assert fidelity.shape_error == pytest.approx(0, abs=1e-9)
    assert fidelity.trend_error == pytest.approx(0, abs=1e-9)
    assert fidelity.trend_error_fixed_edges == pytest.approx(0, abs=1e-9)
    assert fidelity.missingness is not None
    assert fidelity.missingness.tvd == 0
    assert all(column.score == 1 for column in fidelity.columns)
    assert fidelity.distinct_share_real == fidelity.distinct_share_synthetic


@FEW
@given(tables(), tables())
def test_scores_are_shares_and_survive_json(real: pa.Table, synthetic: pa.Table) -> None:
    fidelity = measure(real, synthetic)

    assert all(0 <= column.score <= 1 for column in fidelity.columns)
    assert all(0 <= pair.score_fixed_edges <= 1 for pair in fidelity.pairs)
    assert all(pair.score is None or 0 <= pair.score <= 1 for pair in fidelity.pairs)
    assert all(-1 <= (pair.association_real or 0) <= 1 for pair in fidelity.pairs)
    assert Fidelity.model_validate_json(fidelity.model_dump_json()) == fidelity


@FEW
@given(tables(), tables())
def test_scores_on_own_edges_are_symmetric(real: pa.Table, synthetic: pa.Table) -> None:
    forward, back = measure(real, synthetic), measure(synthetic, real)

    assert {column.name: column.score for column in forward.columns} == pytest.approx(
        {column.name: column.score for column in back.columns}
    )
    mirrored = {(pair.left, pair.right): pair.score for pair in back.pairs}
    for pair in forward.pairs:
        if (pair.left, pair.right) in mirrored:  # a correlation of 0 leaves a pair out only where it is real
            assert mirrored[pair.left, pair.right] == pytest.approx(pair.score)


@FEW
@given(tables(), tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(
    real: pa.Table, synthetic: pa.Table, random: Random
) -> None:
    order = list(COLUMNS)
    random.shuffle(order)
    rows = list(range(synthetic.num_rows))
    random.shuffle(rows)

    shuffled = measure(real.select(order), synthetic.take(rows))

    straight = measure(real, synthetic)
    assert figures(shuffled) == pytest.approx(figures(straight), abs=1e-9)
    assert shuffled.missingness is not None
    assert straight.missingness is not None
    assert shuffled.missingness.tvd == pytest.approx(straight.missingness.tvd)
