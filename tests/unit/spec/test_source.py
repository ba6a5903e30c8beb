"""Sources of one table, of several with keys, and of tables in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mintage.contracts import Semantics
from mintage.spec import SourceSpec, read_spec

Values = dict[str, Any]
Refused = Callable[[Values], str]

CUSTOMERS: Values = {"uri": "customers.csv", "primary_key": ["id"]}
ORDERS: Values = {"uri": "orders.csv", "foreign_keys": [{"columns": ["customer_id"], "table": "customers"}]}


def test_table_given_as_text_is_its_uri(base: Values) -> None:
    source = read_spec(base | {"source": {"tables": {"a": "a.csv"}}}).source

    assert source is not None
    assert source.tables["a"].uri == "a.csv"


def test_root_is_the_only_table_that_references_no_other() -> None:
    assert (
        SourceSpec.model_validate({"tables": {"orders": ORDERS, "customers": CUSTOMERS}}).root_table
        == "customers"
    )


def test_single_table_has_no_root_name() -> None:
    assert SourceSpec.model_validate({"uri": "a.csv"}).root_table is None


def test_table_may_reference_itself() -> None:
    people = {
        "uri": "p.csv",
        "primary_key": ["id"],
        "foreign_keys": [{"columns": ["boss"], "table": "people"}],
    }

    assert SourceSpec.model_validate({"tables": {"people": people}}).root_table == "people"


def test_semantics_are_read_by_name(base: Values) -> None:
    source = read_spec(base | {"source": {"uri": "a.csv", "columns": {"zip": "category"}}}).source

    assert source is not None
    assert source.columns == {"zip": Semantics.CATEGORY}


def test_table_handed_over_in_python_needs_no_source_in_the_spec() -> None:
    spec = read_spec({"name": "f", "rows": 1, "sink": {"uri": "o"}}, in_memory=True)

    assert spec.source is not None
    assert (spec.source.kind, spec.source.uri) == ("frame", None)
    assert spec.generator is not None


def test_description_of_a_table_in_memory_is_kept() -> None:
    source = {"kind": "frame", "columns": {"zip": "category"}}
    spec = read_spec({"name": "f", "rows": 1, "source": source, "sink": {"uri": "o"}}, in_memory=True)

    assert spec.source is not None
    assert spec.source.columns == {"zip": Semantics.CATEGORY}


def case(name: str, source: object, *expected: str) -> Any:  # noqa: ANN401  # pytest's own type is private
    return pytest.param(source, expected, id=name)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        case("nothing", {}, "source.uri: is missing", "kind: frame"),
        case("frame-uri", {"kind": "frame", "uri": "a"}, "source.uri: cannot stand beside kind frame", "'a'"),
        case("table-without-uri", {"tables": {"a": {}}}, "source.tables.a.uri: is missing", "name a file"),
        case("both", {"uri": "a.csv", "tables": {"a": "a.csv"}}, "source: uri cannot stand beside", "move"),
        case("root-alone", {"uri": "a.csv", "root": "a"}, "source.root: has no meaning without", "'a'"),
        case(
            "semantics",
            {"uri": "a.csv", "columns": {"zip": "categry"}},
            "source.columns.zip: must be one of 'numeric'",
            "got 'categry'",
            "did you mean 'category'?",
        ),
        case("column", {"uri": "a", "columns": {1: "key"}}, "source.columns[1]: keys must be text", "quote"),
        case(
            "unknown-root",
            {"tables": {"customers": CUSTOMERS}, "root": "customer"},
            "source.root: is not a table of this source, got 'customer'",
            "did you mean 'customers'?",
        ),
        case(
            "two-roots",
            {"tables": {"a": "a.csv", "b": "b.csv"}},
            "source.root: is missing, and 2 tables reference no other: a, b",
            "whose rows are counted",
        ),
        case(
            "unknown-table",
            {"tables": {"customers": CUSTOMERS, "orders": ORDERS | {"foreign_keys": [
                {"columns": ["c"], "table": "custmers"}]}}},
            "source.tables.orders.foreign_keys[0].table: is not a table of this source, got 'custmers'",
            "did you mean 'customers'?",
        ),
        case(
            "no-primary-key",
            {"tables": {"customers": "c.csv", "orders": ORDERS}},
            "source.tables.orders.foreign_keys[0].references: is missing",
            "primary_key to table 'customers'",
        ),
        case(
            "key-lengths",
            {"tables": {"customers": CUSTOMERS, "orders": ORDERS | {"foreign_keys": [
                {"columns": ["a", "b"], "table": "customers"}]}}},
            "source.tables.orders.foreign_keys[0].references: must have as many columns as columns (2)",
            "columns are ['a', 'b'], they reference ['id']",
        ),
        case(
            "circle",
            {"tables": {
                "a": {"uri": "a", "foreign_keys": [{"columns": ["b"], "table": "b", "references": ["id"]}]},
                "b": {"uri": "b", "foreign_keys": [{"columns": ["a"], "table": "a", "references": ["id"]}]},
            }},
            "source.tables: foreign keys go in a circle",
            "remove one of these foreign_keys",
        ),
    ],
)  # fmt: skip
def test_source_that_makes_no_sense_is_refused(
    refused: Refused, source: object, expected: tuple[str, ...]
) -> None:
    said = refused({"source": source})

    assert [part for part in expected if part not in said] == []
