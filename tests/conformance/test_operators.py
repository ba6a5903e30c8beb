"""Every operator that comes with Mintage keeps the contract that a third party's has to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pytest

from mintage.contracts import Operator
from mintage.operators.allowed import AllowedOperator
from mintage.operators.exact_copy import ExactCopyOperator
from mintage.operators.expression import ExpressionOperator
from mintage.operators.length import LengthOperator
from mintage.operators.near_copy import NearCopyOperator
from mintage.operators.range import RangeOperator
from mintage.operators.regex import RegexOperator
from mintage.operators.type import TypeOperator
from mintage.operators.unique import UniqueOperator
from mintage.testing import OPERATOR_CHECKS, OperatorCase, OperatorCheck, memory_source

NOON = datetime(2024, 3, 1, 12)
ROWS = pa.table(
    {
        "code": pa.array(["a1", "B2", None, "a1", ""], pa.string()),
        "age": pa.array([31, -1, None, 47, 200], pa.int64()),
        "share": pa.array([0.5, float("nan"), None, 1.5, 0.0], pa.float64()),
        "seen": pa.array([NOON, NOON.replace(year=1999), None, NOON, NOON], pa.timestamp("us", "UTC")),
    }
)
SOURCE = memory_source(ROWS.slice(0, 2))
YES, NO = True, False


def case(
    operator: type[Operator], config: Mapping[str, object], breaks: Sequence[bool], *columns: str
) -> OperatorCase:
    return OperatorCase(
        operator=operator,
        config=operator.Config.model_validate(config),
        rows=ROWS,
        breaks=breaks,
        columns=columns,
        source=SOURCE,
    )


CASES = {
    "type": case(TypeOperator, {"columns": ["age"], "nullable": False}, [NO, NO, YES, NO, NO], "age"),
    "type-of": case(TypeOperator, {"columns": ["age"], "type": "int8"}, [NO, NO, NO, NO, YES], "age"),
    "range": case(RangeOperator, {"column": "age", "min": 0, "max": 120}, [NO, YES, NO, NO, YES], "age"),
    "range-of-times": case(
        RangeOperator, {"column": "seen", "min": "2000-01-01T00:00:00Z"}, [NO, YES, NO, NO, NO], "seen"
    ),
    "allowed": case(AllowedOperator, {"column": "code", "values": ["a1", ""]}, [NO, YES, NO, NO, NO], "code"),
    "allowed-by-source": case(
        AllowedOperator, {"column": "code", "values_from": "source"}, [NO, NO, NO, NO, YES], "code"
    ),
    "regex": case(RegexOperator, {"column": "code", "pattern": "[a-z][0-9]"}, [NO, YES, NO, NO, YES], "code"),
    "length": case(LengthOperator, {"column": "code", "min": 1}, [NO, NO, NO, NO, YES], "code"),
    "unique": case(UniqueOperator, {"columns": ["code"]}, [NO, NO, NO, YES, NO], "code"),
    "expression": case(
        ExpressionOperator, {"where": "age >= 0 AND code <> ''"}, [NO, YES, NO, NO, YES], "age", "code"
    ),
    "exact-copy": case(
        ExactCopyOperator, {"columns": ["code", "age"]}, [YES, YES, NO, NO, NO], "code", "age"
    ),
    "exact-copy-of-all": case(ExactCopyOperator, {}, [YES, YES, NO, NO, NO]),
    "near-copy": case(
        NearCopyOperator,
        {"columns": ["code", "age"], "tolerance": {"age": 16}},
        [YES, YES, NO, YES, NO],
        "age",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("check", OPERATOR_CHECKS)
def test_an_operator_conforms(case: OperatorCase, check: OperatorCheck) -> None:
    check(case)
