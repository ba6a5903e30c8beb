from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mintage.errors import ProvenanceError, StoreUnavailableError
from mintage.provenance.canonical import parse_json
from mintage.provenance.heads import latest_head, read_statement
from mintage.provenance.layout import commit_path, head_path, statements_path
from mintage.provenance.manifest import attest, read_manifest
from mintage.provenance.merkle import TileReader, inclusion_proof, leaf_hash, verify_inclusion
from mintage.provenance.signing import Signer, generate_key
from mintage.store import ObjectStore
from tests.unit.provenance.crashing import CrashingStore

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter


def test_a_version_is_written_and_its_head_last(minted: Minter, root: Path) -> None:
    head = minted.attest()
    assert latest_head(minted.store) == head
    assert (head.version, head.size) == (1, 3)
    names = sorted(
        str(path.relative_to(root / "_mintage")) for path in (root / "_mintage").rglob("*") if path.is_file()
    )
    assert names == [
        "commits/000000.json",
        "commits/000001.json",
        "commits/000002.json",
        "heads/1.json",
        "plan.json",
        "versions/1/manifest-sha256.txt",
        "versions/1/records/000000.jsonl",
        "versions/1/statements.jsonl",
        "versions/1/tile/0/000.p/3",
    ]


def test_the_statement_says_what_was_made(attested: Minter) -> None:
    head = latest_head(attested.store)
    assert head is not None
    statement = read_statement(attested.store, head, [attested.signer.public_key])
    predicate = statement.json["predicate"]
    assert isinstance(predicate, dict)
    assert predicate["tables"]["orders"]["rows"] == "60"
    assert predicate["verdicts"]["lines"] == {
        "drawn": "66", "accepted": "60", "orphaned": "0", "rejected": {"range:price": "6"}, "tagged": {},
    }  # fmt: skip
    assert predicate["tree"] == {
        "algorithm": "RFC9162_SHA256", "size": "3", "root": head.root, "layout": "c2sp-tlog-tiles/8",
    }  # fmt: skip
    assert predicate["lineage"]["realFraction"] == "unknown"
    assert predicate["privacy"] == {"claim": "none"}
    assert predicate["previous"] is None
    assert predicate["abandoned"] == {"count": "0", "names": []}
    assert statement.json["subject"] == [
        {"name": "shop", "digest": {"sha256": head.root.removeprefix("sha256:")}}
    ]


def test_rows_that_follow_from_no_source_have_no_unknown_parents(minted: Minter) -> None:
    head = minted.attest(source=None)
    predicate = read_statement(minted.store, head, None).json["predicate"]
    assert isinstance(predicate, dict)
    lineage = predicate["lineage"]
    assert (lineage["generation"], lineage["realFraction"], lineage["parents"]) == ("1", "0", [])


def test_the_root_does_not_depend_on_attempts_or_times(tmp_path: Path, minter: Minter) -> None:
    one = minter.mint("a1").attest()
    other = (
        replace(minter, store=ObjectStore.open(str(tmp_path / "other"))).mint("zz").attest(finished="later")
    )
    assert one.root == other.root
    assert one.statement != other.statement


def test_the_checksums_satisfy_sha256sum(attested: Minter, root: Path) -> None:
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "_mintage/versions/1/manifest-sha256.txt"],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert checked.stdout.count(": OK") == 6


def test_a_shard_is_proved_by_the_tiles(attested: Minter, root: Path) -> None:
    head = latest_head(attested.store)
    assert head is not None
    folder = root / "_mintage/versions/1"
    lines = (folder / "records/000000.jsonl").read_bytes().splitlines()
    tiles = TileReader(lambda path: (folder / path).read_bytes(), head.size)
    assert len(lines) == 3
    for index, line in enumerate(lines):
        proof = inclusion_proof(tiles, index)
        assert verify_inclusion(leaf_hash(line), index, 3, proof, bytes.fromhex(head.root[7:]))


def test_readers_get_the_parts_of_a_table_in_shard_order(attested: Minter) -> None:
    head = latest_head(attested.store)
    assert head is not None
    manifest = read_manifest(attested.store, head, [attested.signer.public_key])
    assert manifest.tables == ("orders", "lines")
    parts = manifest.parts("lines")
    assert [part.path for part in parts] == [f"data/lines/part-{i:06d}-a1.parquet" for i in range(3)]
    for part in parts:
        data = attested.store.read(part.path, max_bytes=10**6)
        assert (len(data), hashlib.sha256(data).hexdigest(), part.rows) == (part.bytes, part.sha256, 20)
    with pytest.raises(ProvenanceError, match="no table 'nothing'"):
        manifest.parts("nothing")


def test_attesting_again_returns_the_head_that_is_there(attested: Minter, root: Path) -> None:
    before = sorted(root.rglob("*"))
    assert attested.attest(finished="much later") == latest_head(attested.store)
    assert sorted(root.rglob("*")) == before


def test_another_key_signs_a_version_of_its_own_that_names_the_first(
    attested: Minter, tmp_path: Path
) -> None:
    first = latest_head(attested.store)
    other = Signer.load(generate_key(tmp_path / "other.pem").private_path)
    second = replace(attested, signer=other).attest()
    assert first is not None
    assert (second.version, second.root) == (2, first.root)
    statement = read_statement(attested.store, second, [other.public_key])
    assert statement.predicate.previous == first.statement
    assert replace(attested, signer=other).verify().ok


def test_an_abandoned_attempt_is_listed_and_tolerated(minted: Minter) -> None:
    minted.write("orders", "data/orders/part-000001-late.parquet", minted.rows("orders", 1))
    head = minted.attest()
    statement = read_statement(minted.store, head, None)
    assert statement.predicate.abandoned.names == ["data/orders/part-000001-late.parquet"]
    assert minted.verify().ok


def test_of_very_many_abandoned_attempts_only_some_are_named(minted: Minter, root: Path) -> None:
    for number in range(1005):
        (root / f"data/orders/part-000001-late{number:04d}.parquet").write_bytes(b"x")
    head = minted.attest()
    abandoned = read_statement(minted.store, head, None).predicate.abandoned
    assert (abandoned.count, len(abandoned.names)) == (1005, 1000)
    report = minted.verify()
    assert report.ok
    assert any("5 abandoned" in note for note in report.notes)
    (root / "data/orders/part-000001-one-more.parquet").write_bytes(b"x")
    assert {failure.code for failure in minted.verify().failures} == {"additional-part"}


def test_more_shards_than_fit_one_file_are_split(
    minter: Minter, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    for module in (
        "_version",
        "manifest",
        "checks.whole",
        "checks.shards",
        "checks.unexplained",
        "inclusion",
    ):
        monkeypatch.setattr(f"mintage.provenance.{module}.RECORDS_PER_FILE", 2)
    five = minter.with_shards(5).mint()
    five.attest()
    files = sorted((root / "_mintage/versions/1/records").iterdir())
    assert [len(file.read_bytes().splitlines()) for file in files] == [2, 2, 1]
    assert five.verify().ok
    head = latest_head(five.store)
    assert head is not None
    assert len(read_manifest(five.store, head).parts("orders")) == 5


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda root: (root / commit_path(1)).unlink(), "shard 1 is not committed"),
        (lambda root: (root / "data/orders/part-000001-a1.parquet").unlink(), "is missing"),
        (lambda root: (root / "data/orders/part-000001-a1.parquet").write_bytes(b"x"), "has 1 bytes where"),
        (
            lambda root: (root / commit_path(1)).write_bytes((root / commit_path(2)).read_bytes()),
            "record of shard 2",
        ),
        (lambda root: (root / commit_path(1)).write_bytes(b"{}"), "CommitRecord is wrong"),
        (lambda root: (root / "_mintage/plan.json").write_bytes(b"{}"), "is another plan"),
    ],
    ids=["no-commit", "no-part", "short-part", "swapped-commit", "broken-commit", "other-plan"],
)
def test_what_is_not_whole_is_not_signed(
    minted: Minter, root: Path, break_it: Callable[[Path], object], message: str
) -> None:
    break_it(root)
    with pytest.raises(ProvenanceError, match=message):
        minted.attest()
    assert latest_head(minted.store) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run_id": "run-2"}, "belongs to the run"),
        ({"plan": "sha256:" + "0" * 64}, "belongs to the plan"),
        ({"parts": {"orders": "data/orders/part-000000-a1.parquet"}}, "other tables"),
        ({"parts": {"orders": "../../etc/passwd", "lines": "data/lines/part-000000-a1.parquet"}}, "refused"),
    ],
    ids=["run", "plan", "tables", "path"],
)
def test_a_commit_of_something_else_is_not_signed(
    minter: Minter, changes: dict[str, object], message: str
) -> None:
    one = minter.with_shards(0).mint()
    one.commit(0, changes=changes)
    with pytest.raises(ProvenanceError, match=message):
        minter.with_shards(1).attest()


def test_a_data_set_without_shards_is_not_signed(minter: Minter) -> None:
    with pytest.raises(ProvenanceError, match="without shards"):
        minter.with_shards(0).mint().attest()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": ""}, "name"),
        ({"determinism": "perhaps"}, "determinism"),
        ({"more": 1}, "more"),
        ({"model": {}}, "model.digest"),
    ],
    ids=["empty", "unknown-class", "unknown-key", "missing-key"],
)
def test_wrong_facts_are_refused_by_name(minted: Minter, changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ProvenanceError, match=f"wrong at '{place}'"):
        minted.attest(**changes)


def test_a_plan_with_another_digest_is_refused(
    minted: Minter, make_facts: Callable[..., Mapping[str, object]]
) -> None:
    with pytest.raises(ProvenanceError, match="the plan has the digest"):
        attest(
            minted.store,
            plan={"format": "x"},
            plan_digest="sha256:" + "0" * 64,
            shards=3,
            facts=make_facts(),
            signer=minted.signer,
        )


@pytest.mark.parametrize("after", [False, True], ids=["request-lost", "answer-lost"])
@pytest.mark.parametrize("number", range(5))
def test_a_crash_between_any_two_writes_is_made_good(
    minted: Minter, root: Path, number: int, *, after: bool
) -> None:
    crashing = CrashingStore.open(str(root)).crash_at(number, after=after)
    with pytest.raises(StoreUnavailableError):
        replace(minted, store=crashing).attest(finished="first try")
    head = minted.attest(finished="second try")
    assert head.version == 1
    assert minted.verify().ok
    assert minted.attest(finished="third try") == head


def test_there_are_five_writes_to_crash_at(minted: Minter, root: Path) -> None:
    assert replace(minted, store=CrashingStore.open(str(root)).crash_at(5, after=False)).attest().version == 1


def test_an_unfinished_version_of_another_key_is_left_alone(
    minted: Minter, root: Path, tmp_path: Path
) -> None:
    other = Signer.load(generate_key(tmp_path / "other.pem").private_path)
    crashing = CrashingStore.open(str(root)).crash_at(4, after=False)
    with pytest.raises(StoreUnavailableError):
        replace(minted, store=crashing, signer=other).attest()
    theirs = (root / statements_path(1)).read_bytes()
    head = minted.attest()
    assert head.version == 2
    assert (root / statements_path(1)).read_bytes() == theirs
    assert not (root / head_path(1)).exists()
    assert minted.verify().ok


def test_an_unfinished_statement_of_ours_about_other_rows_is_not_adopted(
    minted: Minter, root: Path, tmp_path: Path
) -> None:
    smaller = replace(minted, store=ObjectStore.open(str(tmp_path / "smaller")), shards=2).mint()
    smaller.attest()
    minted.store.create(statements_path(1), smaller.store.read(statements_path(1), max_bytes=10**6))
    head = minted.attest()
    assert (head.version, head.size) == (2, 3)
    assert minted.verify().ok


def test_drivers_that_attest_at_once_agree_on_one_head(minted: Minter) -> None:
    heads = []
    ready = threading.Barrier(4)

    def drive(number: int) -> None:
        ready.wait()
        heads.append(minted.attest(finished=f"by driver {number}"))

    threads = [threading.Thread(target=drive, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heads) == 4
    assert {head.statement for head in heads} == {heads[0].statement}
    assert minted.verify().ok


def test_a_data_set_in_memory_is_attested_too(signer: Signer, minter: Minter) -> None:
    memory = replace(minter, store=ObjectStore.open("memory://attest-here")).mint()
    memory.attest()
    assert memory.verify().ok


def test_the_head_is_canonical_json(attested: Minter, root: Path) -> None:
    head = latest_head(attested.store)
    assert head is not None
    assert parse_json((root / head_path(1)).read_bytes(), max_bytes=1000) == head.to_json()
