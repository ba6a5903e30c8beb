from __future__ import annotations

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.layout import (
    check_part_path,
    check_reject_path,
    check_sketch_path,
    check_table_name,
    commit_path,
    records_path,
)


@pytest.mark.parametrize(
    ("path", "table", "index"),
    [
        ("data/orders/part-000017-a1.parquet", "orders", 17),
        ("data/t/part-1234567-ab12-1.csv", "t", 1_234_567),
        ("data/straße/part-000000-x", "straße", 0),
    ],
)
def test_a_part_in_its_place_passes(path: str, table: str, index: int) -> None:
    check_part_path(path, table, index)


BAD = {
    "absolute": "/data/orders/part-000017-a",
    "climbing": "data/orders/../../etc/passwd",
    "climbing inside": "data/orders/part-000017-a/../../x",
    "current folder": "data/./orders/part-000017-a",
    "empty step": "data//orders/part-000017-a",
    "trailing slash": "data/orders/part-000017-a/",
    "subfolder": "data/orders/part-000017-a/b",
    "only the prefix": "data/orders/part-000017-",
    "backslash": "data/orders/part-000017-a\\..\\x",
    "drive": "C:data/orders/part-000017-a",
    "scheme": "file://data/orders/part-000017-a",
    "chained": "data/orders/part-000017-a::file",
    "nul": "data/orders/part-000017-a\x00",
    "newline": "data/orders/part-000017-a\nb",
    "wildcard": "data/orders/part-000017-*",
    "decomposed": "data/orders/part-000017-u\u0308",
    "another table": "data/lines/part-000017-a",
    "another shard": "data/orders/part-000018-a",
    "metadata": "_mintage/plan.json",
    "percent": "data/orders/%2e%2e/part-000017-a",
    "empty": "",
    "long": "data/orders/part-000017-" + "a" * 2000,
}


@pytest.mark.parametrize("path", BAD.values(), ids=BAD)
def test_a_part_out_of_its_place_is_refused(path: str) -> None:
    with pytest.raises(ProvenanceError, match="is refused"):
        check_part_path(path, "orders", 17)
    with pytest.raises(ProvenanceError, match="is refused"):
        check_reject_path(path.replace("data/", "_mintage/rejects/"), "orders", 17)
    with pytest.raises(ProvenanceError, match="is refused"):
        check_sketch_path(path.replace("data/", "_mintage/sketches/"), "orders", 17)


def test_sketches_have_a_place_of_their_own() -> None:
    check_sketch_path("_mintage/sketches/orders/part-000017-a.bin", "orders", 17)
    with pytest.raises(ProvenanceError, match="must start with"):
        check_sketch_path("_mintage/rejects/orders/part-000017-a.bin", "orders", 17)


def test_rejected_rows_have_a_place_of_their_own() -> None:
    check_reject_path("_mintage/rejects/orders/part-000017-a.parquet", "orders", 17)
    with pytest.raises(ProvenanceError, match="must start with"):
        check_reject_path("data/orders/part-000017-a.parquet", "orders", 17)


@pytest.mark.parametrize("table", ["orders", "my table", "straße", "a.b"])
def test_a_table_name_that_can_be_a_folder_passes(table: str) -> None:
    check_table_name(table)


@pytest.mark.parametrize(
    "table", ["", ".", "..", "a/b", "a\\b", "a:b", "a\nb", "u\u0308", "x" * 201], ids=repr
)
def test_a_table_name_that_cannot_be_a_folder_is_refused(table: str) -> None:
    with pytest.raises(ProvenanceError, match="table name"):
        check_table_name(table)


def test_names_sort_like_their_numbers() -> None:
    assert commit_path(17) == "_mintage/commits/000017.json"
    assert records_path(2, 3) == "_mintage/versions/2/records/000003.jsonl"
