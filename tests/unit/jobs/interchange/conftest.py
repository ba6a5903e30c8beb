"""A version of two tables with all kinds of columns, described as a run would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mintage.contracts import ColumnSchema, DatasetSchema, ForeignKey, TableSchema
from mintage.jobs.interchange.described import Described, Listing
from mintage.provenance.attachments import describe
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Facts
from mintage.provenance.lineage import unattested
from mintage.provenance.statements import Folded
from mintage.provenance.totals import Totals
from mintage.spec import DatasheetSpec
from tests.unit.evaluation.report.sample_reports import make_report

HOSTILE = "<script>alert('x')</script> | *b* [c](d) `e` \u202eltr\nsecond"

ORDERS = TableSchema(
    name="orders",
    columns=tuple(
        ColumnSchema.of(field)
        for field in pa.schema(
            [
                pa.field("id", pa.int64(), nullable=False),
                pa.field("city, [x]", pa.dictionary(pa.int32(), pa.string())),
                pa.field("paid", pa.decimal128(10, 2)),
                pa.field("vector", pa.list_(pa.float32(), 3)),
                pa.field("tags", pa.list_(pa.list_(pa.string()))),
                pa.field("day", pa.date32()),
                pa.field("at", pa.timestamp("us", "UTC")),
                pa.field("hour", pa.time32("s")),
                pa.field("ok", pa.bool_()),
                pa.field("small", pa.uint8()),
                pa.field("raw", pa.binary()),
                pa.field(HOSTILE, pa.float64()),
            ]
        )
    ),
    primary_key=("id",),
)
LINES = TableSchema(
    name="lines",
    columns=tuple(
        ColumnSchema.of(field) for field in pa.schema({"order": pa.int64(), "price": pa.float64()})
    ),
    foreign_keys=(ForeignKey(columns=("order",), table="orders", references=("id",)),),
)
SCHEMA = DatasetSchema(tables=(ORDERS, LINES), root="orders")
SOURCE = digest_of(b"a source")
SHEET = DatasheetSpec(
    title="Orders of a shop",
    description="Orders, made up.",
    license="https://spdx.org/licenses/CC-BY-4.0.html",
    url="https://example.org/orders",
    creators=({"name": "Ann", "kind": "person", "url": "https://example.org/ann"}, {"name": "Shop"}),  # type: ignore[arg-type]
    publisher={"name": "Shop"},  # type: ignore[arg-type]
    citation="@misc{orders}",
    keywords=("orders",),
    published="2026-02-03",
    intended_use=("Teaching",),
    limitations=("No refunds",),
    biases=("More cities than villages",),
    personal_information="None in the source",
    maintenance="None is planned",
)

MakeDescribed = Callable[..., Described]


def make_facts(**changes: object) -> Facts:
    return Facts.of(
        {
            "name": "shop",
            "run_id": "run-1",
            "spec": {},
            "schema": SCHEMA.to_json(),
            "kind": "tabular.auto",
            "model": {"digest": digest_of(b"model"), "kind": "tabular.auto", "fit": {}},
            "source": SOURCE,
            "determinism": "content",
            "builder": {"id": "https://mintage.dev/builder", "versions": {"mintage": "0.1.0"}},
            "started": "2026-01-01T00:00:00Z",
            "finished": "2026-01-01T00:10:00Z",
            **changes,
        }
    )


@pytest.fixture
def make_described() -> MakeDescribed:
    def described(facts: dict[str, object] | None = None, **changes: Any) -> Described:  # noqa: ANN401  # any field
        totals = Totals()
        for table, rows in (("orders", 60), ("lines", 1234)):
            totals.rows[table], totals.bytes[table], totals.drawn[table] = rows, rows * 100, rows + 2
            totals.rejected[table] = type(totals.rows)({"range:price": 2})
        paths = {table: (f"data/{table}/part-000000-a1.parquet",) for table in SCHEMA.names}
        [listed] = describe({"list.txt": b"a list"}).values()
        made: dict[str, Any] = {
            "version": 2,
            "facts": make_facts(**(facts or {})),
            "folded": Folded(
                size=1,
                root=digest_of(b"root"),
                content_root=digest_of(b"content"),
                totals=totals,
                abandoned=["data/orders/part-000000-b2.parquet"],
            ),
            "schema": SCHEMA,
            "listing": Listing(file=listed, parts=paths, counts=dict.fromkeys(SCHEMA.names, 1)),
            "made": "2026-01-01",
            "datasheet": DatasheetSpec(),
            "report": make_report(),
            "attached": describe({"report.json": b"{}"}),
            "plan_digest": digest_of(b"plan"),
            "plan_path": "_mintage/plan.json",
            "shards": 1,
            "connector": "parquet",
            "lineage": unattested(SOURCE),
        }
        return Described(**{**made, **changes})

    return described
