"""Verifying some shards, by inclusion proofs; proof files; and going on from a journal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mintage.errors import ProvenanceError, SpecError
from mintage.provenance._metered import MeteredStore
from mintage.provenance._version import VersionWriter
from mintage.provenance.canonical import canonical_json
from mintage.provenance.facts import Facts
from mintage.provenance.inclusion import Finder, Included
from mintage.provenance.journal import Journal
from mintage.provenance.layout import commit_path, records_path
from mintage.provenance.policy import Policy
from mintage.provenance.proofs import make_proof, verify_proof
from mintage.provenance.records import CommitRecord
from mintage.provenance.report import VerifyFailure
from mintage.provenance.scope import Scope
from mintage.provenance.signing import Signer, generate_key
from mintage.provenance.statements import Statement, build_statement
from mintage.store import ObjectStore

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter

PART = "data/orders/part-000001-a1.parquet"
RECORDS = records_path(1, 0)
TILE = "_mintage/versions/1/tile/0/000.p/3"
ONE = Scope(shard=1)
Change = Callable[[Path], object]


def codes(minter: Minter, scope: Scope = ONE) -> set[str]:
    return {failure.code for failure in minter.verify(scope=scope).failures}


def test_one_shard_is_checked_and_the_report_says_what_was_read(attested: Minter) -> None:
    report = attested.verify(scope=ONE)
    assert report.ok
    assert (report.checked.shards, report.checked.parts, report.checked.rows) == (1, 2, 40)
    assert 0 < report.read["bytes"] < 64_000
    assert any("not checked: other shards" in note for note in report.notes)


ATTACKS: dict[str, tuple[Change, set[str]]] = {
    "its part": (lambda root: flip(root / PART), {"changed-part"}),
    "its part's length": (lambda root: (root / PART).write_bytes(b"x"), {"wrong-size"}),
    "its commit": (
        lambda root: edit(root / commit_path(1), '"drawn":"22"', '"drawn":"23"'),
        {"changed-commit"},
    ),
    "the commit of another shard": (
        lambda root: edit(root / commit_path(2), '"drawn":"22"', '"drawn":"23"'),
        set(),
    ),
    "its record": (
        lambda root: edit(root / RECORDS, '"index":1,', '"index":1, '),
        {"changed-records"},
    ),
    "its number": (lambda root: edit(root / RECORDS, '"index":1,', '"index":2,'), {"changed-records"}),
    "the order of the records": (
        lambda root: (root / RECORDS).write_bytes(
            b"".join(sorted((root / RECORDS).read_bytes().splitlines(keepends=True), reverse=True))
        ),
        set(),
    ),
    "the records to nothing": (lambda root: (root / RECORDS).write_bytes(b"\n"), {"changed-records"}),
    "the records to zeros": (lambda root: (root / RECORDS).write_bytes(b"\0" * 100_000), {"changed-records"}),
    "the records away": (lambda root: (root / RECORDS).unlink(), {"missing-records"}),
    "the tile": (lambda root: flip(root / TILE, 40), {"changed-tile"}),
    "the tile's length": (lambda root: (root / TILE).write_bytes(b"x" * 97), {"changed-tile"}),
    "the tile away": (lambda root: (root / TILE).unlink(), {"missing-tile"}),
}


def flip(path: Path, place: int = -20) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(("attack", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_one_shard_is_refused_who_changes(
    attested: Minter, root: Path, attack: Change, expected: set[str]
) -> None:
    attack(root)
    assert codes(attested) == expected


def test_a_part_that_leads_out_of_the_data_set_is_not_read(
    attested: Minter, root: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.parquet"
    shutil.move(root / PART, elsewhere)
    (root / PART).symlink_to(elsewhere)
    assert codes(attested) == {"unsafe-path"}
    assert "unsafe-path" in codes(attested, Scope())


def test_a_link_that_stays_inside_is_a_file(attested: Minter, root: Path) -> None:
    shutil.move(root / PART, root / "data/moved")
    (root / PART).symlink_to(root / "data/moved")
    assert codes(attested) == set()


@pytest.mark.parametrize("shard", [3, 2**60])
def test_a_shard_that_there_is_not_is_bad_input(attested: Minter, shard: int) -> None:
    with pytest.raises(SpecError, match="has no such shard"):
        attested.verify(scope=Scope(shard=shard))


def test_a_sample_of_all_finds_the_one_bad_shard(attested: Minter, root: Path) -> None:
    flip(root / PART)
    report = attested.verify(scope=Scope(sample="100%"))
    assert [failure.path for failure in report.failures] == [PART]
    assert report.sample is not None
    assert report.sample.places == (0, 1, 2)


def test_a_sample_with_a_seed_is_the_same_again(attested: Minter) -> None:
    one, other = (attested.verify(scope=Scope(sample="1", seed=9)).sample for _ in range(2))
    assert one == other


@pytest.mark.parametrize("shards", [1, 2, 7, 300])
def test_every_record_is_found_among_lines_of_any_length(minter: Minter, fill: Fill, shards: int) -> None:
    finder = Finder(minter.store, fill(shards))
    for place in range(shards):
        found = finder.find(place)
        assert isinstance(found, Included), found
        assert found.record.index == place


Fill = Callable[[int], Statement]


@pytest.fixture
def fill(minter: Minter, make_facts: Callable[..., Mapping[str, object]]) -> Fill:
    """Writes records and tiles of many shards, with seed paths of very different lengths."""
    return lambda shards: write_shards(minter, shards, Facts.of(make_facts()))


def write_shards(minter: Minter, shards: int, facts: Facts) -> Statement:
    first = minter.commit(0)
    with VersionWriter(minter.store, 1) as writer:
        for index in range(shards):
            record = first.record.model_copy(
                update={"index": index, "seed_path": "7/" + "1" * (1 + index * 7919 % 190)}
            )
            writer.add(CommitRecord.model_validate({**dict(first), "record": record}))
        folded = writer.finish([])
    payload = build_statement(facts, folded, plan_digest=first.plan, version=1, previous=None)
    return Statement.from_payload(payload)


def test_a_record_is_found_by_reading_a_small_window(minter: Minter, fill: Fill) -> None:
    statement = fill(2000)
    for place in (0, 1, 777, 1998, 1999):
        store = MeteredStore(minter.store)
        assert isinstance(Finder(store, statement).find(place), Included)
        assert store.bytes_read < 40_000, place


def test_lines_out_of_order_end_the_search(minter: Minter, root: Path, fill: Fill) -> None:
    statement = fill(300)
    lines = (root / RECORDS).read_bytes().splitlines(keepends=True)
    (root / RECORDS).write_bytes(b"".join([*lines[150:], *lines[:150]]))
    found = [Finder(minter.store, statement).find(place) for place in range(0, 300, 17)]
    assert any(isinstance(one, VerifyFailure) and one.code == "changed-records" for one in found)


# Proof files


def proof_of(minter: Minter, shard: int = 1) -> bytes:
    return make_proof(minter.store, shard)


def alone(root: Path, tmp_path: Path, part: str = PART) -> ObjectStore:
    """A folder with one part and nothing else."""
    (tmp_path / "alone").mkdir(exist_ok=True)
    shutil.copy(root / part, tmp_path / "alone" / "part.parquet")
    return ObjectStore.open(str(tmp_path / "alone"))


def told(minter: Minter, proof: bytes, store: ObjectStore, *signers: Signer) -> set[str]:
    policy = Policy.trusting([signer.public_key for signer in signers or (minter.signer,)])
    return {failure.code for failure in verify_proof(proof, store, "part.parquet", policy).failures}


def test_a_part_is_proved_without_the_data_set(attested: Minter, root: Path, tmp_path: Path) -> None:
    proof, store = proof_of(attested), alone(root, tmp_path)
    shutil.rmtree(root)
    report = verify_proof(proof, store, "part.parquet", Policy.trusting([attested.signer.public_key]))
    assert report.ok
    assert report.head is not None
    assert report.checked.parts == 1
    assert "table 'orders' in shard 1" in report.notes[-1]


def test_each_part_of_the_shard_is_proved(attested: Minter, root: Path, tmp_path: Path) -> None:
    lines = "data/lines/part-000001-a1.parquet"
    assert told(attested, proof_of(attested), alone(root, tmp_path, lines)) == set()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda path: flip(path), {"changed-part"}),
        (lambda path: path.write_bytes(b"x"), {"wrong-size"}),
        (lambda path: path.unlink(), {"missing-part"}),
    ],
    ids=["flipped", "cut", "gone"],
)
def test_another_file_is_refused(
    attested: Minter, root: Path, tmp_path: Path, damage: Change, expected: set[str]
) -> None:
    store = alone(root, tmp_path)
    damage(tmp_path / "alone/part.parquet")
    assert told(attested, proof_of(attested), store) == expected


def test_a_part_of_another_shard_is_refused(attested: Minter, root: Path, tmp_path: Path) -> None:
    assert told(attested, proof_of(attested, 2), alone(root, tmp_path)) == {"changed-part"}


def test_a_proof_by_an_unknown_key_is_refused(attested: Minter, root: Path, tmp_path: Path) -> None:
    stranger = Signer.load(generate_key(tmp_path / "stranger").private_path)
    assert told(attested, proof_of(attested), alone(root, tmp_path), stranger) == {"bad-signature"}


FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], object], set[str]]] = {
    "another format": (lambda p: p.update(format="mintage-proof/2"), {"bad-proof"}),
    "an unknown key": (lambda p: p.update(note="x"), {"bad-proof"}),
    "no statement": (lambda p: p.update(statements=[]), {"bad-proof"}),
    "a statement that is none": (lambda p: p.update(statements=[{}]), {"bad-signature"}),
    "another statement first": (lambda p: p["statements"].reverse(), {"bad-statement"}),
    "a statement left out": (lambda p: p["statements"].pop(), {"missing-statement"}),
    "another place": (lambda p: p.update(place="0"), {"bad-proof"}),
    "a place behind the end": (lambda p: p.update(place="3"), {"bad-proof"}),
    "a place as a number": (lambda p: p.update(place=1), {"bad-proof"}),
    "a shorter proof": (lambda p: p["proof"].pop(), {"wrong-proof"}),
    "a longer proof": (lambda p: p["proof"].append("0" * 64), {"wrong-proof"}),
    "a proof in another order": (lambda p: p["proof"].reverse(), {"wrong-proof"}),
    "an endless proof": (lambda p: p.update(proof=["0" * 64] * 65), {"bad-proof"}),
    "no proof": (lambda p: p.update(proof=[]), {"wrong-proof"}),
    "another record": (lambda p: p["record"].update(seed_path="7/1/2"), {"wrong-proof"}),
    "a record of another shard": (lambda p: p["record"].update(index=2), {"wrong-proof"}),
    "a record that is none": (lambda p: p.update(record={}), {"bad-proof"}),
    "a path out of the data set": (
        lambda p: p["parts"].update(orders="data/orders/../../etc/passwd"),
        {"bad-proof"},
    ),
    "parts of other tables": (lambda p: p["parts"].pop("lines"), {"wrong-proof"}),
}


@pytest.mark.parametrize(("forge", "expected"), FORGERIES.values(), ids=FORGERIES)
def test_a_proof_file_is_refused_with(
    attested: Minter,
    root: Path,
    tmp_path: Path,
    forge: Callable[[dict[str, Any]], object],
    expected: set[str],
) -> None:
    proof = json.loads(proof_of(attested))
    forge(proof)
    assert told(attested, canonical_json(proof), alone(root, tmp_path)) == expected


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000, b"null", b'{"a":1,"a":2}', b"\xff"])
def test_what_is_no_proof_file_is_refused(attested: Minter, root: Path, tmp_path: Path, data: bytes) -> None:
    assert told(attested, data, alone(root, tmp_path)) == {"bad-proof"}


def test_a_proof_of_a_damaged_data_set_is_not_made(attested: Minter, root: Path) -> None:
    flip(root / TILE, 40)
    with pytest.raises(ProvenanceError, match="cannot be proved"):
        proof_of(attested)


def test_a_proof_of_a_shard_that_there_is_not_is_not_made(attested: Minter) -> None:
    with pytest.raises(ProvenanceError, match="has no shard 3"):
        proof_of(attested, 3)


# The journal


def resumed(minter: Minter, journal: Path, *, rows: bool = True) -> tuple[set[str], int, int]:
    scope = Scope(journal=journal)
    report = minter.verify(scope=scope) if rows else minter.verify(scope=scope, open_part=None)
    return {failure.code for failure in report.failures}, report.checked.parts, report.resumed


def test_what_a_journal_holds_is_not_read_again(attested: Minter, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    assert resumed(attested, journal) == (set(), 6, 0)
    assert resumed(attested, journal) == (set(), 0, 3)


def test_a_bad_shard_is_not_kept(attested: Minter, root: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    whole = (root / PART).read_bytes()
    flip(root / PART)
    assert resumed(attested, journal) == ({"changed-part"}, 6, 0)
    (root / PART).write_bytes(whole)
    assert resumed(attested, journal) == (set(), 2, 2)


def test_a_shard_that_was_kept_must_still_have_its_size_and_commit(
    attested: Minter, root: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    resumed(attested, journal)
    (root / PART).write_bytes(b"x")
    (root / commit_path(2)).unlink()
    failed, _, _ = resumed(attested, journal)
    assert {"wrong-size", "missing-commit"} <= failed


def test_a_last_line_that_was_cut_short_is_dropped(attested: Minter, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    resumed(attested, journal)
    journal.write_bytes(journal.read_bytes()[:-10])
    assert resumed(attested, journal) == (set(), 2, 2)
    assert resumed(attested, journal) == (set(), 0, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[2], lines[1], lines[3]],
        lambda lines: [lines[0], lines[1].replace(b"0 ", b"1 ", 1), *lines[2:]],
        lambda lines: [*lines, b"3 " + lines[1][2:]],
        lambda lines: [*lines, b"x" * 300 + b"\n"],
        lambda lines: [*lines, b"\n"],
        lambda lines: [lines[0].replace(b'"rows":true', b'"rows":false'), *lines[1:]],
        lambda lines: [b"hello\n", *lines[1:]],
    ],
    ids=["removed", "swapped", "renumbered", "added", "long", "empty", "weaker", "foreign"],
)
def test_a_journal_that_was_edited_is_refused(
    attested: Minter, tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    journal = tmp_path / "journal"
    resumed(attested, journal)
    journal.write_bytes(b"".join(change(journal.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ProvenanceError, match=r"was altered|something else"):
        resumed(attested, journal)


def test_a_journal_of_bytes_says_nothing_of_rows(attested: Minter, tmp_path: Path) -> None:
    resumed(attested, tmp_path / "journal", rows=False)
    with pytest.raises(ProvenanceError, match="something else"):
        resumed(attested, tmp_path / "journal")


def test_a_journal_of_another_copy_says_nothing_of_this_one(
    attested: Minter, root: Path, tmp_path: Path
) -> None:
    resumed(attested, tmp_path / "journal")
    shutil.copytree(root, tmp_path / "copy")
    copy = replace(attested, store=ObjectStore.open(str(tmp_path / "copy")))
    with pytest.raises(ProvenanceError, match="something else"):
        resumed(copy, tmp_path / "journal")


def test_a_journal_that_cannot_be_written_is_told(attested: Minter, tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match="cannot be used"):
        resumed(attested, tmp_path / "nowhere" / "journal")


def test_two_verifiers_do_not_share_a_journal(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"uri": "x", "statement": "y", "rows": False}
    with (
        Journal.open(tmp_path / "journal", **arguments),
        pytest.raises(ProvenanceError, match="in use"),
    ):
        Journal.open(tmp_path / "journal", **arguments)


# Strangers


@pytest.mark.parametrize(
    ("path", "usually"),
    [
        ("README.txt", True),
        ("_mintage/notes.txt", True),
        ("_mintage/heads/latest.json", True),
        ("_mintage/versions/2/statements.jsonl", True),
        ("_mintage/versions/1/records/000001.jsonl", True),
        ("_mintage/versions/1/tile/0/001", True),
        ("_mintage/rejects/orders/part-000001-a1.parquet", True),
        ("_mintage/versions/1/more.html", False),
        ("data/x", False),
    ],
)
def test_a_stranger_is_found_when_one_is_strict(
    attested: Minter, root: Path, path: str, usually: bool
) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(b"x")
    assert attested.verify().ok == usually
    assert codes(attested, Scope(strict=True)) == {"stranger" if usually else codes(attested, Scope()).pop()}


def test_nothing_in_an_honest_data_set_is_a_stranger(evaluated: Minter) -> None:
    assert codes(evaluated, Scope(strict=True)) == set()


# Versions


def test_an_older_version_is_verified_by_its_number(attested: Minter, tmp_path: Path) -> None:
    second = replace(attested, signer=Signer.load(generate_key(tmp_path / "other").private_path))
    assert second.attest().version == 2
    assert codes(attested, Scope()) == {"bad-signature"}
    assert codes(attested, Scope(version=1)) == set()
    assert codes(attested, Scope(version=3)) == {"missing-head"}
