"""The operator checks let a sound operator pass, and each fault fails the check that is about it."""

# ruff: noqa: ARG002  # to ignore what one is given is what many of these faults are

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import ClassVar

import polars as pl
import pyarrow as pa
import pytest
from pydantic import ConfigDict, Field

from mintage.contracts import Operator, OperatorConfig, RowJudge, Source, TableSchema
from mintage.testing import (
    OPERATOR_CHECKS,
    ConformanceError,
    OperatorCase,
    OperatorCheck,
    check_operator,
    memory_source,
)

CHECKS = {check.__name__: check for check in OPERATOR_CHECKS}
ROWS = pa.table({"age": pa.array([1, -1, None, 3], pa.int64())})
BREAKS = (False, True, False, False)


class SoundConfig(OperatorConfig):
    column: str = Field(default="age", description="What must not be negative.")


class SoundJudge(RowJudge):
    def violation(self) -> pl.Expr:
        return (pl.col("age") < 0).fill_null(value=False)


class Sound(Operator):
    Config: ClassVar[type[OperatorConfig]] = SoundConfig
    judged: ClassVar[type[RowJudge]] = SoundJudge

    @property
    def reason(self) -> str:
        return self.config.name or "positive:age"

    def check(self, table: TableSchema) -> None:
        table.column("age")

    def prepare(self, source: Source | None, table: TableSchema) -> bytes:
        assert source
        return str(sum(batch.num_rows for batch in source.scan())).encode()

    def judge(self, table: TableSchema, prepared: bytes) -> RowJudge:
        return self.judged()


class NamesNothing(Sound):
    @property
    def reason(self) -> str:
        return ""


class IgnoresItsName(Sound):
    @property
    def reason(self) -> str:
        return "positive:age"


class AcceptsEveryTable(Sound):
    def check(self, table: TableSchema) -> None:
        return


class RefusesWithForeignErrors(Sound):
    def check(self, table: TableSchema) -> None:
        {column.name: column for column in table.columns}["age"]


class LeavesNulls(Sound):
    class judged(RowJudge):
        def violation(self) -> pl.Expr:
            return pl.col("age") < 0


class CountsInsteadOfJudging(Sound):
    class judged(RowJudge):
        def violation(self) -> pl.Expr:
            return (pl.col("age") < 0).fill_null(value=False).cast(pl.Int8)


class JudgesTheBatchAsOne(Sound):
    class judged(RowJudge):
        def violation(self) -> pl.Expr:
            return (pl.col("age") < 0).fill_null(value=False).any()


class JudgesWrongly(Sound):
    class judged(RowJudge):
        def violation(self) -> pl.Expr:
            return pl.col("age").is_null()


class ChangesItsMind(Sound):
    class judged(RowJudge):
        turns: Iterator[bool] = itertools.cycle([False, False, True, False, True])

        def violation(self) -> pl.Expr:
            return pl.repeat(next(self.turns), pl.len(), dtype=pl.Boolean)


class CountsHowOftenItIsAsked(Sound):
    class judged(RowJudge):
        asked = 0

        def violation(self) -> pl.Expr:
            self.asked += 1
            return (pl.col("age") < 10 * (self.asked - 1)).fill_null(value=False)


class PreparesByChance(Sound):
    numbers = itertools.count()

    def prepare(self, source: Source | None, table: TableSchema) -> bytes:
        return str(next(self.numbers)).encode()


class PreparesByTheBatch(Sound):
    def prepare(self, source: Source | None, table: TableSchema) -> bytes:
        assert source
        return str([batch.num_rows for batch in source.scan()]).encode()


class OpenConfig(SoundConfig):
    model_config = ConfigDict(extra="ignore")


class HasAnOpenConfig(Sound):
    Config = OpenConfig


FAULTS = [
    ("declares_its_config", HasAnOpenConfig, "accepts unknown keys"),
    ("names_its_reason", NamesNothing, "the reason '' does not match"),
    ("names_its_reason", IgnoresItsName, "the reason is 'positive:age'"),
    (
        "accepts_its_table",
        AcceptsEveryTable,
        "checking a table without 'age', which the rule names, did not raise",
    ),
    ("accepts_its_table", RefusesWithForeignErrors, "KeyError instead of SpecError"),
    ("judges_every_row", LeavesNulls, "for the rows the violation has 1 nulls"),
    ("judges_every_row", CountsInsteadOfJudging, "is Int8, not boolean"),
    ("judges_every_row", JudgesTheBatchAsOne, "for 4 of the rows, 1 verdicts"),
    ("judges_every_row", JudgesWrongly, "expected"),
    ("judges_repeatably", ChangesItsMind, "two judges of the same batches"),
    ("judges_repeatably", CountsHowOftenItIsAsked, "asked once"),
    ("prepares_the_same", PreparesByChance, "prepared 1 bytes, again 1 other ones"),
    ("prepares_the_same", PreparesByTheBatch, "from batches of one row"),
]


def case_of(operator: type[Operator]) -> OperatorCase:
    return OperatorCase(
        operator=operator,
        config=operator.Config(),
        rows=ROWS,
        breaks=BREAKS,
        columns=["age"],
        source=memory_source(ROWS),
    )


@pytest.mark.parametrize("check", OPERATOR_CHECKS)
def test_a_sound_operator_passes(check: OperatorCheck) -> None:
    check(case_of(Sound))


@pytest.mark.parametrize(
    ("check", "operator", "evidence"), FAULTS, ids=[fault[1].__name__ for fault in FAULTS]
)
def test_a_fault_is_found_with_evidence(check: str, operator: type[Operator], evidence: str) -> None:
    with pytest.raises(ConformanceError, match=evidence):
        CHECKS[check](case_of(operator))


def test_no_check_is_without_a_fault_that_it_finds() -> None:
    assert {check for check, _, _ in FAULTS} == set(CHECKS)


def test_the_one_line_runs_all_checks() -> None:
    source = memory_source(ROWS)
    check_operator(Sound, SoundConfig(), ROWS, breaks=BREAKS, columns=["age"], source=source)
    with pytest.raises(ConformanceError, match="judges_every_row"):
        check_operator(JudgesWrongly, SoundConfig(), ROWS, breaks=BREAKS, columns=["age"], source=source)
