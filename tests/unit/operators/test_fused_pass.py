"""The fused pass says of every row what the rules say one by one."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.contracts import DatasetSchema, Operator, OperatorConfig, TableSchema
from mintage.operators._frames import to_frame
from mintage.operators.allowed import AllowedConfig, AllowedOperator
from mintage.operators.exact_copy import ExactCopyConfig, ExactCopyOperator
from mintage.operators.expression import ExpressionConfig, ExpressionOperator
from mintage.operators.length import LengthConfig, LengthOperator
from mintage.operators.range import RangeConfig, RangeOperator
from mintage.operators.regex import RegexConfig, RegexOperator
from mintage.operators.type import TypeConfig, TypeOperator
from mintage.operators.unique import UniqueConfig, UniqueOperator
from mintage.operators.validation import BatchValidator, BoundRule, Counts
from mintage.testing.sources import memory_source

SCHEMA = pa.schema({"a": pa.int64(), "f": pa.float64(), "s": pa.string()})
TABLE = TableSchema.of("data", SCHEMA)
SOURCE = memory_source(pa.table({"a": [1, None], "f": [0.0, None], "s": ["x", "x"]}, schema=SCHEMA))
MAKERS: list[tuple[type[Operator], type[OperatorConfig], dict[str, object]]] = [
    (TypeOperator, TypeConfig, {"columns": ["s"], "nullable": False}),
    (RangeOperator, RangeConfig, {"column": "f", "min": 0}),
    (AllowedOperator, AllowedConfig, {"column": "a", "values": [1, 2]}),
    (RegexOperator, RegexConfig, {"column": "s", "pattern": "x*"}),
    (LengthOperator, LengthConfig, {"column": "s", "max": 1}),
    (UniqueOperator, UniqueConfig, {"columns": ["a", "s"]}),
    (ExpressionOperator, ExpressionConfig, {"where": "a > 0 OR f > 0"}),
    (ExactCopyOperator, ExactCopyConfig, {}),
]

rows = st.fixed_dictionaries(
    {
        "a": st.none() | st.integers(0, 3),
        "f": st.none() | st.sampled_from([0.0, -0.0, 1.5, -1.0, float("nan")]),
        "s": st.none() | st.sampled_from(["", "x", "xx", "y"]),
    }
)
batches = st.lists(st.lists(rows, max_size=12), min_size=1, max_size=3)
actions = st.lists(
    st.tuples(st.integers(0, len(MAKERS) - 1), st.sampled_from(["reject", "fail", "tag"])),
    max_size=5,
    unique_by=lambda pair: pair[0],
)


def make_rule(index: int, action: str) -> BoundRule:
    operator, config, options = MAKERS[index]
    made = operator(config.model_validate({**options, "action": action}))
    return BoundRule(table="data", operator=made, prepared=made.prepare(SOURCE, TABLE))


@settings(max_examples=50)
@given(batches, actions, st.none() | st.integers(0, 12))
def test_the_fused_pass_agrees_with_the_rules_one_by_one(
    drawn: list[list[dict[str, object]]], chosen: list[tuple[int, str]], limit: int | None
) -> None:
    rules = [make_rule(index, action) for index, action in chosen]
    judges = [rule.operator.judge(TABLE, rule.prepared) for rule in rules]
    validator = BatchValidator(DatasetSchema.flat(TABLE), rules, keep_rejects=True)
    for values in drawn:
        batch = pa.RecordBatch.from_pylist(values, schema=SCHEMA)
        judged = validator.validate({"data": batch}, limit=limit)["data"]
        frame = to_frame(batch)
        broken = [frame.select(judge.violation().alias("b")).to_series().to_list() for judge in judges]
        expected = expect(rules, broken, len(values), limit)
        kept = frame.filter(pl.Series(expected.kept, dtype=pl.Boolean))
        for judge in judges:
            judge.accept(kept)
        assert judged.counts == expected.counts
        assert to_frame(judged.accepted).select(SCHEMA.names).equals(kept)
        if any(rule.tags for rule in rules):
            assert judged.accepted["_tags"].to_pylist() == expected.tags
        assert judged.rejected is not None
        assert judged.rejected["_reason"].to_list() == expected.reasons


class expect:  # reads as what it does
    """What the rules' verdicts come to, row by row."""

    def __init__(
        self, rules: list[BoundRule], broken: list[list[bool]], rows: int, limit: int | None
    ) -> None:
        every = list(zip(rules, broken, strict=True))
        first = [next((r.reason for r, b in every if b[i] and not r.tags), None) for i in range(rows)]
        fine = [reason is None for reason in first]
        self.kept = [ok and (limit is None or sum(fine[: i + 1]) <= limit) for i, ok in enumerate(fine)]
        self.reasons = [reason for reason in first if reason]
        tags = [",".join(r.reason for r, b in every if r.tags and b[i]) or None for i in range(rows)]
        self.tags = [tag for tag, keep in zip(tags, self.kept, strict=True) if keep]
        self.counts = Counts(
            drawn=rows,
            accepted=sum(self.kept),
            rejected={r.reason: first.count(r.reason) for r in rules if not r.tags},
            violations={r.reason: sum(b) for r, b in every},
            tagged={
                r.reason: sum(x and k for x, k in zip(b, self.kept, strict=True)) for r, b in every if r.tags
            },
            surplus=sum(fine) - sum(self.kept),
        )
