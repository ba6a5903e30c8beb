"""The safe subset of SQL: what holds, what is refused, and that nothing else gets to the parser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mintage.operators._sql import FUNCTIONS, PARTS, read_expression
from mintage.operators.expression import ExpressionConfig, ExpressionOperator

Breaks = Callable[..., list[bool]]

BATCH = pa.record_batch(
    {
        "a": pa.array([7, -7, None, 0]),
        "b": pa.array([1, 2, 3, 4]),
        "f": pa.array([1.5, float("nan"), None, 0.0]),
        "s": pa.array(["it's", "Ab%", None, "x"]).dictionary_encode(),
        "d": pa.array([date(2013, 1, 2), date(2014, 5, 6), None, date(2013, 12, 31)]),
        "t": pa.array([datetime(2013, 1, 2, 3, 4, 5), datetime(2014, 5, 6), None, datetime(2013, 1, 1)]),
        "ok": pa.array([True, False, None, True]),
        "date": pa.array([1, 2, 3, 4]),
        "interval": pa.array([1, 2, 3, 4]),
        "end": pa.array([1, 2, 3, 4]),
        'a "b".c': pa.array([1, 2, 3, 4]),
        "größe": pa.array([1, 2, 3, 4]),
    }
)


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ("a > 0", [1, 0, 1, 0]),
        ("a >= 0 and NOT a = 0", [1, 0, 1, 0]),
        ("a <> 7", [0, 1, 1, 1]),
        ("a != 7 OR b = 1", [1, 1, 1, 1]),
        ("a IS NULL", [0, 0, 1, 0]),
        ("a is not null", [1, 1, 0, 1]),
        ("a BETWEEN -7 AND 0", [0, 1, 1, 1]),
        ("a NOT BETWEEN -7 AND 0", [1, 0, 1, 0]),
        ("a IN (7, 0)", [1, 0, 1, 1]),
        ("s NOT IN ('x', 'it''s')", [0, 1, 1, 0]),
        ("s LIKE 'A_%'", [0, 1, 1, 0]),
        ("s NOT LIKE '%x%'", [1, 1, 1, 0]),
        ("s ILIKE 'ab%'", [0, 1, 1, 0]),
        ("CASE WHEN a > 0 THEN b = 1 WHEN a < 0 THEN FALSE ELSE TRUE END", [1, 0, 1, 1]),
        ("COALESCE(a, -1) > -2", [1, 0, 1, 1]),
        ("ABS(a) = 7", [1, 1, 1, 0]),
        ("LENGTH(s) = 4 OR LENGTH(s) = 3", [1, 1, 1, 0]),
        ("LOWER(s) || 'y' = 'ab%y'", [0, 1, 1, 0]),
        ("UPPER(s) = 'X'", [0, 0, 1, 1]),
        ("ROUND(f, 0) = 2", [1, 0, 1, 0]),
        ("b / 2 = 0.5", [1, 0, 0, 0]),
        ("b % 2 = 0", [0, 1, 0, 1]),
        ("b / a > 0", [1, 0, 1, 1]),
        ("(a + b) * 2 - 1 > 1e1", [1, 0, 1, 0]),
        ("YEAR(d) = 2013", [1, 0, 1, 1]),
        ("EXTRACT(MONTH FROM d) IN (1, 5)", [1, 1, 1, 0]),
        ("extract(dow from t) = 3", [1, 0, 1, 0]),
        ("d >= DATE '2013-02-01'", [0, 1, 1, 1]),
        ("t < TIMESTAMP '2013-01-02 00:00:00'", [0, 0, 1, 1]),
        ("ok", [1, 0, 1, 1]),
        ("NOT ok", [0, 1, 1, 0]),
        ("date + interval > 2", [0, 1, 1, 1]),
        ('"end" > 1', [0, 1, 1, 1]),
        ('"a ""b"".c" = 1', [1, 0, 0, 0]),
        ('"größe" = 1', [1, 0, 0, 0]),
        ("a = NULL", [1, 1, 1, 1]),
        ("s = ' -- ; /* select'", [0, 0, 1, 0]),
    ],
)
def test_an_expression_holds_for_a_row_or_not(breaks: Breaks, where: str, holds: list[int]) -> None:
    operator = ExpressionOperator(ExpressionConfig(where=where))
    assert breaks(operator, BATCH) == [not held for held in holds]


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("1 = 1", "names no column"),
        ("a > 1; DROP TABLE flights", "';' at character 6"),
        ("a > 1 -- comment", "comment at character 7"),
        ("a > 1 /* comment */", "comment at character 7"),
        ("a IN (SELECT b FROM other)", "no SQL expression"),
        ("EXISTS (SELECT 1)", "'EXISTS' at character 1"),
        ("SUM(a) > 1", "'SUM' at character 1 is no function"),
        ("MAX(a) OVER (PARTITION BY b) > 1", "'MAX' at character 1"),
        ("read_csv('x') > a", "'read_csv' at character 1"),
        ("lenght(s) > 1", "did you mean 'length'?"),
        ('"abs"(a) > 1', "is a column, not a function"),
        ("a::int > 1", "':' at character 2"),
        ("CAST(a AS int) > 1", "'CAST' at character 1"),
        ("s ~ 'x'", "'~' at character 3"),
        ("a > ?", "'?'"),
        ("a > :x", "':'"),
        ("a > $1", "'$'"),
        ("a[1] > 1", "'['"),
        ("t.a > 1", "'.'"),
        ("a > 1, b > 1", "only one expression"),
        ("(a > 1", "'(' at character 1 is never closed"),
        ("a > 1)", "')' at character 6 closes nothing"),
        ("CASE WHEN (a > 1 END)", "closes nothing"),
        ("a > 'x", "at character 5"),
        ('"a > 1', "at character 1"),
        ("a > 1x", "follows a number directly"),
        ("E'x' = s", "cannot stand before text"),
        ("EXTRACT(EPOCH FROM t) > 1", "EXTRACT knows no 'epoch'"),
        ("a >", "no SQL expression"),
        ("a > > 1", "no SQL expression"),
        ("d > DATE '2013-02-30'", "no SQL expression"),
        ("s LIKE s", "no SQL expression"),
        ("(" * 21 + "a" + ")" * 21 + " > 1", "nested more than 20 deep"),
        ("NOT " * 21 + "ok", "nested more than 20 deep"),
        ("a > 1 OR " * 300 + "a > 1", "more than 1000"),
        ("a > " + "1" * 10_000, "more than 10000"),
        ("größe = 1", "'ö' at character 3"),
        ("a > 1\0", "at character 6"),
    ],
)  # fmt: skip
def test_what_is_no_expression_of_one_row_is_refused(where: str, what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ExpressionConfig(where=where)
    assert what in str(caught.value)


def test_every_function_and_part_on_the_lists_is_known(breaks: Breaks) -> None:
    calls = {
        "coalesce": "coalesce(b, 1)", "nullif": "nullif(b, 9)", "greatest": "greatest(b, 1)",
        "least": "least(b, 1)", "mod": "mod(b, 2)", "power": "power(b, 2)", "round": "round(f, 1)",
        "replace": "length(replace(s, 'a', 'b'))",
        "substr": "length(substr(s, 1, 2))", "starts_with": "CASE WHEN starts_with(s, 'a') THEN b ELSE b END",
        "ends_with": "CASE WHEN ends_with(s, 'a') THEN b ELSE b END", "octet_length": "octet_length(s)",
        "length": "length(s)",
    }  # fmt: skip
    calls |= {name: f"length({name}(s))" for name in ("lower", "upper", "trim", "ltrim", "rtrim")}
    calls |= {
        name: f"{name}(t)" for name in ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
    }
    calls |= {name: f"{name}(f)" for name in ("abs", "ceil", "exp", "floor", "ln", "sign", "sqrt")}
    assert set(calls) == set(FUNCTIONS)
    for call in [*calls.values(), *(f"extract({part} from t)" for part in PARTS)]:
        operator = ExpressionOperator(ExpressionConfig(where=f"{call} IS NULL OR NOT {call} IS NULL"))
        assert breaks(operator, BATCH) == [False] * 4, call


@given(st.text(max_size=60) | st.text("ab01 ()'\",.*=<>-+/%;|", max_size=40))
def test_any_text_is_either_refused_or_reads_the_columns_that_it_names(text: str) -> None:
    try:
        ExpressionConfig(where=text)
    except ValidationError:
        return
    expression = read_expression(text)
    assert set(pl.sql_expr(expression.sql).meta.root_names()) <= set(expression.columns)


WORDS = [
    *"ab()1='-/*,",
    "and",
    "not",
    "in",
    "is",
    "null",
    "case",
    "when",
    "end",
    "'x'",
    "select",
    "from",
    "like",
]
WORDS += ["abs", "extract", "year", "between", '"a"', "date", "over", "true", "else"]


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12))
def test_any_words_are_either_refused_with_a_reason_or_parsed(words: list[str]) -> None:
    try:
        config = ExpressionConfig(where=" ".join(words))
    except ValidationError:
        return
    assert ExpressionOperator(config).reason.startswith("expression:")
