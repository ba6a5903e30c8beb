"""Every built-in operator passes the suite that is published for third parties' operators."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mintage.contracts import Operator, OperatorConfig
from mintage.operators.allowed import AllowedConfig, AllowedOperator
from mintage.operators.exact_copy import ExactCopyConfig, ExactCopyOperator
from mintage.operators.expression import ExpressionConfig, ExpressionOperator
from mintage.operators.length import LengthConfig, LengthOperator
from mintage.operators.near_copy import NearCopyConfig, NearCopyOperator
from mintage.operators.range import RangeConfig, RangeOperator
from mintage.operators.regex import RegexConfig, RegexOperator
from mintage.operators.type import TypeConfig, TypeOperator
from mintage.operators.unique import UniqueConfig, UniqueOperator
from mintage.testing.operator_case import OperatorCase
from mintage.testing.operators import OPERATOR_CHECKS, OperatorCheck
from mintage.testing.sources import memory_source

ROWS = pa.table(
    {
        "age": pa.array([31, None, 47, -1, 31], pa.int64()),
        "name": pa.array(["Ann", None, "Bob", "x", "Ann"]),
        "kind": pa.array(["a", None, "b", "c", "a"]).dictionary_encode(),
    }
)
SOURCE = memory_source(ROWS.slice(2, 2))


def case(
    operator: type[Operator],
    config: OperatorConfig,
    breaks: list[bool],
    columns: list[str],
    *,
    source: bool = False,
) -> OperatorCase:
    return OperatorCase(
        operator=operator,
        config=config,
        rows=ROWS,
        breaks=breaks,
        columns=columns,
        source=SOURCE if source else None,
    )


F, T = False, True
CASES = {
    "type": case(
        TypeOperator, TypeConfig(columns=("age", "kind"), nullable=False), [F, T, F, F, F], ["age", "kind"]
    ),
    "range": case(RangeOperator, RangeConfig(column="age", min=0, max=40), [F, F, T, T, F], ["age"]),
    "allowed": case(
        AllowedOperator, AllowedConfig(column="kind", values=("a", "b")), [F, F, F, T, F], ["kind"]
    ),
    "allowed-source": case(
        AllowedOperator,
        AllowedConfig(column="kind", values_from="source"),
        [T, F, F, F, T],
        ["kind"],
        source=True,
    ),
    "regex": case(
        RegexOperator, RegexConfig(column="name", pattern="[A-Z][a-z]+"), [F, F, F, T, F], ["name"]
    ),
    "length": case(LengthOperator, LengthConfig(column="kind", min=1, max=0 + 1), [F, F, F, F, F], ["kind"]),
    "unique": case(UniqueOperator, UniqueConfig(columns=("name", "age")), [F, F, F, F, T], ["name", "age"]),
    "expression": case(
        ExpressionOperator,
        ExpressionConfig(where="age > 0 AND kind <> 'b'"),
        [F, F, T, T, F],
        ["age", "kind"],
    ),
    "exact_copy": case(ExactCopyOperator, ExactCopyConfig(), [F, F, T, T, F], [], source=True),
    "near_copy": case(
        NearCopyOperator,
        NearCopyConfig(columns=("age",), tolerance={"age": 5}),
        [F, F, T, T, F],
        ["age"],
        source=True,
    ),
}


@pytest.mark.parametrize("check", OPERATOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CASES)
def test_operator_passes(name: str, check: OperatorCheck) -> None:
    check(CASES[name])
