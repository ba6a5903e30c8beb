"""The conformance suite for operators.

One test for each property, in a test suite of any plugin:

    CASE = OperatorCase(operator=EvenOperator, config=EvenConfig(column="age"), rows=ROWS, columns=["age"])

    @pytest.mark.parametrize("check", OPERATOR_CHECKS)
    def test_conformance(check: OperatorCheck) -> None:
        check(CASE)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import polars as pl
import pyarrow as pa

from mintage.contracts import Operator, OperatorConfig, RowJudge, Source, TableSchema
from mintage.errors import SpecError
from mintage.testing._configs import check_config
from mintage.testing._running import run_checks
from mintage.testing.errors import require, require_error
from mintage.testing.operator_case import OperatorCase
from mintage.testing.sources import cut_into_rows

OperatorCheck = Callable[[OperatorCase], None]
"""One property of an operator: raises `ConformanceError` when it does not hold."""

_REASON = re.compile(r"[A-Za-z0-9_.:\-]{1,100}")


def declares_its_config(case: OperatorCase) -> None:
    """The config class is frozen, forbids unknown keys, describes each field, and survives JSON."""
    check_config(case.operator, case.operator.Config, OperatorConfig, case.config)


def names_its_reason(case: OperatorCase) -> None:
    """The reason code is the config's `name` when there is one, and a plain code otherwise."""
    check = "names_its_reason"
    own = case.operator(case.config.model_copy(update={"name": None})).reason
    require(bool(_REASON.fullmatch(own)), check, f"the reason {own!r} does not match {_REASON.pattern}")
    named = case.operator(case.config.model_copy(update={"name": "given.name"})).reason
    require(named == "given.name", check, f"the config's name is 'given.name', the reason is {named!r}")


def accepts_its_table(case: OperatorCase) -> None:
    """`check` takes the case's table, and refuses with `SpecError` one that lacks a column of the rule."""
    case.make().check(case.table)
    for name in case.columns:
        kept = tuple(column for column in case.table.columns if column.name != name)
        what = f"checking a table without {name!r}, which the rule names,"
        check_poorer = partial(case.make().check, TableSchema(name="data", columns=kept))
        require_error("accepts_its_table", what, SpecError, check_poorer)


def judges_every_row(case: OperatorCase) -> None:
    """The violation is a boolean for each row, never null: for the rows, for nulls, and for no rows."""
    check = "judges_every_row"
    frame = case.frame()
    nulls = frame.clear(n=3)
    for what, rows in {"the rows": frame, "null rows": nulls, "no rows": frame.clear()}.items():
        verdict = _verdict(case.judge(), rows)
        require(
            verdict.dtype == pl.Boolean, check, f"for {what} the violation is {verdict.dtype}, not boolean"
        )
        require(
            verdict.null_count() == 0, check, f"for {what} the violation has {verdict.null_count()} nulls"
        )
        require(verdict.len() == rows.height, check, f"for {rows.height} of {what}, {verdict.len()} verdicts")
    if case.breaks is not None:
        verdict = _verdict(case.judge(), frame)
        require(
            verdict.to_list() == list(case.breaks),
            check,
            f"expected {case.breaks}, judged {verdict.to_list()}",
        )


def judges_repeatably(case: OperatorCase) -> None:
    """Two judges of the same batches come to the same verdicts; asking twice changes nothing."""
    check = "judges_repeatably"
    first, second = (_verdicts(case.judge(), case.frame()) for _ in range(2))
    require(first == second, check, f"two judges of the same batches: {first}, then {second}")
    judge, asked_before = case.judge(), case.judge()
    asked_before.violation()
    once, twice = _verdict(judge, case.frame()), _verdict(asked_before, case.frame())
    require(once.equals(twice), check, f"asked once {once.to_list()}, asked twice {twice.to_list()}")


def prepares_the_same(case: OperatorCase) -> None:
    """`prepare` is a pure function of the source and the config, however the source is cut into batches."""
    check = "prepares_the_same"
    sources = {"again": case.source, "from batches of one row": case.source and cut_into_rows(case.source)}
    first = case.make().prepare(case.source, case.table)
    require(isinstance(first, bytes), check, f"prepared {type(first).__name__}, not bytes")
    for when, source in sources.items():
        second = case.make().prepare(source, case.table)
        require(first == second, check, f"prepared {len(first)} bytes, {when} {len(second)} other ones")


OPERATOR_CHECKS: tuple[OperatorCheck, ...] = (
    declares_its_config,
    names_its_reason,
    accepts_its_table,
    judges_every_row,
    judges_repeatably,
    prepares_the_same,
)
"""Every property that the platform relies on; the names of the functions name the tests."""


def check_operator(
    operator: type[Operator],
    config: OperatorConfig,
    rows: pa.Table,
    *,
    breaks: Sequence[bool] | None = None,
    columns: Sequence[str] = (),
    source: Source | None = None,
) -> None:
    """Run all checks; raises `ConformanceError` for the first property that does not hold.

    `breaks` says which of the rows break the rule, `columns` which columns the config names.
    """
    case = OperatorCase(operator=operator, config=config, rows=rows, columns=columns, source=source)
    run_checks(OPERATOR_CHECKS, replace(case, breaks=breaks))


def _verdict(judge: RowJudge, rows: pl.DataFrame) -> pl.Series:
    return rows.select(judge.violation().alias("violation")).to_series()


def _verdicts(judge: RowJudge, frame: pl.DataFrame) -> list[bool]:
    """The verdicts on the rows in two batches, with the rows that were kept given to `accept`."""
    found: list[bool] = []
    middle = frame.height // 2
    for rows in (frame.slice(0, middle), frame.slice(middle)):
        verdict = _verdict(judge, rows)
        judge.accept(rows.filter(~verdict))
        found += verdict.to_list()
    return found
