"""Rules as a plan has them: checked together, tags in the schema, and the action `fail`."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mintage.contracts import DatasetSchema, Operator, TableSchema
from mintage.errors import SpecError
from mintage.operators.range import RangeConfig, RangeOperator
from mintage.operators.unique import UniqueConfig, UniqueOperator
from mintage.operators.validation import BoundRule, Counts, check_rules, find_excesses, tagged_schema

TABLE = TableSchema.of("data", pa.schema({"a": pa.int64(), "b c": pa.int64(), "größe": pa.int64()}))
SCHEMA = DatasetSchema(
    tables=(TABLE, TableSchema.of("other", pa.schema({"_tags": pa.string()}))), root="data"
)


def ranged(**options: object) -> RangeOperator:
    return RangeOperator(RangeConfig.model_validate({"column": "a", "min": 0, **options}))


@pytest.mark.parametrize(
    ("rules", "message", "hint"),
    [
        ([(ranged(), "data"), (ranged(max=9), "data")], "two rules have the reason code 'range:a'", "name"),
        ([(ranged(), "dta")], "no table 'dta'", "'data'"),
        ([(ranged(above=0.5), "data")], "above has a meaning for action fail only", "action: fail"),
        ([(ranged(above=0.5, action="tag"), "data")], "not for tag", "action: fail"),
        ([(ranged(name="orphaned"), "data")], "'orphaned' cannot be a reason code", "name"),
        ([(ranged(column="b"), "data")], "no column 'b'", "known: a"),
        (
            [(UniqueOperator(UniqueConfig(columns=("_tags",), action="tag")), "other")],
            "column '_tags' already",
            "rename",
        ),
    ],
    ids=["twice", "unknown-table", "above-of-reject", "above-of-tag", "reserved", "checked", "tags-there"],
)
def test_rules_that_do_not_fit_together_are_refused(
    rules: list[tuple[Operator, str]], message: str, hint: str
) -> None:
    with pytest.raises(SpecError) as caught:
        check_rules(SCHEMA, rules)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_reason_codes_are_plain_whatever_the_columns_are_called() -> None:
    operator = UniqueOperator(UniqueConfig(columns=("b c", "größe")))
    assert operator.reason == "unique:b_c.gr__e"
    check_rules(SCHEMA, [(operator, "data"), (ranged(name="named"), "data"), (ranged(), "data")])


def test_only_tables_with_tags_have_the_column() -> None:
    rules = [BoundRule(table="data", operator=ranged())]
    assert tagged_schema(SCHEMA, rules) is SCHEMA
    tagged = tagged_schema(SCHEMA, [*rules, BoundRule(table="data", operator=ranged(action="tag"))])
    assert tagged.table("data").arrow() == TABLE.arrow().append(pa.field("_tags", pa.string()))
    assert tagged.table("other") == SCHEMA.table("other")


@pytest.mark.parametrize(
    ("action", "above", "violations", "exceeded"),
    [
        ("fail", 0.0, 0, False),
        ("fail", 0.0, 1, True),
        ("fail", 0.01, 10, False),
        ("fail", 0.01, 11, True),
        ("reject", 0.0, 1000, False),
        ("tag", 0.0, 1000, False),
    ],
)
def test_fail_tolerates_its_share_of_the_rows_drawn(
    action: str, above: float, violations: int, exceeded: bool
) -> None:
    rule = BoundRule(table="data", operator=ranged(action=action, above=above))
    counts = Counts(drawn=600, violations={"range:a": violations}) + Counts(drawn=400, accepted=5)
    found = find_excesses([rule], {"data": counts})
    assert bool(found) is exceeded
    if exceeded:
        assert str(found[0]).startswith(f"range:a: {violations} of 1,000 rows drawn of table 'data' break it")


def test_nothing_drawn_exceeds_nothing() -> None:
    assert find_excesses([BoundRule(table="data", operator=ranged(action="fail"))], {}) == ()


def test_counts_add_up() -> None:
    first = Counts(
        drawn=5,
        accepted=2,
        rejected={"a": 1},
        violations={"a": 1, "b": 2},
        tagged={"b": 1},
        orphaned=1,
        surplus=1,
    )
    second = Counts(drawn=1, rejected={"a": 1, "c": 0}, tagged={"b": 4})
    assert first + second == Counts(
        drawn=6,
        accepted=2,
        rejected={"a": 2, "c": 0},
        violations={"a": 1, "b": 2},
        tagged={"b": 5},
        orphaned=1,
        surplus=1,
    )
    assert first + Counts() == Counts() + first == first
