"""What operators refuse before anything is minted, and what they say then."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pydantic import ValidationError

from mintage.contracts import Operator, TableSchema
from mintage.errors import SpecError
from mintage.operators.allowed import AllowedConfig, AllowedOperator
from mintage.operators.exact_copy import ExactCopyConfig, ExactCopyOperator
from mintage.operators.expression import ExpressionConfig, ExpressionOperator
from mintage.operators.length import LengthConfig, LengthOperator
from mintage.operators.near_copy import NearCopyConfig, NearCopyOperator
from mintage.operators.range import RangeConfig, RangeOperator
from mintage.operators.regex import RegexConfig, RegexOperator
from mintage.operators.type import TypeConfig, TypeOperator
from mintage.operators.unique import UniqueConfig, UniqueOperator

TABLE = TableSchema.of(
    "flights",
    pa.schema(
        {
            "dep_delay": pa.int64(),
            "air_time": pa.float64(),
            "fare": pa.decimal128(8, 2),
            "huge": pa.decimal256(50, 2),
            "carrier": pa.string(),
            "photo": pa.binary(),
            "day": pa.date32(),
            "departed": pa.timestamp("us"),
            "scheduled": pa.timestamp("us", "UTC"),
            "cancelled": pa.bool_(),
            "stops": pa.list_(pa.string()),
            "small": pa.uint8(),
            "^odd$": pa.int64(),
            "*": pa.int64(),
        }
    ),
)

UNKNOWN: dict[str, Operator] = {
    "type": TypeOperator(TypeConfig(columns=("dep_dely",), nullable=False)),
    "range": RangeOperator(RangeConfig(column="dep_dely", min=0)),
    "allowed": AllowedOperator(AllowedConfig(column="dep_dely", values=(1,))),
    "regex": RegexOperator(RegexConfig(column="dep_dely", pattern="a")),
    "length": LengthOperator(LengthConfig(column="dep_dely", max=1)),
    "unique": UniqueOperator(UniqueConfig(columns=("dep_dely",))),
    "expression": ExpressionOperator(ExpressionConfig(where="dep_dely > 0")),
    "exact_copy": ExactCopyOperator(ExactCopyConfig(columns=("dep_dely",))),
    "near_copy": NearCopyOperator(NearCopyConfig(columns=("dep_dely",))),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_column_is_refused_with_the_nearest_name(name: str) -> None:
    with pytest.raises(SpecError, match="no column 'dep_dely'") as caught:
        UNKNOWN[name].check(TABLE)
    assert "'dep_delay'" in caught.value.hint


MEANINGLESS: dict[str, tuple[Operator, str]] = {
    "type-says-nothing": (
        TypeOperator(TypeConfig(columns=("day",))),
        "neither names a type nor forbids nulls",
    ),
    "type-impossible": (TypeOperator(TypeConfig(columns=("day",), type="int64")), "'day' is date32"),
    "type-unknown": (TypeOperator(TypeConfig(columns=("day",), type="integer")), "'integer'"),
    "range-of-text": (RangeOperator(RangeConfig(column="carrier", min=0)), "'carrier' is string"),
    "range-of-booleans": (RangeOperator(RangeConfig(column="cancelled", min=0)), "'cancelled' is bool"),
    "range-of-lists": (RangeOperator(RangeConfig(column="stops", min=0)), "'stops' is list"),
    "range-of-huge-decimals": (RangeOperator(RangeConfig(column="huge", min=0)), "'huge' is decimal256"),
    "range-without-limits": (RangeOperator(RangeConfig(column="dep_delay")), "neither a min nor a max"),
    "range-turned": (
        RangeOperator(RangeConfig(column="dep_delay", min=2, max=1)),
        "min 2 is greater than max 1",
    ),
    "range-turned-dates": (
        RangeOperator(RangeConfig(column="day", min="2014-01-01", max="2013-01-01")),
        "greater",
    ),
    "range-empty": (
        RangeOperator(RangeConfig(column="air_time", min=1, max=1, max_inclusive=False)),
        "nothing lies",
    ),
    "range-fraction-of-integers": (
        RangeOperator(RangeConfig(column="dep_delay", min=0.5)),
        "0.5 is no value",
    ),
    "range-beyond-the-type": (RangeOperator(RangeConfig(column="small", max=256)), "256 is no value"),
    "range-text-for-float": (RangeOperator(RangeConfig(column="air_time", min="a")), "'a' is no value"),
    "range-too-fine": (RangeOperator(RangeConfig(column="fare", max="0.001")), "'0.001' is no value"),
    "range-no-date": (RangeOperator(RangeConfig(column="day", max="2013-02-30")), "'2013-02-30' is no value"),
    "range-number-for-date": (RangeOperator(RangeConfig(column="day", max=3)), "3 is no value"),
    "range-zone-missing": (RangeOperator(RangeConfig(column="scheduled", max="2013-01-01")), "is no value"),
    "range-zone-too-much": (
        RangeOperator(RangeConfig(column="departed", max="2013-01-01T00:00Z")),
        "is no value",
    ),
    "allowed-nothing": (AllowedOperator(AllowedConfig(column="carrier", values=())), "empty list"),
    "allowed-neither": (AllowedOperator(AllowedConfig(column="carrier")), "either values or values_from"),
    "allowed-both": (
        AllowedOperator(AllowedConfig(column="carrier", values=("a",), values_from="source")),
        "either values or values_from",
    ),
    "allowed-number-for-text": (
        AllowedOperator(AllowedConfig(column="carrier", values=("a", 1))),
        "1 is no value",
    ),
    "allowed-boolean-for-number": (
        AllowedOperator(AllowedConfig(column="dep_delay", values=(True,))),
        "True is no",
    ),
    "allowed-bytes": (AllowedOperator(AllowedConfig(column="photo", values=("a",))), "'photo' is binary"),
    "regex-of-numbers": (RegexOperator(RegexConfig(column="dep_delay", pattern="1")), "'dep_delay' is int64"),
    "length-of-numbers": (LengthOperator(LengthConfig(column="dep_delay", max=1)), "'dep_delay' is int64"),
    "length-characters-of-bytes": (LengthOperator(LengthConfig(column="photo", max=1)), "characters of text"),
    "length-without-limits": (LengthOperator(LengthConfig(column="carrier")), "neither a min nor a max"),
    "length-turned": (
        LengthOperator(LengthConfig(column="carrier", min=2, max=1)),
        "min 2 is greater than max 1",
    ),
    "unique-twice": (UniqueOperator(UniqueConfig(columns=("day", "day"))), "'day' more than once"),
    "pattern-name": (UniqueOperator(UniqueConfig(columns=("^odd$",))), "reads as a pattern"),
    "star-name": (ExactCopyOperator(ExactCopyConfig(columns=("*",))), "reads as a pattern"),
    "near-tolerance-elsewhere": (
        NearCopyOperator(NearCopyConfig(columns=("day",), tolerance={"dep_delay": 1})),
        "none of its columns",
    ),
    "near-tolerance-of-text": (
        NearCopyOperator(NearCopyConfig(columns=("carrier",), tolerance={"carrier": 1})),
        "'carrier' is string",
    ),
    "expression-number": (ExpressionOperator(ExpressionConfig(where="dep_delay + 1")), "not true or false"),
    "expression-mixed-types": (
        ExpressionOperator(ExpressionConfig(where="carrier > 1")),
        "cannot be evaluated",
    ),
    "expression-date-as-text": (
        ExpressionOperator(ExpressionConfig(where="day > '2013-01-01'")),
        "cannot be",
    ),
    "expression-wrong-function": (
        ExpressionOperator(ExpressionConfig(where="YEAR(carrier) > 1")),
        "cannot be",
    ),
}


@pytest.mark.parametrize("name", MEANINGLESS)
def test_a_rule_that_makes_no_sense_is_refused_with_a_hint(name: str) -> None:
    operator, message = MEANINGLESS[name]
    with pytest.raises(SpecError) as caught:
        operator.check(TABLE)
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "place", "what"),
    [
        ("ab(", "character 3", "unclosed group"),
        ("[z-a]", "character 2", "invalid character class range"),
        ("é(", "character 2", "unclosed group"),
        (r"(a)\1", "character 4", "backreferences"),
        ("(?=a)", "character 1", "look-around"),
        ("a)|(b", "character 2", "unopened group"),
        ("a{1000}{1000}{100}", "", "size limit"),
        ("(?x)a # b", "", "unclosed group"),
    ],
)
def test_a_bad_pattern_is_refused_with_its_place(pattern: str, place: str, what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RegexConfig(column="c", pattern=pattern)
    assert what in str(caught.value)
    assert place in str(caught.value)


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (RangeConfig, {"column": "c", "min": True}),
        (RangeConfig, {"column": "c", "min": float("nan")}),
        (RangeConfig, {"column": "c", "min": float("inf")}),
        (AllowedConfig, {"column": "c", "values": [None]}),
        (AllowedConfig, {"column": "c", "values_from": "somewhere"}),
        (LengthConfig, {"column": "c", "min": -1}),
        (LengthConfig, {"column": "c", "min": 2**40}),
        (LengthConfig, {"column": "c", "min": 1.5}),
        (UniqueConfig, {"columns": []}),
        (TypeConfig, {"columns": []}),
        (ExactCopyConfig, {"columns": []}),
        (NearCopyConfig, {"columns": []}),
        (NearCopyConfig, {"columns": ["a"], "tolerance": {"a": 0}}),
        (NearCopyConfig, {"columns": ["a"], "tolerance": {"a": float("inf")}}),
        (NearCopyConfig, {"columns": list("abcd"), "tolerance": dict.fromkeys("abcd", 1)}),
        (RegexConfig, {"column": "c", "pattern": ""}),
        (RegexConfig, {"column": "c", "pattern": "a" * 10_001}),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else value.__name__,
)
def test_a_wrong_option_is_refused(config: type[RangeConfig], options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        config.model_validate(options)
