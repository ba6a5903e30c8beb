"""Conditions by ranges and sets of values: kept exactly by any column, in the learned proportions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.contracts import Choice, FitContext, Model, SampleRequest, Span
from mintage.errors import ConditionError
from mintage.plan import plan_quotas
from mintage.testing import memory_source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.codec import CodecConfig, fit_table
from mintage_generators.tabular.codec.choices import choose
from mintage_generators.tabular.codec.domains import Domain
from mintage_generators.tabular.marginals.config import MarginalsConfig
from mintage_generators.tabular.marginals.generator import MarginalsGenerator

ROWS = 2000
FIRST, LAST = date(2012, 3, 5), date(2012, 11, 20)


def visits() -> pa.Table:
    rng = np.random.default_rng(0)
    days = rng.integers(15_000, 16_500, ROWS)
    return pa.table(
        {
            "age": pa.array(rng.integers(0, 100, ROWS), mask=rng.random(ROWS) < 0.1),
            "weight": pa.array(rng.normal(70, 12, ROWS).astype(np.float32)),
            "paid": pa.array(rng.exponential(100, ROWS).round(2), mask=rng.random(ROWS) < 0.1),
            "day": pa.array(days.astype(np.int32)).cast(pa.date32()),
            "ward": pa.array([f"w{n}" for n in rng.integers(0, 8, ROWS)]),
            "wide": pa.array(rng.integers(0, 10**6, ROWS)),
        }
    )


def fit_network() -> Model:
    config = AutoregressiveConfig.model_validate(
        {"max_steps": 60, "hidden": 16, "batch_rows": 128, "bins": 300}
    )
    return AutoregressiveGenerator(config).fit(memory_source(visits()), FitContext(seed=1))


def fit_marginals() -> Model:
    return MarginalsGenerator(MarginalsConfig()).fit(memory_source(visits()), FitContext(seed=1))


@pytest.fixture(scope="module", params=[fit_network, fit_marginals], ids=["autoregressive", "marginals"])
def model(request: pytest.FixtureRequest) -> Model:
    make: Callable[[], Model] = request.param
    return make()


def sampled(model: Model, within: dict[str, Choice], rows: int = 1500) -> pl.DataFrame:
    model.check_within({}, {}, within)
    request = SampleRequest(seed=5, shard=0, batch=0, rows=rows, first_key=0, within=within)
    return pl.concat([pl.DataFrame(pl.from_arrow(batch.batch)) for batch in model.sample(request)])


def span(
    low: str | float | None = None, high: str | float | None = None, below: str | float | None = None
) -> Choice:
    return Choice(spans=(Span(minimum=low, maximum=high, below=below),))


@pytest.mark.parametrize(
    ("column", "choice", "kept"),
    [
        ("age", span(30, 40), pl.col("age").is_between(30, 40)),
        ("age", span(30, None, 40), pl.col("age").is_between(30, 39)),
        ("weight", span(63.3, 63.9), pl.col("weight").is_between(63.3, 63.9)),
        ("weight", span(None, None, 50), pl.col("weight") < 50),
        ("paid", span(12.34, 250.01), pl.col("paid").is_between(12.34, 250.01)),
        ("day", span("2012-03-05", "2012-11-20"), pl.col("day").is_between(FIRST, LAST)),
        ("wide", span(123_456, 200_001), pl.col("wide").is_between(123_456, 200_001)),
        ("ward", Choice(values=("w1", "w5")), pl.col("ward").is_in(["w1", "w5"])),
        ("age", Choice(values=(7, None, 70)), pl.col("age").is_in([7, 70]) | pl.col("age").is_null()),
        (
            "paid",
            Choice(spans=(Span(maximum=20), Span(minimum=90.5)), inverse=True),
            pl.col("paid").is_null() | ((pl.col("paid") > 20) & (pl.col("paid") < 90.5)),
        ),
        ("ward", Choice(values=("w1", "w5"), inverse=True), ~pl.col("ward").is_in(["w1", "w5"])),
    ],
    ids=["integers", "below", "floats", "open", "cents", "dates", "wide", "texts", "values and null",
         "outside two", "other texts"],
)  # fmt: skip
def test_every_row_is_within(model: Model, column: str, choice: Choice, kept: pl.Expr) -> None:
    rows = sampled(model, {column: choice})
    assert rows.select(kept.fill_null(False).all()).item(), rows.filter(~kept)[column].head()
    assert rows[column].n_unique() > 1


def test_ranges_on_several_columns_hold_at_once(model: Model) -> None:
    rows = sampled(model, {"age": span(20, 29), "paid": span(50, 60), "ward": Choice(values=("w2", "w3"))})
    assert rows["age"].is_between(20, 29).all()
    assert rows["paid"].is_between(50, 60).all()
    assert rows["ward"].is_in(["w2", "w3"]).all()


def test_values_within_a_range_keep_their_proportions(model: Model) -> None:
    """A range that cuts through quantile bins takes of each no more than the part that is inside."""
    real = visits()["wide"].to_numpy()
    rows = sampled(model, {"wide": span(100_500, 300_500)}, rows=8000)["wide"].to_numpy()
    inside = np.sort(real[(real >= 100_500) & (real <= 300_500)])
    expected = (inside < 200_500).mean()
    assert (rows < 200_500).mean() == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize(
    ("within", "words"),
    [
        ({"age": span(200, 300)}, "no value for column 'age'"),
        ({"age": span(40, 30)}, "empty"),
        ({"ward": span("a", "b")}, "no ranges"),
        ({"ward": Choice(values=("w1", "w77"))}, "w77"),
        ({"agge": span(1, 2)}, "agge"),
        ({"age": Choice(values=("young",))}, "young"),
        ({"age": Choice(spans=(Span(),), inverse=True), "day": Choice(values=(None,))}, "no value"),
    ],
    ids=[
        "outside",
        "empty",
        "range of text",
        "value never seen",
        "unknown column",
        "wrong type",
        "everything excluded",
    ],
)
def test_what_no_row_can_meet_is_refused(model: Model, within: dict[str, Choice], words: str) -> None:
    with pytest.raises(ConditionError, match=words):
        model.check_within({}, {}, within)


def test_nulls_alone_can_be_asked_for(model: Model) -> None:
    assert sampled(model, {"age": Choice(values=(None,))})["age"].null_count() == 1500


def test_a_fixed_value_outside_a_range_of_the_same_column_is_refused(model: Model) -> None:
    model.check_within({"wide": 150_000}, {}, {"wide": span(100_000, 200_000)})
    with pytest.raises(ConditionError, match="wide"):
        model.check_within({"wide": 250_000}, {}, {"wide": span(100_000, 200_000)})


def test_balance_by_ranges_leaves_the_rest_to_all_other_values() -> None:
    young, old = span(None, None, 18), span(65)
    quotas = plan_quotas(100, balance=("age", [(young, 0.2), (old, 0.3), (None, 0.1)]))
    assert [quota.rows for quota in quotas] == [20, 30, 10, 40]
    rest = quotas[-1].within["age"]
    assert rest.inverse
    assert rest.values == (None,)
    assert rest.spans == (*young.spans, *old.spans)
    rows = sampled(fit_marginals(), {"age": rest})
    assert rows["age"].is_between(18, 64).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-20, 120), st.integers(0, 40)), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from(["age", "weight", "paid", "wide"]),
)
def test_ranges_and_what_is_left_of_them_share_out_all_values(
    ranges: list[tuple[int, int]], inverse: bool, name: str
) -> None:
    column = next(c for c in CODEC.columns if c.name == name)
    factor = 10_000 if name == "wide" else 1
    spans = tuple(Span(minimum=low * factor, maximum=(low + width) * factor) for low, width in ranges)
    chosen = choose(column, Choice(spans=spans, inverse=inverse))
    assert isinstance(chosen, Domain)
    tokens = np.flatnonzero(chosen.tokens())
    rng = np.random.default_rng(0)
    picked = rng.choice(tokens, 500) if len(tokens) else tokens
    values = chosen.decode(picked, rng.random(len(picked)))
    inside = np.zeros(len(values), np.bool_)
    for one in spans:
        inside |= np.array(
            [v is not None and one.minimum <= v <= one.maximum for v in values.to_pylist()], np.bool_
        )
    assert (inside != inverse).all()


CODEC = fit_table(
    memory_source(visits()), CodecConfig(bins=20), np.random.default_rng(0), functions=False
).codec
