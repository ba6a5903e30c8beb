from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mintage.errors import ProvenanceError, SignatureError, StoreUnavailableError
from mintage.provenance.evaluations import read_evaluation
from mintage.provenance.gate_statement import TestResult
from mintage.provenance.layout import commit_path
from mintage.provenance.signing import Signer, generate_key
from tests.unit.provenance.conftest import GATES, REPORT
from tests.unit.provenance.crashing import CrashingStore

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter

FAILED = TestResult.of({"tstr": {"min": 0.8}, "accuracy": {"min": 0.1}}, {"tstr": "fail", "accuracy": "pass"})


def test_a_failed_evaluation_is_kept_signed_and_read_back(minted: Minter, root: Path) -> None:
    folder = minted.keep_failed(REPORT, FAILED)
    assert folder.startswith("_mintage/evaluations/")
    assert {path.name for path in (root / folder).iterdir()} == {
        "report.html",
        "report.json",
        "statement.jsonl",
    }
    statement = read_evaluation(minted.store, folder, [minted.signer.public_key])
    assert (statement.result, statement.name) == (FAILED, "shop")
    assert statement.root == minted.attest().root


def test_keeping_the_same_again_changes_nothing(minted: Minter, root: Path) -> None:
    folder = minted.keep_failed(REPORT, FAILED)
    before = sorted(root.rglob("*"))
    assert minted.keep_failed(REPORT, FAILED) == folder
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("different", ["report", "gates", "key"])
def test_another_evaluation_has_a_folder_of_its_own(minted: Minter, tmp_path: Path, different: str) -> None:
    first = minted.keep_failed(REPORT, FAILED)
    match different:
        case "report":
            second = minted.keep_failed({"report.html": b"x"}, FAILED)
        case "gates":
            second = minted.keep_failed(REPORT, TestResult.of({"tstr": {"min": 1.0}}, {"tstr": "fail"}))
        case _:
            other = Signer.load(generate_key(tmp_path / "other.pem").private_path)
            second = replace(minted, signer=other).keep_failed(REPORT, FAILED)
    assert first != second


@pytest.mark.parametrize("after", [False, True], ids=["request-lost", "answer-lost"])
@pytest.mark.parametrize("number", range(3))
def test_a_crash_between_any_two_writes_is_made_good(
    minted: Minter, root: Path, number: int, *, after: bool
) -> None:
    store = CrashingStore.open(str(root)).crash_at(number, after=after)
    with pytest.raises(StoreUnavailableError):
        replace(minted, store=store).keep_failed(REPORT, FAILED)
    folder = minted.keep_failed(REPORT, FAILED)
    assert read_evaluation(minted.store, folder, [minted.signer.public_key]).result == FAILED
    assert len(list((root / "_mintage/evaluations").iterdir())) == 1


def test_a_version_that_is_signed_later_is_none_the_worse_for_it(minted: Minter) -> None:
    minted.keep_failed(REPORT, FAILED)
    minted.attest(attachments={"report.html": b"better"}, test_result=GATES)
    report = minted.verify()
    assert (report.ok, report.notes) == (True, [])


def test_what_did_not_fail_is_refused(minted: Minter) -> None:
    with pytest.raises(ProvenanceError, match="did not fail, they are WARNED"):
        minted.keep_failed(REPORT, GATES)


def test_an_evaluation_of_unfinished_rows_is_refused(minted: Minter, root: Path) -> None:
    (root / commit_path(1)).unlink()
    with pytest.raises(ProvenanceError, match="shard 1 is not committed"):
        minted.keep_failed(REPORT, FAILED)
    with pytest.raises(ProvenanceError, match="without shards"):
        minted.with_shards(0).keep_failed(REPORT, FAILED)


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (lambda folder: (folder / "report.html").write_bytes(b"<!DOCTYPE html>"), "not what was signed"),
        (lambda folder: (folder / "report.html").unlink(), "it is missing"),
        (lambda folder: (folder / "statement.jsonl").unlink(), r"statement.jsonl is missing"),
        (lambda folder: (folder / "statement.jsonl").write_bytes(b"{}"), "not a DSSE envelope"),
    ],
    ids=["altered", "report-gone", "statement-gone", "no-envelope"],
)
def test_an_evaluation_is_not_believed_when_it_was_altered(
    minted: Minter, root: Path, attack: Callable[[Path], object], message: str
) -> None:
    folder = minted.keep_failed(REPORT, FAILED)
    attack(root / folder)
    with pytest.raises(ProvenanceError, match=message):
        read_evaluation(minted.store, folder, [minted.signer.public_key])


def test_an_evaluation_by_a_stranger_is_refused(minted: Minter, tmp_path: Path) -> None:
    stranger = Signer.load(generate_key(tmp_path / "stranger.pem").private_path)
    folder = minted.keep_failed(REPORT, FAILED)
    with pytest.raises(SignatureError):
        read_evaluation(minted.store, folder, [stranger.public_key])
