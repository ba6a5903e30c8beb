"""The fused pass: what is kept, what is counted, and what becomes of rows that belong to dropped ones."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pytest

from mintage.contracts import DatasetSchema, ForeignKey, Operator, OperatorConfig, RowJudge, TableSchema
from mintage.errors import GenerationError, PluginError
from mintage.operators.expression import ExpressionConfig, ExpressionOperator
from mintage.operators.range import RangeConfig, RangeOperator
from mintage.operators.type import TypeConfig, TypeOperator
from mintage.operators.unique import UniqueConfig, UniqueOperator
from mintage.operators.validation import BatchValidator, BoundRule, Counts

ORDERS = TableSchema(
    name="orders", columns=TableSchema.of("o", pa.schema({"id": pa.int64(), "total": pa.float64()})).columns
)
LINES = TableSchema(
    name="lines",
    columns=TableSchema.of(
        "l", pa.schema({"order": pa.int32(), "number": pa.int64(), "sku": pa.string()})
    ).columns,
    foreign_keys=(ForeignKey(columns=("order",), table="orders", references=("id",)),),
)
NOTES = TableSchema(
    name="notes",
    columns=TableSchema.of(
        "n", pa.schema({"order": pa.int64(), "line": pa.int64(), "text": pa.string()})
    ).columns,
    foreign_keys=(ForeignKey(columns=("order", "line"), table="lines", references=("order", "number")),),
)
SHOP = DatasetSchema(tables=(ORDERS, LINES, NOTES), root="orders")

BATCHES = {
    "orders": pa.record_batch({"id": [1, 2, 3, 4], "total": [5.0, -1.0, 7.0, 9.0]}),
    "lines": pa.record_batch(
        {
            "order": pa.array([1, 1, 2, 3, 4, None, 9], pa.int32()),
            "number": [1, 2, 1, 1, 1, 1, 1],
            "sku": ["a", None, "a", "b", "c", "d", "e"],
        }
    ),
    "notes": pa.record_batch(
        {
            "order": [1, 1, 2, 4, None],
            "line": [1, 2, 1, 1, 1],
            "text": ["kept", "line", "order", "limit", "free"],
        }
    ),
}


def bound(operator: Operator, table: str) -> BoundRule:
    return BoundRule(table=table, operator=operator)


POSITIVE = bound(RangeOperator(RangeConfig(column="total", min=0)), "orders")
KNOWN_SKU = bound(TypeOperator(TypeConfig(table="lines", columns=("sku",), nullable=False)), "lines")


def test_rows_of_rejected_parents_are_orphaned_and_rows_beyond_the_limit_are_surplus() -> None:
    judged = BatchValidator(SHOP, [POSITIVE, KNOWN_SKU], keep_rejects=True).validate(BATCHES, limit=2)
    assert judged["orders"].accepted["id"].to_pylist() == [1, 3]
    assert judged["lines"].accepted["sku"].to_pylist() == ["a", "b", "d", "e"]
    assert judged["notes"].accepted["text"].to_pylist() == ["kept", "free"]
    assert judged["orders"].counts == Counts(
        drawn=4, accepted=2, rejected={"range:total": 1}, violations={"range:total": 1}, surplus=1
    )
    assert judged["lines"].counts == Counts(
        drawn=7, accepted=4, rejected={"type:sku": 1}, violations={"type:sku": 1}, orphaned=1, surplus=1
    )
    assert judged["notes"].counts == Counts(drawn=5, accepted=2, orphaned=2, surplus=1)
    for table, reasons in {
        "orders": ["range:total"],
        "lines": ["type:sku", "orphaned"],
        "notes": ["orphaned"] * 2,
    }.items():
        rejected = judged[table].rejected
        assert rejected is not None
        assert rejected["_reason"].to_list() == reasons
        assert rejected.columns == [*SHOP.table(table).names, "_reason"]


def test_without_rejects_and_limit_everything_comes_back_as_it_was() -> None:
    judged = BatchValidator(SHOP, []).validate(BATCHES)
    assert all(judged[name].accepted is batch for name, batch in BATCHES.items())
    assert all(verdict.rejected is None for verdict in judged.values())
    assert judged["lines"].counts == Counts(drawn=7, accepted=7)


@pytest.mark.parametrize(("limit", "orders", "lines"), [(0, 0, 2), (1, 1, 4), (4, 4, 7), (9, 4, 7)])
def test_a_limit_without_rules_keeps_the_first_roots_and_what_belongs_to_them(
    limit: int, orders: int, lines: int
) -> None:
    judged = BatchValidator(SHOP, []).validate(BATCHES, limit=limit)
    assert judged["orders"].accepted.equals(BATCHES["orders"].slice(0, orders))
    assert judged["lines"].counts.accepted == lines
    assert judged["lines"].counts.orphaned == 0


def test_of_two_parents_with_one_key_the_one_that_stays_counts() -> None:
    batches = {
        "orders": pa.record_batch({"id": [1, 1], "total": [-1.0, 1.0]}),
        "lines": pa.record_batch({"order": pa.array([1], pa.int32()), "number": [1], "sku": ["a"]}),
    }
    judged = BatchValidator(SHOP, [POSITIVE]).validate(batches)
    assert judged["lines"].counts == Counts(drawn=1, accepted=1)


def people(
    managers: Sequence[int | None], bad: Sequence[int]
) -> tuple[DatasetSchema, dict[str, pa.RecordBatch]]:
    key = ForeignKey(columns=("manager",), table="people", references=("id",))
    columns = TableSchema.of(
        "p", pa.schema({"id": pa.int64(), "manager": pa.int64(), "ok": pa.bool_()})
    ).columns
    schema = DatasetSchema.flat(TableSchema(name="people", columns=columns, foreign_keys=(key,)))
    rows = range(len(managers))
    batch = pa.record_batch(
        {"id": list(rows), "manager": pa.array(managers, pa.int64()), "ok": [row not in bad for row in rows]}
    )
    return schema, {"people": batch}


OK = ExpressionOperator(ExpressionConfig(where="ok"))


@pytest.mark.parametrize(
    ("managers", "bad", "kept"),
    [
        ([None, 0, 1, 2], [1], [0]),
        ([1, 2, 3, None], [3], []),
        ([0, 0, 2, 2], [2], [0, 1]),
        ([1, 0, None], [0], [2]),
        ([None, 0, 0, 9, None], [1], [0, 2, 3, 4]),
    ],
    ids=["chain", "chain-upwards", "own-manager", "circle", "unknown-manager"],
)
def test_a_table_that_refers_to_itself_drops_whole_branches(
    managers: list[int | None], bad: list[int], kept: list[int]
) -> None:
    schema, batches = people(managers, bad)
    judged = BatchValidator(schema, [bound(OK, "people")]).validate(batches)["people"]
    assert judged.accepted["id"].to_pylist() == kept
    assert judged.counts.orphaned == len(managers) - len(kept) - len(bad)


def test_a_long_chain_of_references_is_dropped_to_its_end() -> None:
    rows = 50_000
    schema, batches = people([None, *range(rows - 1)], [rows // 2])
    judged = BatchValidator(schema, [bound(OK, "people")]).validate(batches)["people"]
    assert judged.counts.accepted == rows // 2
    assert judged.counts.orphaned == rows - rows // 2 - 1


def test_what_belongs_to_surplus_rows_of_the_own_table_is_surplus() -> None:
    schema, batches = people([None, 3, None, None], [])
    judged = BatchValidator(schema, []).validate(batches, limit=2)["people"]
    assert judged.accepted["id"].to_pylist() == [0]
    assert judged.counts == Counts(drawn=4, accepted=1, surplus=3)


def test_each_rejected_row_is_counted_under_the_first_rule_and_each_violation_under_its_own() -> None:
    table = TableSchema.of("data", pa.schema({"a": pa.int64()}))
    rules = [
        bound(RangeOperator(RangeConfig(column="a", min=3, action="tag", name="tagged")), "data"),
        bound(RangeOperator(RangeConfig(column="a", max=5, name="most")), "data"),
        bound(RangeOperator(RangeConfig(column="a", min=2, name="least", action="fail")), "data"),
        bound(RangeOperator(RangeConfig(column="a", max=8, name="late")), "data"),
    ]
    batch = pa.record_batch({"a": [1, 2, 3, 6, 9, None]})
    counts = BatchValidator(DatasetSchema.flat(table), rules).validate({"data": batch})["data"].counts
    assert counts.rejected == {"most": 2, "least": 1, "late": 0}
    assert counts.violations == {"tagged": 2, "most": 2, "least": 1, "late": 1}
    assert counts.tagged == {"tagged": 1}
    assert counts.drawn == counts.accepted + sum(counts.rejected.values())


def test_tags_name_every_rule_that_a_kept_row_breaks() -> None:
    table = TableSchema.of("data", pa.schema({"a": pa.int64(), "b": pa.string()}))
    rules = [
        bound(RangeOperator(RangeConfig(column="a", max=5, name="big", action="tag")), "data"),
        bound(TypeOperator(TypeConfig(columns=("b",), nullable=False, name="no.b", action="tag")), "data"),
        bound(RangeOperator(RangeConfig(column="a", max=9)), "data"),
    ]
    validator = BatchValidator(DatasetSchema.flat(table), rules)
    dirty = pa.record_batch({"a": [1, 6, 10, 7], "b": pa.array(["x", None, None, "y"])})
    judged = validator.validate({"data": dirty})["data"]
    assert judged.accepted["_tags"].to_pylist() == [None, "big,no.b", "big"]
    clean = validator.validate({"data": dirty.slice(0, 1)})["data"].accepted
    assert clean["_tags"].to_pylist() == [None]
    assert clean.schema == judged.accepted.schema == dirty.schema.append(pa.field("_tags", pa.string()))


def test_accepted_rows_keep_the_exact_arrow_schema() -> None:
    batch = pa.record_batch(
        {
            "a": pa.array([1, -1, 2], pa.int8()),
            "dictionary": pa.array(["x", "y", None]).dictionary_encode(),
            "large": pa.array(["x", "y", None], pa.large_string()),
            "seconds": pa.array([1, 2, None], pa.timestamp("s")),
            "time": pa.array([1, 2, None], pa.time32("s")),
            "huge": pa.array([1, 2, None], pa.decimal256(60, 2)),
            "half": pa.array([1, 2, None], pa.float16()),
            "fixed": pa.array([b"ab", b"cd", None], pa.binary(2)),
            "pair": pa.array([[1, 2], [3, 4], None], pa.list_(pa.int16(), 2)),
            "null": pa.nulls(3),
        }
    ).replace_schema_metadata({"a": "b"})
    schema = DatasetSchema.flat(TableSchema.of("data", batch.schema))
    rules = [
        bound(RangeOperator(RangeConfig(column="a", min=0)), "data"),
        bound(UniqueOperator(UniqueConfig(columns=tuple(batch.schema.names))), "data"),
    ]
    judged = BatchValidator(schema, rules, keep_rejects=True).validate({"data": batch})["data"]
    assert judged.accepted.schema.equals(batch.schema, check_metadata=True)
    assert judged.accepted.equals(batch.filter(pa.array([True, False, True])))
    assert judged.rejected is not None
    assert judged.rejected["dictionary"].to_list() == ["y"]


def test_judges_learn_only_of_rows_that_are_kept() -> None:
    unique = bound(UniqueOperator(UniqueConfig(columns=("id",))), "orders")
    validator = BatchValidator(SHOP, [POSITIVE, unique])
    first = pa.record_batch({"id": [1, 2, 3], "total": [1.0, -1.0, 1.0]})
    again = pa.record_batch({"id": [1, 2, 3], "total": [1.0, 1.0, 1.0]})
    assert validator.validate({"orders": first}, limit=1)["orders"].counts.surplus == 1
    assert validator.validate({"orders": again})["orders"].accepted["id"].to_pylist() == [2, 3]


def test_rows_are_judged_alike_in_one_batch_and_in_slices() -> None:
    batch = pa.record_batch({"id": [1, 2, 2, 3, 1, 4], "total": [1.0, -1.0, 2.0, None, 5.0, -3.0]})
    rules = [POSITIVE, bound(UniqueOperator(UniqueConfig(columns=("id",))), "orders")]
    pieces = BatchValidator(SHOP, rules)
    found = [pieces.validate({"orders": batch.slice(i, 1)})["orders"].accepted for i in range(batch.num_rows)]
    assert [row for piece in found for row in piece["total"].to_pylist()] == [1.0, 2.0, None]


def test_an_empty_batch_has_nothing_to_judge() -> None:
    empty = pa.record_batch({"id": pa.array([], pa.int64()), "total": pa.array([], pa.float64())})
    judged = BatchValidator(SHOP, [POSITIVE], keep_rejects=True).validate({"orders": empty}, limit=0)[
        "orders"
    ]
    assert judged.counts == Counts(rejected={"range:total": 0}, violations={"range:total": 0})
    assert judged.rejected is not None
    assert judged.rejected.height == 0


def test_a_batch_of_an_unknown_table_is_refused() -> None:
    with pytest.raises(GenerationError, match="unknown table 'line'") as caught:
        BatchValidator(SHOP, []).validate({"line": BATCHES["lines"]})
    assert "'lines'" in caught.value.hint


class GivenJudge(RowJudge):
    """A judge that says what it was made with."""

    def __init__(self, verdict: pl.Expr) -> None:
        self._verdict = verdict

    def violation(self) -> pl.Expr:
        return self._verdict


class GivenOperator(Operator):
    """Somebody's operator, with any expression."""

    def __init__(self, verdict: pl.Expr) -> None:
        super().__init__(OperatorConfig(name="given"))
        self._verdict = verdict

    @property
    def reason(self) -> str:
        return "given"

    def check(self, table: TableSchema) -> None:
        del table

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        del table, prepared
        return GivenJudge(self._verdict)


@pytest.mark.parametrize(
    ("verdict", "what"),
    [
        (pl.col("total") > 1, "1 of them null"),
        (pl.col("total"), "Float64"),
        (pl.col("total").is_null().head(1), "verdicts of type Boolean"),
        (pl.col("nothing") > 1, "could not judge rows of table 'orders'"),
        (pl.col("id").cast(pl.Int8) > 1, "could not judge"),
    ],
    ids=["null", "number", "too-few", "unknown-column", "failing"],
)
@pytest.mark.parametrize("others", [[], [POSITIVE]], ids=["alone", "after-another"])
def test_a_broken_operator_is_named(verdict: pl.Expr, what: str, others: list[BoundRule]) -> None:
    batch = pa.record_batch({"id": [1, 1000, 3], "total": [5.0, None, 7.0]})
    with pytest.raises(PluginError, match="the rule given") as caught:
        BatchValidator(SHOP, [*others, bound(GivenOperator(verdict), "orders")]).validate({"orders": batch})
    assert what in caught.value.message or others


@pytest.mark.parametrize(
    "verdict",
    [pl.any_horizontal(pl.all() == 3), pl.lit(value=False), pl.len() > 100],
    ids=["all", "constant", "length"],
)
def test_an_operator_may_read_the_whole_frame(verdict: pl.Expr) -> None:
    operator = bound(GivenOperator(verdict.fill_null(value=False)), "orders")
    rules = [operator, POSITIVE]
    judged = BatchValidator(SHOP, rules).validate({"orders": BATCHES["orders"]})["orders"]
    assert judged.counts.rejected["range:total"] == 1
