"""Constraints hold on every row, whatever the table, and contradictions are named before training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mintage.contracts import Scalar
from mintage.errors import ConditionError, SourceError, SpecError
from mintage.testing import memory_source
from mintage_generators.tabular.codec import CodecConfig, FittedTable, fit_table
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
    # The same under a condition: it is kept, or refused before any row is drawn.
    name = "abcde"[seed % 5]
    value = rows[name][seed % len(rows)]
    try:
        rows = draw(fitted, rules, {name: value}, seed)
    except ConditionError:
        return
    assert rows[name].eq_missing(pl.repeat(value, len(rows), dtype=rows[name].dtype, eager=True)).all()
    assert not any(violations(rows, constraints).values())
