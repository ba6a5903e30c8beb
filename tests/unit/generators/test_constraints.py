"""Constraints hold on every row, whatever the table, and contradictions are named before training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mintage.contracts import FitContext, Model, SampleRequest, Scalar
from mintage.errors import ConditionError, FitError, SourceError, SpecError
from mintage.testing import memory_source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.codec import Arrays, CodecConfig, FittedTable, fit_table
from mintage_generators.tabular.codec.constraints import (
    Constraint,
    InequalityConstraint,
    RangeConstraint,
    SumConstraint,
)
from mintage_generators.tabular.codec.governed import govern, keep_rows
from mintage_generators.tabular.codec.rows import RuledRows
from mintage_generators.tabular.codec.rules import Rules
from mintage_generators.tabular.codec.ruling import Ruling
from mintage_generators.tabular.codec.saved_rules import read_rules, write_rules

ROWS = 200
CONSTRAINTS = TypeAdapter(tuple[Constraint, ...])
Fixed = Mapping[str, Scalar]


def written(*constraints: dict[str, object]) -> tuple[Constraint, ...]:
    return CONSTRAINTS.validate_python(constraints)


def learn(table: pa.Table, constraints: Sequence[Constraint]) -> tuple[FittedTable, Rules]:
    source, _ = keep_rows(memory_source(table), constraints)
    config = CodecConfig(min_support=2, bins=8)
    fitted = fit_table(source, config, np.random.default_rng(0), functions=True)
    fitted, rules = govern(fitted, constraints, config.min_support)
    assert rules is not None
    return fitted, rules


def draw(fitted: FittedTable, rules: Rules, fixed: Fixed, seed: int = 0, rows: int = 150) -> pl.DataFrame:
    """Rows of a model that knows nothing: each token is any of those that the masks allow."""
    codec, rng = fitted.codec, np.random.default_rng(seed)
    conditions = codec.conditions(fixed, {})
    ruling = Ruling.of(rules, codec.columns, codec.functions, conditions)
    draws = {i: rng.random(rows) for i in range(len(codec.columns))}
    ruled = RuledRows(ruling, rows, draws, {})
    tokens: dict[int, np.ndarray] = {}
    order = list(range(len(codec.columns)))
    rng.shuffle(order)
    while order:
        i = next(i for i in order if not any(a in order and b == i for a, b in rules.edges))
        order.remove(i)
        if i in rules.totals:
            continue
        size = codec.columns[i].tokens
        mask = ruled.mask(i)
        mask = ruling.conditions.allowed.get(i, np.ones(size, np.bool_))[None] if mask is None else mask
        weights = np.where(mask, rng.random((rows, size)) + 1e-9, 0.0)
        tokens[i] = weights.argmax(axis=1).astype(np.int32)
        ruled.settle(i, tokens[i])
        while next(ruled.computed(), None):
            pass
    arrays = ruled.arrays()
    frame = {}
    for i, column in enumerate(codec.columns):
        if i in conditions.written:
            frame[column.name] = pa.repeat(conditions.written[i], rows)
        else:
            frame[column.name] = arrays[i] if i in arrays else column.decode(tokens[i], draws[i])
    return pl.DataFrame(pl.from_arrow(pa.table(frame)))


def violations(rows: pl.DataFrame, constraints: Sequence[Constraint]) -> dict[str, int]:
    """How many rows break each constraint, told by other means than those that keep them."""
    found = {}
    for c in constraints:
        if isinstance(c, RangeConstraint):
            column, broken = pl.col(c.column), pl.lit(False)
            broken = broken if c.min is None else broken | (column < c.min)
            broken = broken if c.max is None else broken | (column > c.max)
            broken &= ~_nan(rows, c.column)
        elif isinstance(c, InequalityConstraint):
            lower, high = pl.col(c.lower), pl.col(c.upper)
            low = lower if rows[c.lower].dtype != pl.Float32 else lower.cast(pl.Float64)
            sides = low + pl.lit(c.gap or 0)
            broken = (sides >= high) if c.strict else (sides > high)
            broken &= ~(_nan(rows, c.lower) | _nan(rows, c.upper))
        elif isinstance(c, SumConstraint):
            broken = ~pl.sum_horizontal(c.parts, ignore_nulls=False).eq_missing(pl.col(c.total))
        else:
            continue
        found[str(c)] = int(rows.select(broken.fill_null(False).sum()).item())
    return found


def on_the_lattice(real: np.ndarray, drawn: pl.Series) -> bool:
    """Whether whole numbers lie on the lattice of the real ones, such as multiples of 7."""
    if drawn.dtype.is_float():
        return True
    known = real[~np.isnan(real)].astype(np.int64)
    step = int(np.gcd.reduce(known - known[0]))
    return bool(((drawn.drop_nulls().to_numpy() - known[0]) % max(1, step) == 0).all())


def _nan(rows: pl.DataFrame, column: str) -> pl.Expr:
    return pl.col(column).is_nan() if rows[column].dtype.is_float() else pl.lit(False)


@st.composite
def tables(draw: st.DrawFn) -> tuple[pa.Table, tuple[Constraint, ...]]:
    """Five columns that mostly rise from one to the next, on lattices and with nulls, and constraints."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    whole = draw(st.booleans())
    values = np.cumsum(rng.integers(0, draw(st.sampled_from([2, 9, 200])), (5, ROWS)), axis=0)
    columns = {}
    for n, name in enumerate("abcde"):
        own = values[n] // (step := draw(st.sampled_from([1, 1, 7]))) * step
        nulls = rng.random(ROWS) < draw(st.sampled_from([0.0, 0.0, 0.3]))
        if whole:
            columns[name] = pa.array(own, mask=nulls)
        else:
            noise = rng.normal(size=ROWS).round(draw(st.sampled_from([1, 12])))
            type_ = draw(st.sampled_from([pa.float64(), pa.float32()]))
            columns[name] = pa.array((own + noise), mask=nulls).cast(type_)
    names = st.sampled_from("abcde")
    wanted: list[dict[str, object]] = []
    for _ in range(draw(st.integers(1, 4))):
        pair = draw(st.permutations("abcde"))[:2]
        # Mostly the way the columns rise: a circle now and then is enough.
        low, high = sorted(pair) if draw(st.integers(0, 4)) else pair
        gap = draw(st.sampled_from([None, -20, 1] if whole else [None, -20.5, 0.1]))
        wanted.append(
            {"kind": "inequality", "lower": low, "upper": high, "strict": draw(st.booleans()), "gap": gap}
        )
    if draw(st.booleans()):
        least, width = draw(st.integers(-5, 60)), draw(st.integers(0, 200))
        wanted.append({"kind": "range", "column": draw(names), "min": least, "max": least + width})
    if whole and draw(st.booleans()):
        columns["total"] = pa.compute.add(columns["a"], columns["b"])
        wanted.append({"kind": "sum", "total": "total", "parts": ["a", "b"]})
        if draw(st.booleans()):
            wanted.append({"kind": "inequality", "lower": draw(st.sampled_from("cde")), "upper": "total"})
    return pa.table(columns), written(*wanted)


@settings(max_examples=40, deadline=None, phases=[Phase.generate])
@given(tables(), st.integers(0, 1000))
def test_no_row_breaks_a_constraint_on_any_table(
    case: tuple[pa.Table, tuple[Constraint, ...]], seed: int
) -> None:
    table, constraints = case
    try:
        fitted, rules = learn(table, constraints)
    except (SpecError, SourceError):
        return
    rows = draw(fitted, rules, {}, seed)
    assert not any(violations(rows, constraints).values())
    assert all(on_the_lattice(table[name].to_numpy(), rows[name]) for name in "abcde")
    # The same under a condition: it is kept, or refused before any row is drawn.
    name = "abcde"[seed % 5]
    value = rows[name][seed % len(rows)]
    try:
        rows = draw(fitted, rules, {name: value}, seed)
    except ConditionError:
        return
    assert rows[name].eq_missing(pl.repeat(value, len(rows), dtype=rows[name].dtype, eager=True)).all()
    assert not any(violations(rows, constraints).values())


def orders() -> pa.Table:
    """Orders: dates in order, an amount made of parts, a district in a city; ten rows are wrong."""
    rng = np.random.default_rng(4)
    rows = 600
    placed = rng.integers(15_000, 15_400, rows)
    sent = placed + rng.integers(0, 30, rows)
    sent[:10] = placed[:10] - 1
    district = rng.integers(0, 12, rows)
    net, tax = rng.integers(100, 9_000, rows), rng.integers(0, 900, rows)
    return pa.table(
        {
            "placed": pa.array(placed.astype(np.int32)).cast(pa.date32()),
            "sent": pa.array(sent.astype(np.int32)).cast(pa.date32()),
            "city": pa.array([f"city {d // 4}" for d in district]),
            "district": pa.array([f"district {d}" for d in district]),
            "net": pa.array([f"{n / 100:.2f}" for n in net]).cast(pa.decimal128(10, 2)),
            "tax": pa.array([f"{n / 100:.2f}" for n in tax]).cast(pa.decimal128(10, 2)),
            "gross": pa.array([f"{n / 100:.2f}" for n in net + tax]).cast(pa.decimal128(10, 2)),
            "age": pa.array(rng.integers(15, 70, rows)),
        }
    )


ORDERS: tuple[dict[str, object], ...] = (
    {"kind": "inequality", "lower": "placed", "upper": "sent", "gap": "P0D"},
    {"kind": "sum", "total": "gross", "parts": ["net", "tax"]},
    {"kind": "dependency", "columns": ["district"], "determines": "city"},
    {"kind": "range", "column": "age", "min": 18, "max": 65},
    {"kind": "range", "column": "net", "min": "2.50"},
)


def broken_orders(rows: pl.DataFrame) -> list[int]:
    found = rows.select(
        (pl.col("placed") > pl.col("sent")).sum().alias("dates"),
        (pl.col("net") + pl.col("tax") != pl.col("gross")).sum().alias("gross"),
        (~pl.col("age").is_between(18, 65)).sum().alias("age"),
        (pl.col("net") < pl.lit("2.50").cast(pl.Decimal(10, 2))).sum().alias("net"),
    )
    cities = rows.group_by("district").agg(pl.col("city").n_unique())
    return [*found.row(0), int((cities["city"] > 1).sum())]


def fitted_orders(**options: object) -> Model:
    config = AutoregressiveConfig.model_validate(
        {"max_steps": 30, "hidden": 16, "batch_rows": 64, "constraints": ORDERS, **options}
    )
    return AutoregressiveGenerator(config).fit(memory_source(orders()), FitContext(seed=1))


def sampled(model: Model, rows: int = 2000, **conditions: Mapping[str, object]) -> pl.DataFrame:
    request = SampleRequest(seed=5, shard=0, batch=0, rows=rows, first_key=0, **conditions)  # type: ignore[arg-type]
    return pl.concat([pl.DataFrame(pl.from_arrow(batch.batch)) for batch in model.sample(request)])


@pytest.fixture(scope="module")
def model() -> Model:
    fitted = fitted_orders()
    return AutoregressiveGenerator.load(fitted.save())


def test_the_network_keeps_dates_sums_dependencies_and_ranges(model: Model) -> None:
    assert broken_orders(orders_frame := pl.DataFrame(pl.from_arrow(orders())))[0] == 10
    assert len(orders_frame) == 600
    assert not any(broken_orders(sampled(model)))


@pytest.mark.parametrize(
    "conditions",
    [
        {"fixed": {"sent": "2011-06-01"}},
        {"fixed": {"city": "city 1"}, "excluded": {"age": (30, 31, 32)}},
        {"fixed": {"net": "12.34", "age": 40}},
        {"excluded": {"district": ("district 3", "district 4")}},
    ],
    ids=["a later date", "a determined column", "a part and an age", "some districts"],
)
def test_constraints_hold_under_conditions(model: Model, conditions: dict[str, Mapping[str, object]]) -> None:
    rows = sampled(model, rows=500, **conditions)
    assert not any(broken_orders(rows))
    for name, value in conditions.get("fixed", {}).items():
        assert rows[name].cast(pl.String).unique().to_list() == [str(value)]


@pytest.mark.parametrize(
    ("fixed", "words"),
    [
        ({"age": 16}, "age"),
        ({"gross": "50.00"}, "computed"),
        ({"city": "city 0", "district": "district 5"}, "combinations of district, city"),
        ({"net": "1.50"}, "net"),
    ],
    ids=["outside a range", "a total", "no such combination", "a part below its range"],
)
def test_a_condition_outside_the_constraints_is_refused(
    model: Model, fixed: dict[str, Scalar], words: str
) -> None:
    with pytest.raises(ConditionError, match=words):
        model.check(fixed, {})


def test_rows_that_break_constraints_are_counted_and_left_out(model: Model) -> None:
    facts = model.fit_record["constraints"]
    assert isinstance(facts, dict)
    assert facts["rows_read"] == 600
    assert facts["rows_that_break"]["placed + P0D <= sent"] == 10
    assert 10 < facts["rows_left_out"] < 600
    assert model.fit_record["rows_learned_from"] == 600 - facts["rows_left_out"]


def test_equal_fits_under_constraints_give_equal_bytes(model: Model) -> None:
    assert fitted_orders().save() == model.save()


RANGE = {"kind": "range", "column": "age"}
INEQUALITY = {"kind": "inequality", "lower": "placed", "upper": "sent"}


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ([{**INEQUALITY, "lower": "plaqed"}], "plaqed"),
        ([INEQUALITY, {"kind": "inequality", "lower": "sent", "upper": "placed"}], "circle"),
        ([{**INEQUALITY, "upper": "age"}], "cannot be compared"),
        ([{**INEQUALITY, "upper": "placed"}], "itself"),
        ([{**INEQUALITY, "gap": "PT1H"}], "whole number of days|gap"),
        ([{**RANGE, "min": 60, "max": 20}], "age"),
        ([{**RANGE, "min": 30}, {**RANGE, "max": 20}], "age"),
        ([{"kind": "range", "column": "city", "min": "a"}], "city"),
        (
            [
                INEQUALITY,
                {"kind": "range", "column": "placed", "min": "2012-01-01"},
                {"kind": "range", "column": "sent", "max": "2011-01-01"},
            ],
            "no value for column",
        ),
        ([{**RANGE, "min": 200}], "no row of the source"),
        (
            [
                {"kind": "sum", "total": "gross", "parts": ["net", "tax"]},
                {"kind": "sum", "total": "tax", "parts": ["gross"]},
            ],
            "circle",
        ),
        ([{"kind": "sum", "total": "sent", "parts": ["placed"]}], "do not add up"),
        (
            [
                {"kind": "sum", "total": "gross", "parts": ["net", "tax"]},
                {"kind": "range", "column": "gross", "max": "20.00"},
            ],
            "may be anything",
        ),
        ([{"kind": "combinations", "columns": ["city", "placed"]}], "too many values"),
        (
            [{"kind": "combinations", "columns": ["city", "district"], "values": [["x", "y"]]}],
            "no row of the source",
        ),
    ],
    ids=[
        "unknown column", "two inequalities in a circle", "dates and numbers", "with itself", "finer gap",
        "empty range", "two ranges apart", "range of text", "ranges against an inequality", "range of no row",
        "sums in a circle", "sum of dates", "sum beyond its range", "combination of dates",
        "combinations never seen",
    ],
)  # fmt: skip
def test_constraints_that_cannot_be_kept_are_named_before_training(
    constraints: list[dict[str, object]], words: str
) -> None:
    table = orders()
    with pytest.raises(SpecError, match=words):
        learn(table, written(*constraints))


def test_listed_combinations_are_the_only_ones() -> None:
    listed = [["city 0", "district 1"], ["city 2", "district 9"], ["city 0", "district 2"]]
    fitted, rules = learn(
        orders(), written({"kind": "combinations", "columns": ["city", "district"], "values": listed})
    )
    rows = draw(fitted, rules, {})
    assert sorted(map(list, rows.select("city", "district").unique().rows())) == sorted(listed)


def test_dependencies_that_share_columns_hold_together() -> None:
    rng = np.random.default_rng(3)
    store = rng.integers(0, 40, 800)
    chance = rng.integers(0, 5, 800)
    table = pa.table(
        {
            "store": pa.array([f"s{n}" for n in store]),
            "town": pa.array([f"t{n // 4}" for n in store]),
            "state": pa.array([f"z{n // 12}" for n in store]),
            "shift": pa.array([f"k{n}" for n in chance]),
            "manager": pa.array([f"m{n % 7}{k}" for n, k in zip(store, chance, strict=True)]),
        }
    )
    fitted, rules = learn(
        table,
        written(
            {"kind": "dependency", "columns": ["store"], "determines": "town"},
            {"kind": "dependency", "columns": ["town"], "determines": "state"},
            {"kind": "dependency", "columns": ["store", "shift"], "determines": "manager"},
        ),
    )
    rows = draw(fitted, rules, {"state": "z1"}, rows=2000)
    assert rows["state"].unique().to_list() == ["z1"]
    for columns, result in ((["store"], "town"), (["town"], "state"), (["store", "shift"], "manager")):
        assert rows.group_by(columns).agg(pl.col(result).n_unique())[result].max() == 1


def test_a_missing_value_breaks_no_inequality_and_makes_a_sum_null() -> None:
    rng = np.random.default_rng(6)
    low = rng.integers(0, 100, 500)
    gaps = rng.random(500) < 0.4
    part = pa.array(rng.integers(0, 50, 500), mask=gaps)
    table = pa.table({"low": low, "high": pa.array(low + 5, mask=gaps), "part": part, "sum": part})
    constraints = written(
        {"kind": "inequality", "lower": "low", "upper": "high"},
        {"kind": "sum", "total": "sum", "parts": ["part"]},
    )
    fitted, rules = learn(table, constraints)
    rows = draw(fitted, rules, {}, rows=2000)
    assert not any(violations(rows, constraints).values())
    assert rows["high"].null_count() > 0
    assert rows["sum"].null_count() == rows["part"].null_count() > 0


def test_altered_rules_of_a_saved_model_are_found() -> None:
    fitted, rules = learn(orders(), written(*ORDERS))
    document, arrays = write_rules(rules)
    assert document is not None
    tuples = arrays["rules.0.tuples"].copy()
    tuples[0, 0] = 10_000
    with pytest.raises(FitError, match="tokens"):
        read_rules(document, fitted.codec.columns, Arrays({"rules.0.tuples": tuples}))
    away = document.model_copy(update={"groups": ((0, 99),)})
    with pytest.raises(FitError, match="not there"):
        read_rules(away, fitted.codec.columns, Arrays(arrays))


def test_a_bounded_column_stays_on_its_own_lattice() -> None:
    """Sevens between ones: what bounds them is rarely a multiple of seven itself."""
    rng = np.random.default_rng(8)
    low = rng.integers(0, 3000, 600)
    seven = (low + rng.integers(0, 40, 600)) // 7 * 7 + 7
    table = pa.table({"low": low, "seven": seven, "high": seven + rng.integers(0, 40, 600)})
    constraints = written(
        {"kind": "inequality", "lower": "low", "upper": "seven"},
        {"kind": "inequality", "lower": "seven", "upper": "high"},
    )
    fitted, rules = learn(table, constraints)
    assert not any(column.exact for column in fitted.codec.columns)
    rows = draw(fitted, rules, {}, rows=3000)
    assert not any(violations(rows, constraints).values())
    assert (rows["seven"] % 7 == 0).all()
