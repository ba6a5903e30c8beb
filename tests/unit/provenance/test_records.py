from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest

from mintage.contracts import TableSchema
from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json
from mintage.provenance.records import (
    MAX_RECORD_BYTES,
    CommitRecord,
    RejectRecord,
    ShardRecord,
    SketchRecord,
    TableRecord,
    VerdictCounts,
    schema_id,
)
from mintage.provenance.statements import Head

ZERO = "sha256:" + "0" * 64


def commit() -> CommitRecord:
    table = TableRecord(
        rows=2**60,
        bytes=123,
        sha256="a" * 64,
        content=ZERO,
        schema_id=ZERO,
        statistics=[{"name": "n", "nulls": "0", "min": "1", "max": "2"}],
        verdicts=VerdictCounts(
            drawn=2**60 + 1, accepted=2**60, rejected={"range": 1}, tagged={"odd": 3}, orphaned=0
        ),
    )
    return CommitRecord(
        plan=ZERO, run_id="run", attempt="a", worker="host", started="2026-01-01T00:00:00Z",
        finished="2026-01-01T00:00:01Z", parts={"t": "data/t/part-000017-a.parquet"},
        rejects={"t": RejectRecord(path="_mintage/rejects/t/part-000017-a.parquet", sha256="b" * 64, rows=1)},
        sketches={"t": SketchRecord(path="_mintage/sketches/t/part-000017-a.bin", sha256="c" * 64, bytes=9)},
        record=ShardRecord(index=17, seed_path=f"{2**64 - 1}/1/17", model=ZERO, tables={"t": table}),
    )  # fmt: skip


def test_a_commit_comes_back_as_it_was() -> None:
    assert CommitRecord.from_bytes(commit().to_bytes()) == commit()


def test_counts_are_text_in_json() -> None:
    table = json.loads(commit().to_bytes())["record"]["tables"]["t"]
    assert (table["rows"], table["verdicts"]["drawn"]) == (str(2**60), str(2**60 + 1))
    assert table["schema"] == ZERO


def test_the_leaf_holds_nothing_of_the_attempt() -> None:
    other = commit().model_copy(
        update={
            "attempt": "b",
            "worker": "w",
            "finished": "",
            "parts": {"t": "x"},
            "rejects": {},
            "sketches": {},
        }
    )
    assert other.leaf == commit().leaf
    assert commit().leaf == commit().record.to_bytes()


def test_the_content_leaf_is_the_content_digests_alone() -> None:
    record = commit().record
    table = record.tables["t"].model_copy(update={"sha256": "f" * 64, "bytes": 1})
    assert record.model_copy(update={"tables": {"t": table}}).content_leaf() == record.content_leaf()
    assert record.content_leaf() == canonical_json({"t": ZERO})


BAD: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown key": lambda value: value.update(more=1),
    "unknown key inside": lambda value: value["record"]["tables"]["t"].update(more=1),
    "the python name of a key": lambda value: value["record"]["tables"]["t"].update(
        schema_id=value["record"]["tables"]["t"].pop("schema")
    ),
    "missing key": lambda value: value.pop("plan"),
    "a default left out": lambda value: value.pop("rejects"),
    "another format": lambda value: value.update(format="mintage-commit/2"),
    "another algorithm": lambda value: value["record"]["tables"]["t"].update(content_algorithm="md5"),
    "a count as a number": lambda value: value["record"]["tables"]["t"].update(rows=5),
    "a count with leading zeros": lambda value: value["record"]["tables"]["t"].update(rows="05"),
    "a negative count": lambda value: value["record"]["tables"]["t"].update(rows="-5"),
    "a count in other digits": lambda value: value["record"]["tables"]["t"].update(
        rows="\N{ARABIC-INDIC DIGIT FIVE}"
    ),
    "a count beyond 64 bits": lambda value: value["record"]["tables"]["t"].update(rows=str(2**64)),
    "a negative index": lambda value: value["record"].update(index=-1),
    "an index as text": lambda value: value["record"].update(index="17"),
    "an index as truth": lambda value: value["record"].update(index=True),
    "an index with a fraction": lambda value: value["record"].update(index=17.5),
    "upper-case digits": lambda value: value["record"]["tables"]["t"].update(sha256="A" * 64),
    "a digest with a newline": lambda value: value.update(plan=ZERO + "\n"),
    "a seed path of words": lambda value: value["record"].update(seed_path="a/b"),
    "no tables": lambda value: value["record"].update(tables={}),
    "a list": lambda value: value.update(parts=[]),
    "null": lambda value: value.update(record=None),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_a_commit_is_refused_with(spoil: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(commit().to_bytes())
    spoil(value)
    with pytest.raises(ProvenanceError, match="CommitRecord"):
        CommitRecord.from_bytes(canonical_json(value))


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b'"x"', b"\xff", b"1"], ids=str)
def test_what_is_no_commit_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(ProvenanceError):
        CommitRecord.from_bytes(data)


def test_a_record_over_the_cap_is_refused() -> None:
    with pytest.raises(ProvenanceError, match="larger than"):
        CommitRecord.from_bytes(b" " * (MAX_RECORD_BYTES + 1))


def test_the_message_says_where_a_record_is_wrong() -> None:
    value = json.loads(commit().to_bytes())
    value["record"]["tables"]["t"]["verdicts"]["drawn"] = "many"
    with pytest.raises(ProvenanceError, match=r"record\.tables\.t\.verdicts\.drawn"):
        CommitRecord.from_bytes(canonical_json(value))


def test_records_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        commit().attempt = "b"


@pytest.mark.parametrize(
    ("column", "same"),
    [
        ({"a": pa.int64()}, True),
        ({"b": pa.int64()}, False),
        ({"a": pa.int32()}, False),
        ({"a": pa.int64(), "b": pa.int64()}, False),
    ],
    ids=["same", "name", "type", "count"],
)
def test_the_schema_id_names_columns_and_types(column: Mapping[str, pa.DataType], same: bool) -> None:
    first = schema_id(TableSchema.of("t", pa.schema({"a": pa.int64()})))
    assert (schema_id(TableSchema.of("t", pa.schema(column))) == first) is same


def test_a_head_comes_back_as_it_was() -> None:
    head = Head(version=3, statement=ZERO, size=2**60, root=ZERO)
    assert Head.from_bytes(head.to_bytes()) == head
    assert json.loads(head.to_bytes())["size"] == str(2**60)
