"""The examples of docs/operators.md are rules that work, and it names every option there is."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from mintage.contracts import Operator, OperatorConfig, TableSchema
from mintage.operators._sql import FUNCTIONS, PARTS

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "operators.md").read_text(encoding="utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]
RULES = [rule for block in BLOCKS for rule in (block["validate"] if isinstance(block, dict) else block)]
FLIGHTS = TableSchema.of(
    "flights",
    pa.schema(
        {name: pa.int64() for name in ("year", "month", "day", "dep_time", "arr_time", "dep_delay", "flight")}
        | {name: pa.string() for name in ("carrier", "origin", "tailnum", "postcode")}
        | {"distance": pa.float64(), "time_hour": pa.timestamp("us")}
    ),
)
KINDS = {point.name: point for point in entry_points(group="mintage.operators") if point.dist is not None}


def built_in() -> dict[str, type[Operator]]:
    return {
        name: point.load() for name, point in KINDS.items() if point.value.startswith("mintage.operators.")
    }


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_an_example_is_a_rule_for_flights(rule: dict[str, object]) -> None:
    operator = built_in()[str(rule["kind"])]
    config = operator.Config.model_validate({key: value for key, value in rule.items() if key != "kind"})
    operator(config).check(FLIGHTS)


def test_every_operator_and_option_is_described() -> None:
    assert {str(rule["kind"]) for rule in RULES} == set(built_in())
    for kind, operator in built_in().items():
        section = TEXT.split(f"\n## `{kind}`\n")[1].split("\n## ")[0]
        options = set(operator.Config.model_fields) - set(OperatorConfig.model_fields)
        assert {name for name in options if f"`{name}`" not in section} == set()


def test_every_function_and_part_of_expressions_is_listed() -> None:
    section = TEXT.split("\n## `expression`\n")[1].split("\n## ")[0]
    listed = re.search(r"functions: `([^`]+)`", section)
    assert listed is not None
    assert tuple(listed[1].lower().split()) == FUNCTIONS
    assert ", ".join(PARTS) in " ".join(section.split())
