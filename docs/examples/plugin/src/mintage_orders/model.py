"""The model: orders numbered by the request's keys, and one to a few lines for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time

import numpy as np
import pyarrow as pa

from mintage.contracts import (
    ColumnSchema,
    DatasetSchema,
    ForeignKey,
    Model,
    SampleRequest,
    Scalar,
    Semantics,
    TableBatch,
    TableSchema,
)
from mintage.errors import ConditionError
from mintage_orders._columns import Integers, choices, moments, money, percent_or_null
from mintage_orders.config import OrdersConfig

FILE = "orders.json"
"""The one file of a saved model."""

_PRODUCTS = ("pen", "notebook", "lamp", "chair", "desk", "shelf")
_CENTS = np.array([195, 450, 3990, 12900, 34900, 18950])
_DAY_SECONDS = 24 * 60 * 60


def _column(name: str, type_: pa.DataType, semantics: Semantics, *, nullable: bool = False) -> ColumnSchema:
    return ColumnSchema(name=name, type=type_, semantics=semantics, nullable=nullable)


_ORDERS = TableSchema(
    name="orders",
    columns=(
        _column("order_id", pa.int64(), Semantics.KEY),
        _column("ordered_at", pa.timestamp("us", "UTC"), Semantics.DATETIME),
        _column("channel", pa.string(), Semantics.CATEGORY),
        _column("total", pa.decimal128(12, 2), Semantics.NUMERIC),
    ),
    primary_key=("order_id",),
)
_LINES = TableSchema(
    name="lines",
    columns=(
        _column("order_id", pa.int64(), Semantics.KEY),
        _column("line_no", pa.int32(), Semantics.KEY),
        _column("product", pa.string(), Semantics.CATEGORY),
        _column("quantity", pa.int32(), Semantics.NUMERIC),
        _column("price", pa.decimal128(12, 2), Semantics.NUMERIC),
        _column("discount_percent", pa.int8(), Semantics.NUMERIC, nullable=True),
    ),
    primary_key=("order_id", "line_no"),
    foreign_keys=(ForeignKey(columns=("order_id",), table="orders", references=("order_id",)),),
)
_SCHEMA = DatasetSchema(tables=(_ORDERS, _LINES), root="orders")


class OrdersModel(Model):
    """Makes orders; the total of an order is the sum of its lines."""

    def __init__(self, config: OrdersConfig) -> None:
        self._config = config

    @property
    def schema(self) -> DatasetSchema:
        """Orders, and lines that reference them."""
        return _SCHEMA

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Accept conditions on `channel` that leave at least one of the configured ones."""
        if other := sorted({*fixed, *excluded} - {"channel"}):
            raise ConditionError(
                f"orders take conditions on 'channel' only, not on {other}", "remove the others"
            )
        if not self._allowed(fixed, excluded):
            raise ConditionError(
                f"no channel is left with fixed {dict(fixed)} and excluded {dict(excluded)}",
                f"known channels: {', '.join(self._config.channels)}",
            )

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """Yield the orders, then all of their lines."""
        rng = request.rng()
        keys = np.arange(request.first_key, request.first_key + request.rows, dtype=np.int64)
        counts = rng.integers(1, self._config.most_lines + 1, request.rows)
        lines, cents = _make_lines(rng, keys, counts)
        # An order has at least one line, so every slice that reduceat sums has a beginning of its own.
        totals = np.add.reduceat(cents, np.cumsum(counts) - counts)
        yield TableBatch("orders", self._make_orders(rng, request, keys, totals))
        yield TableBatch("lines", lines)

    def save(self) -> dict[str, bytes]:
        """The config as JSON with sorted keys."""
        values = self._config.model_dump(mode="json")
        return {FILE: json.dumps(values, sort_keys=True).encode()}

    def _make_orders(
        self, rng: np.random.Generator, request: SampleRequest, keys: Integers, totals: Integers
    ) -> pa.RecordBatch:
        channels = self._allowed(request.fixed, request.excluded)
        weights = np.array([self._config.channels[name] for name in channels])
        codes = rng.choice(len(channels), request.rows, p=weights / weights.sum())
        start = int(datetime.combine(self._config.first_day, time(), UTC).timestamp())
        seconds = start + rng.integers(0, self._config.days * _DAY_SECONDS, request.rows)
        columns = [pa.array(keys), moments(seconds), choices(channels, codes), money(totals)]
        return pa.record_batch(columns, schema=_ORDERS.arrow())

    def _allowed(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> list[str]:
        # Sorted, because a loaded model must not depend on the order of the keys in a file.
        known = [name for name in sorted(self._config.channels) if name not in excluded.get("channel", ())]
        return [name for name in known if name == fixed.get("channel", name)]


def _make_lines(
    rng: np.random.Generator, keys: Integers, counts: Integers
) -> tuple[pa.RecordBatch, Integers]:
    """The lines of all orders, and what each costs in cents."""
    total = int(counts.sum())
    first_lines = np.repeat(np.cumsum(counts) - counts, counts)
    products = rng.integers(0, len(_PRODUCTS), total)
    quantities = rng.integers(1, 10, total)
    discounted = rng.random(total) < 0.2
    percents = np.where(discounted, rng.integers(5, 31, total), 0)
    prices = _CENTS[products]
    columns = [
        pa.array(np.repeat(keys, counts)),
        pa.array((np.arange(total) - first_lines + 1).astype(np.int32)),
        choices(_PRODUCTS, products),
        pa.array(quantities.astype(np.int32)),
        money(prices),
        percent_or_null(percents, discounted),
    ]
    return pa.record_batch(columns, schema=_LINES.arrow()), quantities * prices * (100 - percents) // 100
