"""The published conformance suite, and what is true of orders beyond it."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from mintage_orders import OrdersConfig, OrdersGenerator, OrdersModel

from mintage.contracts import SampleRequest
from mintage.testing import GENERATOR_CHECKS, GeneratorCase, GeneratorCheck, check_generator

CASE = GeneratorCase(
    generator=OrdersGenerator,
    config=OrdersConfig(most_lines=3),
    fixed={"channel": "web"},
    excluded={"channel": ("phone", "store")},
)


@pytest.mark.parametrize("check", GENERATOR_CHECKS)
def test_orders_conform(check: GeneratorCheck) -> None:
    """One test for each property that Mintage relies on."""
    check(CASE)


def test_the_suite_fits_on_one_line() -> None:
    """The same, for those who like it short."""
    check_generator(OrdersGenerator, OrdersConfig())


def test_an_order_costs_what_its_lines_cost() -> None:
    """Totals are exact sums over the other table."""
    tables = _tables(OrdersModel(OrdersConfig()))
    cents = pl.col("quantity") * (pl.col("price") * 100).cast(pl.Int64)
    percent = 100 - pl.col("discount_percent").fill_null(0).cast(pl.Int64)
    sums = tables["lines"].group_by("order_id").agg(cents=(cents * percent // 100).sum())
    totals = tables["orders"].select("order_id", total=(pl.col("total") * 100).cast(pl.Int64))
    assert totals.join(sums, on="order_id").filter(pl.col("total") != pl.col("cents")).is_empty()
    assert totals.height == sums.height


def test_every_order_has_one_to_most_lines_numbered_from_one() -> None:
    """Lines are dense in their order."""
    lines = _tables(OrdersModel(OrdersConfig(most_lines=3)))["lines"]
    numbers = lines.group_by("order_id").agg(pl.col("line_no").sort())["line_no"].unique().to_list()
    assert sorted(numbers) == [[1], [1, 2], [1, 2, 3]]


def _tables(model: OrdersModel) -> dict[str, pl.DataFrame]:
    request = SampleRequest(seed=0, shard=2, batch=0, rows=500, first_key=2**33)
    batches = {name: pa.Table.from_batches([batch]) for name, batch in model.sample(request)}
    return {name: pl.DataFrame(table) for name, table in batches.items()}
