from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mintage.contracts import TableSchema
from mintage.errors import SourceError, StoreUnavailableError
from mintage.provenance._version import VersionWriter
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of
from mintage.provenance.facts import Facts
from mintage.provenance.layout import PLAN, commit_path, head_path, records_path, statements_path
from mintage.provenance.records import CommitRecord
from mintage.provenance.signing import Signer, generate_key
from mintage.provenance.statements import Head, build_statement
from mintage.store import ObjectStore

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter

PART = "data/orders/part-000001-a1.parquet"
OTHER = "data/orders/part-000002-a1.parquet"
TILE = "_mintage/versions/1/tile/0/000.p/3"


def codes(minter: Minter) -> set[str]:
    report = minter.verify()
    assert report.ok == (not report.failures)
    return {failure.code for failure in report.failures}


def test_a_whole_data_set_passes_and_the_report_says_how_much_was_checked(attested: Minter) -> None:
    report = attested.verify()
    assert (report.ok, report.failures, report.notes) == (True, [], [])
    assert report.to_json()["ok"] is True
    checked = report.checked.to_json()
    assert (checked["shards"], checked["parts"], checked["contents"], checked["rows"]) == (3, 6, 6, 120)
    assert report.head is not None
    assert report.to_json()["root"] == report.head.root
    json.dumps(report.to_json())


def test_without_a_reader_only_bytes_are_checked_and_the_report_says_so(attested: Minter) -> None:
    report = attested.verify(open_part=None)
    assert report.ok
    assert (report.checked.parts, report.checked.contents) == (6, 0)
    assert report.to_json()["mode"] == "bytes"


def flip(path: Path, place: int = -20) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def forge_commit(root: Path, **changes: object) -> None:
    commit = CommitRecord.from_bytes((root / commit_path(1)).read_bytes())
    (root / commit_path(1)).write_bytes(commit.model_copy(update=changes).to_bytes())


def forge_head(folder: Path, /, **changes: object) -> None:
    head = json.loads((folder / head_path(1)).read_bytes()) | changes
    (folder / head_path(1)).write_bytes(canonical_json(head))


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def drop_last_line(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


RECORDS = records_path(1, 0)
SUMS = "_mintage/versions/1/manifest-sha256.txt"
# Without a commit that can be believed, the shard's parts belong to nobody.
BAD_COMMIT = {"bad-commit", "additional-part", "changed-checksums"}

ATTACKS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "a byte of a part is changed": (lambda root: flip(root / PART), {"changed-part"}),
    "a part is missing": (lambda root: (root / PART).unlink(), {"missing-part"}),
    "a part is truncated": (
        lambda root: (root / PART).write_bytes((root / PART).read_bytes()[:-1]),
        {"wrong-size"},
    ),
    "a part is longer": (lambda root: append(root / PART, b"x"), {"wrong-size"}),
    "two parts are swapped": (lambda root: swap(root / PART, root / OTHER), {"changed-part"}),
    "a part is added": (
        lambda root: shutil.copy(root / PART, root / "data/orders/part-000001-b.parquet"),
        {"additional-part"},
    ),
    "a file is added outside of any table": (
        lambda root: (root / "data/x").write_bytes(b"x"),
        {"additional-part"},
    ),
    "a commit is missing": (
        lambda root: (root / commit_path(1)).unlink(),
        {"missing-commit", "additional-part", "changed-checksums"},
    ),
    "a commit is broken": (lambda root: (root / commit_path(1)).write_bytes(b"{"), BAD_COMMIT),
    "two commits are swapped": (lambda root: swap(root / commit_path(1), root / commit_path(2)), BAD_COMMIT),
    "a commit is added": (
        lambda root: shutil.copy(root / commit_path(1), root / commit_path(3)),
        {"additional-commit"},
    ),
    "a commit's record is changed": (
        lambda root: edit(root / commit_path(1), '"drawn":"22"', '"drawn":"23"'),
        {"changed-commit"},
    ),
    "a commit is of another run": (lambda root: forge_commit(root, run_id="run-2"), BAD_COMMIT),
    "a commit points out of the data set": (
        lambda root: forge_commit(
            root, parts={"orders": "data/orders/../../../etc/passwd", "lines": "/etc/passwd"}
        ),
        {"unsafe-path", "additional-part", "changed-checksums"},
    ),
    "a commit points at another shard's part": (
        lambda root: forge_commit(
            root, parts={"orders": OTHER, "lines": "data/lines/part-000001-a1.parquet"}
        ),
        {"unsafe-path", "additional-part", "changed-checksums"},
    ),
    "a record is changed": (
        lambda root: edit(root / RECORDS, '"drawn":"22"', '"drawn":"23"'),
        {"changed-records", "changed-tile", "changed-commit", "wrong-totals"},
    ),
    "a record is added": (
        lambda root: append(root / RECORDS, b"{}\n"),
        {"changed-records", "missing-tile", "bad-record"},
    ),
    "a record is gone": (
        lambda root: drop_last_line(root / RECORDS),
        {
            "changed-records",
            "missing-tile",
            "wrong-totals",
            "wrong-content-root",
            "additional-part",
            "changed-checksums",
        },
    ),
    "the records are gone": (lambda root: (root / RECORDS).unlink(), {"missing-records"}),
    "a tile is changed": (lambda root: flip(root / TILE), {"changed-tile"}),
    "a tile is longer": (
        lambda root: (root / TILE).write_bytes((root / TILE).read_bytes() * 200),
        {"changed-tile"},
    ),
    "a tile is missing": (lambda root: (root / TILE).unlink(), {"missing-tile"}),
    "the plan is changed": (lambda root: (root / PLAN).write_bytes(b"{}"), {"changed-plan"}),
    "the plan is missing": (lambda root: (root / PLAN).unlink(), {"missing-plan"}),
    "the statement is missing": (lambda root: (root / statements_path(1)).unlink(), {"missing-statement"}),
    "the statement is no envelope": (
        lambda root: (root / statements_path(1)).write_bytes(b"{}\n"),
        {"bad-signature"},
    ),
    "the statement is empty": (
        lambda root: (root / statements_path(1)).write_bytes(b"\n"),
        {"bad-statement"},
    ),
    "the head is missing": (lambda root: (root / head_path(1)).unlink(), {"missing-head"}),
    "the head is broken": (lambda root: (root / head_path(1)).write_bytes(b"[]"), {"bad-head"}),
    "the head has another root": (lambda root: forge_head(root, root=digest_of(b"")), {"changed-head"}),
    "the head has another size": (lambda root: forge_head(root, size="2"), {"changed-head"}),
    "the head is huge": (lambda root: (root / head_path(1)).write_bytes(b" " * 10_000), {"bad-head"}),
    "the plan is huge": (lambda root: (root / PLAN).write_bytes(b" " * (65 * 2**20)), {"changed-plan"}),
    "a commit is huge": (lambda root: (root / commit_path(1)).write_bytes(b" " * (17 * 2**20)), BAD_COMMIT),
    "the head has another number": (
        lambda root: (root / head_path(1)).rename(root / head_path(2)),
        {"bad-head"},
    ),
    "the head names another statement": (
        lambda root: forge_head(root, statement=digest_of(b"")),
        {"bad-statement"},
    ),
    "the checksums are changed": (lambda root: flip(root / SUMS, 3), {"changed-checksums"}),
    "the checksums are missing": (lambda root: (root / SUMS).unlink(), {"missing-checksums"}),
}


@pytest.mark.parametrize(("attack", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_it_is_noticed_when(
    attested: Minter, root: Path, attack: Callable[[Path], object], expected: set[str]
) -> None:
    attack(root)
    assert codes(attested) == expected


def test_the_failure_names_the_object_in_plain_words(attested: Minter, root: Path) -> None:
    (root / PART).unlink()
    [failure] = attested.verify().failures
    assert failure == ("missing-part", PART, "the part is missing")


def test_a_key_that_did_not_sign_is_refused_by_its_id(attested: Minter, tmp_path: Path) -> None:
    stranger = Signer.load(generate_key(tmp_path / "stranger.pem").private_path)
    [failure] = attested.verify(stranger.public_key).failures
    assert failure.code == "bad-signature"
    assert attested.signer.keyid in failure.message


def test_one_trusted_key_of_several_is_enough(attested: Minter, tmp_path: Path) -> None:
    stranger = Signer.load(generate_key(tmp_path / "stranger.pem").private_path)
    assert attested.verify(stranger.public_key, attested.signer.public_key).ok


def test_a_statement_that_somebody_else_signed_for_the_same_head_is_refused(
    attested: Minter, root: Path, tmp_path: Path
) -> None:
    stranger = Signer.load(generate_key(tmp_path / "stranger.pem").private_path)
    payload = json.loads((root / statements_path(1)).read_bytes().splitlines()[0])["payload"]
    forged = stranger.sign(base64.b64decode(payload))
    (root / statements_path(1)).write_bytes(forged + b"\n")
    assert codes(attested) == {"bad-signature"}


def test_a_signed_payload_that_is_no_statement_is_refused(attested: Minter, root: Path) -> None:
    payload = canonical_json({"_type": "something"})
    (root / statements_path(1)).write_bytes(attested.signer.sign(payload) + b"\n")
    forge_head(root, statement=digest_of(payload))
    assert codes(attested) == {"bad-statement"}


@pytest.fixture
def twice(attested: Minter, tmp_path: Path) -> Minter:
    other = Signer.load(generate_key(tmp_path / "other.pem").private_path)
    second = replace(attested, signer=other)
    assert second.attest().version == 2
    return second


HISTORY: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "is whole": (lambda root: root, set()),
    "lost its older head": (lambda root: (root / head_path(1)).unlink(), {"missing-head"}),
    "has a broken older head": (lambda root: (root / head_path(1)).write_bytes(b"{}"), {"bad-head"}),
    "has another older head": (lambda root: forge_head(root, statement=digest_of(b"")), {"changed-head"}),
    "lost its older statement": (lambda root: (root / statements_path(1)).unlink(), {"missing-head"}),
}


@pytest.mark.parametrize(("attack", "expected"), HISTORY.values(), ids=HISTORY)
def test_the_history_is_followed_when_it(
    twice: Minter, root: Path, attack: Callable[[Path], object], expected: set[str]
) -> None:
    attack(root)
    assert codes(twice) == expected


def read_as(
    change: Callable[[pa.RecordBatch], pa.RecordBatch],
) -> Callable[[TableSchema, BinaryIO], Iterator[pa.RecordBatch]]:
    """A reader that shows other rows than the part holds: as if the record's digest were a lie."""

    def read(table: TableSchema, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        for batch in pq.ParquetFile(stream).iter_batches():
            yield change(batch) if table.name == "orders" else batch

    return read


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda batch: batch.slice(1), {"wrong-content"}),
        (lambda batch: batch.take(pa.array(range(19, -1, -1))), {"wrong-content"}),
        (lambda batch: batch.rename_columns(["id", "town"]), {"wrong-schema"}),
        (lambda batch: batch.select(["id"]), {"wrong-schema"}),
        (lambda batch: batch.set_column(0, "id", batch["id"].cast(pa.int32())), {"wrong-schema"}),
        (lambda batch: batch.set_column(0, "id", pa.array([{"a": 1}] * 20)), {"wrong-schema"}),
        (lambda batch: batch.set_column(1, "city", batch["city"].dictionary_encode()), set()),
    ],
    ids=["fewer-rows", "other-order", "renamed", "column-gone", "other-type", "unknown-type", "dictionary"],
)
def test_rows_are_compared_with_the_signed_content(
    attested: Minter, change: Callable[[pa.RecordBatch], pa.RecordBatch], expected: set[str]
) -> None:
    report = attested.verify(open_part=read_as(change))
    assert {failure.code for failure in report.failures} == expected


def test_a_part_that_the_reader_cannot_decode_is_a_failure(attested: Minter) -> None:
    def refuse(table: TableSchema, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        raise SourceError(f"no rows of {table.name} in {stream}")

    report = attested.verify(open_part=refuse)
    assert {failure.code for failure in report.failures} == {"unreadable-part"}
    assert len(report.failures) == 6


def test_a_record_with_another_schema_than_the_signed_one_is_noticed(minted: Minter) -> None:
    schema = {"root": "orders", "tables": [
        {"name": name, "columns": [], "primary_key": [], "foreign_keys": []} for name in ("orders", "lines")
    ]}  # fmt: skip
    minted.attest(schema=schema)
    assert codes(minted) == {"wrong-schema"}


def test_a_table_that_the_signed_schema_does_not_know_is_noticed(minted: Minter) -> None:
    table = {"name": "orders", "columns": [], "primary_key": [], "foreign_keys": []}
    minted.attest(schema={"root": "orders", "tables": [table]})
    assert codes(minted) == {"wrong-schema"}


def test_only_so_many_failures_are_listed_but_all_are_counted(
    attested: Minter, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mintage.provenance.report.MAX_FAILURES", 2)
    for part in (root / "data").rglob("*.parquet"):
        part.unlink()
    report = attested.verify()
    assert (len(report.failures), report.failed, report.ok) == (2, 6, False)


def test_a_folder_that_was_never_attested_is_a_failure_not_an_error(tmp_path: Path, minter: Minter) -> None:
    empty = replace(minter, store=ObjectStore.open(str(tmp_path / "empty")))
    assert codes(empty) == {"missing-head"}


class UnreachableStore(ObjectStore):
    """A store that does not answer when a part is read."""

    def open_read(self, path: str) -> BinaryIO:
        if path.startswith("data/"):
            raise StoreUnavailableError("timed out")
        return super().open_read(path)


def test_a_store_that_does_not_answer_is_an_error_because_nothing_is_known(
    attested: Minter, root: Path
) -> None:
    with pytest.raises(StoreUnavailableError, match="timed out"):
        replace(attested, store=UnreachableStore.open(str(root))).verify()


@pytest.mark.parametrize("workers", [1, 8])
def test_the_number_of_workers_does_not_matter(attested: Minter, root: Path, workers: int) -> None:
    flip(root / PART)
    [failure] = attested.verify(workers=workers).failures
    assert failure.code == "changed-part"


def test_records_in_another_order_are_noticed_even_when_they_are_signed(
    minted: Minter, make_facts: Callable[..., Mapping[str, object]]
) -> None:
    with VersionWriter(minted.store, 1) as writer:
        for index in (1, 0, 2):
            writer.add(CommitRecord.from_bytes(minted.store.read(commit_path(index), max_bytes=10**6)))
        folded = writer.finish([])
    plan = minted.store.read(PLAN, max_bytes=10**6)
    payload = build_statement(
        Facts.of(make_facts()),
        folded,
        plan_digest=digest_of(plan),
        version=1,
        previous=None,
    )
    minted.store.create(statements_path(1), minted.signer.sign(payload))
    head = Head(version=1, statement=digest_of(payload), size=folded.size, root=folded.root)
    minted.store.create(head_path(1), head.to_bytes())
    assert "bad-record" in codes(minted)
