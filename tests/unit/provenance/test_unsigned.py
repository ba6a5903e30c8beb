"""Data that no key would sign: it is kept, said to be unsigned, and signed later, but only as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mintage.errors import ProvenanceError, SigningError, UnsignedError
from mintage.provenance.canonical import canonical_json
from mintage.provenance.heads import latest_head, read_statement
from mintage.provenance.layout import commit_path, head_path, statements_path, unsigned_path
from mintage.provenance.signing import Signer, generate_key
from mintage.provenance.unsigned import find_unsigned, read_unsigned, sign_unsigned
from mintage.store import ObjectStore
from tests.unit.provenance.conftest import GATES, REPORT
from tests.unit.provenance.services import DOWN, Unreachable

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter


def down(minter: Minter) -> Minter:
    """The same with a key service that does not answer."""
    return replace(minter, signer=Signer((Unreachable(minter.signer), DOWN)))


@pytest.fixture
def unsigned(minted: Minter) -> Minter:
    """A data set with a report that was not signed, and the key that could sign it now."""
    with pytest.raises(UnsignedError):
        down(minted).attest(attachments=REPORT, test_result=GATES)
    return minted


def test_when_a_key_does_not_sign_everything_else_is_kept(unsigned: Minter, root: Path) -> None:
    folder = root / "_mintage/versions/1"
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest-sha256.txt", "records", "report.html", "report.json", "tile", "unsigned.jsonl",
    ]  # fmt: skip
    assert latest_head(unsigned.store) is None
    assert find_unsigned(unsigned.store) == 1
    payloads = read_unsigned(unsigned.store, 1)
    assert payloads is not None
    assert [json.loads(payload)["predicateType"] for payload in payloads] == [
        "https://mintage.dev/attestation/synthetic-dataset/v1",
        "https://slsa.dev/provenance/v1",
        "https://in-toto.io/attestation/test-result/v0.1",
    ]


def test_the_error_says_that_the_data_are_kept_and_what_to_do(minted: Minter) -> None:
    with pytest.raises(
        UnsignedError, match=r"complete and kept, but unsigned, as version 1.*awskms"
    ) as caught:
        down(minted).attest()
    assert f"mintage sign {minted.store.uri} --key KEY" in caught.value.hint
    assert "run the same job again" in caught.value.hint


def test_one_key_of_several_that_does_not_sign_leaves_no_signature_at_all(minted: Minter, root: Path) -> None:
    joint = Signer.together([minted.signer, down_key(root.parent)])
    with pytest.raises(UnsignedError):
        replace(minted, signer=joint).attest()
    assert not (root / statements_path(1)).exists()


def down_key(folder: Path) -> Signer:
    return Signer((Unreachable(Signer.load(generate_key(folder / "down.pem").private_path)), DOWN))


def test_verifying_says_that_the_data_set_is_unsigned(unsigned: Minter) -> None:
    [failure] = unsigned.verify().failures
    assert (failure.code, failure.path) == ("unsigned", unsigned_path(1))


def test_what_was_unsigned_is_signed_by_whoever_has_a_key(unsigned: Minter, tmp_path: Path) -> None:
    other = Signer.load(generate_key(tmp_path / "other.pem", "ecdsa-p256").private_path)
    before = read_unsigned(unsigned.store, 1)
    head = sign_unsigned(unsigned.store, 1, other)
    assert latest_head(unsigned.store) == head
    report = unsigned.verify(other.public_key)
    assert report.ok, report.failures
    assert report.notes == []
    assert report.gates == GATES
    assert read_unsigned(unsigned.store, 1) == before
    assert find_unsigned(unsigned.store) is None


@pytest.mark.parametrize("tries", [1, 3])
def test_attesting_again_finishes_it(unsigned: Minter, root: Path, tries: int) -> None:
    for number in range(tries - 1):
        with pytest.raises(UnsignedError):
            down(unsigned).attest(
                attachments=REPORT, test_result=GATES, finished=f"2026-01-02T00:00:0{number}Z"
            )
    head = unsigned.attest(attachments=REPORT, test_result=GATES, finished="2026-01-03T00:00:00Z")
    assert head.version == 1
    assert unsigned.verify().ok
    assert [path.name for path in (root / "_mintage/versions").iterdir()] == ["1"]


def test_another_report_takes_another_version(unsigned: Minter) -> None:
    head = unsigned.attest(attachments={"report.html": b"another"}, test_result=GATES)
    assert head.version == 2
    report = unsigned.verify()
    assert report.ok, report.failures
    assert unsigned.store.read("_mintage/versions/1/report.html", max_bytes=100) == REPORT["report.html"]


def test_an_unsigned_version_after_a_signed_one_is_noted(attested: Minter) -> None:
    with pytest.raises(UnsignedError, match="as version 2"):
        down(attested).attest(attachments=REPORT)
    report = attested.verify()
    assert report.ok
    assert any("version 2" in note and "unsigned" in note for note in report.notes)
    sign_unsigned(attested.store, 2, attested.signer)
    signed = attested.verify()
    assert (signed.ok, signed.notes, signed.head and signed.head.version) == (True, [], 2)


def test_a_key_that_still_does_not_sign_changes_nothing(unsigned: Minter, root: Path) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(SigningError, match="awskms:alias/release"):
        sign_unsigned(unsigned.store, 1, down(unsigned).signer)
    assert sorted(root.rglob("*")) == before


def test_signing_goes_on_after_it_was_stopped_before_the_head(
    unsigned: Minter, root: Path, tmp_path: Path
) -> None:
    key = Signer.load(generate_key(tmp_path / "k.pem", "ecdsa-p384").private_path)
    head = sign_unsigned(unsigned.store, 1, key)
    lines = (root / statements_path(1)).read_bytes()
    (root / head_path(1)).unlink()
    assert sign_unsigned(unsigned.store, 1, key) == head
    assert (root / statements_path(1)).read_bytes() == lines
    (root / head_path(1)).unlink()
    with pytest.raises(ProvenanceError, match="by somebody else"):
        sign_unsigned(unsigned.store, 1, unsigned.signer)


def change(root: Path, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change what waits to be signed, as somebody who may write to the store can."""
    path = root / unsigned_path(1)
    values = [json.loads(line) for line in path.read_bytes().splitlines()]
    edit(values)
    path.write_bytes(b"".join(canonical_json(value) + b"\n" for value in values))


TAMPERED: dict[str, Callable[[Path], object]] = {
    "another root": lambda root: change(root, another_root),
    "other totals": lambda root: change(
        root, lambda values: values[0]["predicate"]["tables"]["orders"].update(rows="1")
    ),
    "other verdicts": lambda root: change(
        root, lambda values: values[0]["predicate"]["verdicts"]["orders"].update(accepted="1")
    ),
    "another content root": lambda root: change(
        root, lambda values: values[0]["predicate"]["content"].update(root="sha256:" + "ab" * 32)
    ),
    "another version": lambda root: change(root, lambda values: values[0]["predicate"].update(version="2")),
    "another past": lambda root: change(
        root, lambda values: values[0]["predicate"].update(previous="sha256:" + "ab" * 32)
    ),
    "a hidden report": lambda root: change(root, lambda values: values[0]["predicate"].update(report={})),
    "another spec": lambda root: change(
        root, lambda values: values[1]["predicate"]["buildDefinition"]["externalParameters"].update(rows=1)
    ),
    "one line less": lambda root: change(root, list.pop),
    "one line twice": lambda root: change(root, lambda values: values.append(values[2])),
    "no statement": lambda root: (root / unsigned_path(1)).write_bytes(b"{}\n"),
    "nothing": lambda root: (root / unsigned_path(1)).write_bytes(b""),
    "another report": lambda root: (root / "_mintage/versions/1/report.json").write_bytes(b"{}"),
    "no report": lambda root: (root / "_mintage/versions/1/report.html").unlink(),
    "a part less": lambda root: (root / "data/orders/part-000001-a1.parquet").unlink(),
    "a short part": lambda root: (root / "data/orders/part-000001-a1.parquet").write_bytes(b"x"),
    "a commit less": lambda root: (root / commit_path(2)).unlink(),
    "another plan": lambda root: (root / "_mintage/plan.json").write_bytes(b"{}"),
}


def another_root(values: list[dict[str, Any]]) -> None:
    for value in values:
        value["subject"][0]["digest"]["sha256"] = "ab" * 32
    values[0]["predicate"]["tree"]["root"] = "sha256:" + "ab" * 32


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_what_was_changed_while_it_waited_is_not_signed(
    unsigned: Minter, root: Path, tamper: Callable[[Path], object]
) -> None:
    tamper(root)
    with pytest.raises(ProvenanceError):
        sign_unsigned(unsigned.store, 1, unsigned.signer)
    assert latest_head(unsigned.store) is None
    assert not (root / statements_path(1)).exists()


def test_several_keys_sign_a_version_and_each_alone_verifies_it(minted: Minter, tmp_path: Path) -> None:
    other = Signer.load(generate_key(tmp_path / "other.pem", "ecdsa-p256").private_path)
    joint = replace(minted, signer=Signer.together([minted.signer, other]))
    head = joint.attest(attachments=REPORT, test_result=GATES)
    assert joint.attest(attachments=REPORT, test_result=GATES) == head
    for key in joint.signer.public_keys:
        assert minted.verify(key).ok
    assert read_statement(minted.store, head, joint.signer.public_keys, threshold=2).root == head.root
    # Both have signed, so neither needs a version of its own.
    assert minted.attest() == head


def test_with_one_more_key_a_version_is_signed_anew(attested: Minter, tmp_path: Path) -> None:
    other = Signer.load(generate_key(tmp_path / "other.pem").private_path)
    joint = replace(attested, signer=Signer.together([attested.signer, other]))
    assert joint.attest().version == 2


def test_an_unfinished_version_of_several_keys_is_finished_by_the_same_only(
    minted: Minter, root: Path, tmp_path: Path
) -> None:
    other = Signer.load(generate_key(tmp_path / "other.pem", "ecdsa-p256").private_path)
    joint = replace(minted, signer=Signer.together([minted.signer, other]))
    head = joint.attest()
    lines = (root / statements_path(1)).read_bytes()
    (root / head_path(1)).unlink()
    shutil.copytree(root, tmp_path / "copy")
    assert joint.attest(finished="2026-01-09T00:00:00Z") == head
    assert (root / statements_path(1)).read_bytes() == lines
    third = Signer.load(generate_key(tmp_path / "third.pem").private_path)
    more = Signer.together([minted.signer, other, third])
    copied = replace(minted, store=ObjectStore.open(str(tmp_path / "copy")), signer=more)
    assert copied.attest().version == 2
