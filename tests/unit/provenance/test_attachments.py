from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mintage.errors import ObjectExistsError, ProvenanceError, StoreUnavailableError
from mintage.provenance.attachments import MAX_ATTACHMENTS
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_of, sha256_hex
from mintage.provenance.exports import Exports
from mintage.provenance.gate_statement import TestResult, build_test_result
from mintage.provenance.heads import latest_head, read_head, read_statement
from mintage.provenance.layout import check_attachment_name, head_path, statements_path, version_path
from mintage.provenance.manifest import Manifest, read_manifest
from mintage.provenance.signing import Signer, generate_key, unverified_payload
from mintage.provenance.statements import Folded, Head
from mintage.store import ObjectStore
from tests.unit.provenance.conftest import GATES, REPORT
from tests.unit.provenance.crashing import CrashingStore

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter

OTHER_REPORT = {"report.html": b"<p>another", "report.json": b'{"another":true}'}
FOLDER = version_path(1)


def manifest(minter: Minter) -> Manifest:
    head = latest_head(minter.store)
    assert head is not None
    return read_manifest(minter.store, head, [minter.signer.public_key])


def codes(minter: Minter) -> set[str]:
    report = minter.verify()
    assert report.ok == (not report.failures)
    return {failure.code for failure in report.failures}


def test_a_report_and_the_gates_are_signed_verified_and_read_back(evaluated: Minter) -> None:
    report = evaluated.verify()
    assert (report.ok, report.failures, report.notes) == (True, [], [])
    assert (report.checked.attachments, report.gates) == (2, GATES)
    assert report.to_json()["gates"] == "WARNED"
    read = manifest(evaluated)
    assert read.attachments == ("report.html", "report.json")
    assert read.read_attachment("report.html") == REPORT["report.html"]
    assert read.report() == {"format": "mintage-report/1"}
    assert read.test_result() == GATES


def test_the_statement_names_the_digests_of_the_report_and_of_the_other_statement(
    evaluated: Minter, root: Path
) -> None:
    predicate = manifest(evaluated).statement.json["predicate"]
    assert isinstance(predicate, dict)
    page = REPORT["report.html"]
    assert predicate["report"]["report.html"] == {"sha256": sha256_hex(page), "bytes": str(len(page))}
    _, made, line = (root / statements_path(1)).read_bytes().splitlines()
    payload = unverified_payload(line)
    assert predicate["statements"] == [
        {"predicateType": "https://slsa.dev/provenance/v1", "digest": digest_of(unverified_payload(made))},
        {
            "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
            "digest": digest_of(payload),
        },
    ]
    assert json.loads(payload)["subject"] == manifest(evaluated).statement.json["subject"]


def test_a_data_set_without_a_report_has_none(attested: Minter) -> None:
    read = manifest(attested)
    assert (read.attachments, read.report(), read.test_result()) == ((), None, None)
    assert attested.verify().gates is None
    with pytest.raises(ProvenanceError, match=r"no attachment 'report.json'"):
        read.read_attachment("report.json")


def test_a_report_needs_no_gates(minted: Minter) -> None:
    minted.attest(attachments=REPORT)
    assert minted.verify().ok
    assert manifest(minted).test_result() is None


def test_a_statement_of_before_there_were_reports_is_verified_as_ever(minted: Minter, root: Path) -> None:
    head = minted.attest()
    value = dict(read_statement(minted.store, head, None).json)
    predicate = value["predicate"]
    assert isinstance(predicate, dict)
    del predicate["report"], predicate["statements"]
    payload = canonical_json(value)
    (root / statements_path(1)).write_bytes(minted.signer.sign(payload) + b"\n")
    (root / head_path(1)).write_bytes(head.model_copy(update={"statement": digest_of(payload)}).to_bytes())
    assert minted.verify().ok
    assert manifest(minted).report() is None


@pytest.mark.parametrize(
    "name",
    [
        "", "report", "Report.html", "a/b.html", "../a.html", "..", ".html", "a..b", "a.", "a\\b.html",
        "a b.html", "a\n.html", "report.html\n", "ü.html", "x" * 100 + ".html", "statements.jsonl",
        "manifest-sha256.txt", "report.html.partial", "c:report.html",
    ],
    ids=repr,
)  # fmt: skip
def test_a_name_that_could_lead_elsewhere_is_refused(minted: Minter, name: str) -> None:
    with pytest.raises(ProvenanceError, match="is refused"):
        check_attachment_name(name)
    with pytest.raises(ProvenanceError, match="is refused"):
        minted.attest(attachments={name: b"x"})
    assert latest_head(minted.store) is None


@pytest.mark.parametrize("name", ["report.html", "report.json", "croissant.json", "a-b_1.2.tar.gz"])
def test_an_ordinary_name_passes(name: str) -> None:
    check_attachment_name(name)


def test_attachments_are_capped_in_size_and_number(minted: Minter, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProvenanceError, match="more than 16"):
        minted.attest(attachments={f"{i}.html": b"x" for i in range(MAX_ATTACHMENTS + 1)})
    with pytest.raises(ProvenanceError, match="has 0 bytes"):
        minted.attest(attachments={"a.html": b""})
    monkeypatch.setattr("mintage.provenance.attachments.MAX_ATTACHMENT_BYTES", 10)
    with pytest.raises(ProvenanceError, match="has 11 bytes"):
        minted.attest(attachments={"a.html": b"x" * 11})


def test_a_data_set_that_failed_its_gates_is_not_attested(minted: Minter) -> None:
    failed = TestResult.of({"tstr": {"min": 0.8}}, {"tstr": "fail"})
    with pytest.raises(ProvenanceError, match="failed its gates is not attested: tstr"):
        minted.attest(attachments=REPORT, test_result=failed)
    assert latest_head(minted.store) is None


def test_attesting_the_same_again_returns_the_head_that_is_there(evaluated: Minter) -> None:
    head = latest_head(evaluated.store)
    assert evaluated.attest(attachments=REPORT, test_result=GATES, finished="later") == head
    assert evaluated.attest() == head


@pytest.mark.parametrize(
    ("attachments", "test_result"),
    [
        (OTHER_REPORT, GATES),
        (REPORT, TestResult.of({"tstr": {"min": 0.9}}, {"tstr": "pass"})),
        (REPORT, None),
        ({**REPORT, "croissant.json": b"{}"}, GATES),
    ],
    ids=["other-report", "other-gates", "no-gates", "one-more"],
)
def test_another_report_or_other_gates_make_a_new_version(
    evaluated: Minter, attachments: dict[str, bytes], test_result: TestResult | None
) -> None:
    head = evaluated.attest(attachments=attachments, test_result=test_result)
    assert head.version == 2
    assert evaluated.verify().ok
    read = manifest(evaluated)
    assert read.read_attachment("report.html") == attachments["report.html"]
    assert read.test_result() == test_result
    assert read.statement.predicate.previous == read_head(evaluated.store, 1).statement


def test_going_back_to_an_earlier_report_makes_a_version_of_its_own(evaluated: Minter) -> None:
    evaluated.attest(attachments=OTHER_REPORT)
    assert evaluated.attest(attachments=REPORT, test_result=GATES).version == 3
    assert manifest(evaluated).report() == {"format": "mintage-report/1"}


WRITES = 7
"""Records, a tile, checksums, statements, two attachments, the head."""


def crash(minter: Minter, number: int, *, after: bool, report: dict[str, bytes]) -> None:
    store = CrashingStore.open(minter.store.uri).crash_at(number, after=after)
    with pytest.raises(StoreUnavailableError):
        replace(minter, store=store).attest(attachments=report, test_result=GATES, finished=f"try {number}")


def test_there_are_seven_writes_to_crash_at(minted: Minter, root: Path) -> None:
    store = CrashingStore.open(str(root)).crash_at(WRITES, after=False)
    assert replace(minted, store=store).attest(attachments=REPORT, test_result=GATES).version == 1


@pytest.mark.parametrize("after", [False, True], ids=["request-lost", "answer-lost"])
@pytest.mark.parametrize("number", range(WRITES))
def test_a_crash_between_any_two_writes_is_made_good(minted: Minter, number: int, *, after: bool) -> None:
    crash(minted, number, after=after, report=REPORT)
    head = minted.attest(attachments=REPORT, test_result=GATES, finished="second try")
    assert head.version == 1
    assert minted.verify().ok
    assert minted.attest(attachments=REPORT, test_result=GATES, finished="third try") == head


@pytest.mark.parametrize("after", [False, True], ids=["request-lost", "answer-lost"])
@pytest.mark.parametrize("second", range(WRITES))
@pytest.mark.parametrize("first", range(WRITES))
def test_after_crashes_with_different_reports_the_newest_head_has_the_report_that_was_asked_for(
    minter: Minter, first: int, second: int, *, after: bool
) -> None:
    # In memory, because so many writes to a disk would take long.
    uri = f"memory://two-crashes-{first}-{second}-{after}"
    minted = replace(minter, store=ObjectStore.open(uri)).mint()
    crash(minted, first, after=after, report=REPORT)
    crash(minted, second, after=after, report=OTHER_REPORT)
    head = minted.attest(attachments=REPORT, test_result=GATES, finished="last try")
    assert latest_head(minted.store) == head
    assert minted.verify().ok
    assert manifest(minted).read_attachment("report.html") == REPORT["report.html"]


@pytest.mark.parametrize("number", range(WRITES))
def test_a_crash_with_a_report_and_a_try_without_one_leave_no_file_unnamed(
    minted: Minter, number: int
) -> None:
    crash(minted, number, after=False, report=REPORT)
    minted.attest()
    assert minted.verify().ok
    assert manifest(minted).attachments == ()


def test_a_file_of_a_stranger_in_the_way_is_left_alone(minted: Minter, root: Path) -> None:
    (root / FOLDER).mkdir(parents=True)
    (root / FOLDER / "report.html").write_bytes(b"not ours")
    assert minted.attest(attachments=REPORT).version == 2
    assert (root / FOLDER / "report.html").read_bytes() == b"not ours"
    assert minted.verify().ok


def test_an_unfinished_version_with_a_statement_too_many_is_not_adopted(minted: Minter, root: Path) -> None:
    crash(minted, 4, after=False, report=REPORT)
    path = root / statements_path(1)
    stray = build_test_result("shop", digest_of(b"x"), GATES, {})
    path.write_bytes(path.read_bytes() + minted.signer.sign(stray) + b"\n")
    assert minted.attest(attachments=REPORT, test_result=GATES).version == 2
    assert minted.verify().ok


def test_an_unfinished_version_that_lost_a_statement_is_not_adopted(minted: Minter, root: Path) -> None:
    crash(minted, 4, after=False, report=REPORT)
    path = root / statements_path(1)
    path.write_bytes(path.read_bytes().splitlines()[0] + b"\n")
    assert minted.attest(attachments=REPORT, test_result=GATES).version == 2
    assert minted.verify().ok


def test_an_unfinished_version_with_another_report_is_not_adopted_without_gates_either(
    minted: Minter, root: Path
) -> None:
    store = CrashingStore.open(str(root)).crash_at(4, after=False)
    with pytest.raises(StoreUnavailableError):
        replace(minted, store=store).attest(attachments=REPORT)
    assert minted.attest(attachments=OTHER_REPORT).version == 2
    assert minted.verify().ok


@pytest.mark.parametrize("reports", [[REPORT], [REPORT, OTHER_REPORT]], ids=["same", "different"])
def test_drivers_that_attest_reports_at_once_leave_whole_versions(
    minted: Minter, root: Path, reports: list[dict[str, bytes]]
) -> None:
    heads = {}
    ready = threading.Barrier(4)

    def drive(number: int) -> None:
        ready.wait()
        heads[number] = minted.attest(
            attachments=reports[number % len(reports)], test_result=GATES, finished=f"by driver {number}"
        )

    threads = [threading.Thread(target=drive, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({head.statement for head in heads.values()}) == len(reports)
    for number, head in heads.items():
        read = read_manifest(minted.store, head, [minted.signer.public_key])
        assert read.read_attachment("report.html") == reports[number % len(reports)]["report.html"]
    # Each of the versions is whole, not only the newest.
    for version in sorted({head.version for head in heads.values()}, reverse=True):
        assert minted.verify().ok
        (root / head_path(version)).unlink()


def add_in_folder(root: Path) -> None:
    (root / FOLDER / "more").mkdir()
    (root / FOLDER / "more" / "report.html").write_bytes(b"all is well")


def append_line(root: Path, line: bytes) -> None:
    path = root / statements_path(1)
    path.write_bytes(path.read_bytes() + line + b"\n")


def replace_line(root: Path, line: bytes) -> None:
    path = root / statements_path(1)
    path.write_bytes(b"\n".join([*path.read_bytes().splitlines()[:2], line]) + b"\n")


def flip_signature(root: Path) -> None:
    line = json.loads((root / statements_path(1)).read_bytes().splitlines()[-1])
    text = line["signatures"][0]["sig"]
    line["signatures"][0]["sig"] = ("B" if text[0] == "A" else "A") + text[1:]
    replace_line(root, json.dumps(line).encode())


ATTACKS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "the report is altered": (
        lambda root: (root / FOLDER / "report.json").write_bytes(b'{"format":"mintage-report/2"}'),
        {"changed-attachment"},
    ),
    "the report is longer": (
        lambda root: (root / FOLDER / "report.html").write_bytes(REPORT["report.html"] + b" "),
        {"changed-attachment"},
    ),
    "the report is huge": (
        lambda root: (root / FOLDER / "report.html").write_bytes(b" " * (65 * 2**20)),
        {"changed-attachment"},
    ),
    "the report is missing": (
        lambda root: (root / FOLDER / "report.html").unlink(),
        {"missing-attachment"},
    ),
    "the reports are swapped": (
        lambda root: shutil.copy(root / FOLDER / "report.html", root / FOLDER / "report.json"),
        {"changed-attachment"},
    ),
    "a file is added": (
        lambda root: (root / FOLDER / "review.html").write_bytes(b"all is well"),
        {"additional-attachment"},
    ),
    "a file is added in a folder": (
        add_in_folder,
        {"additional-attachment"},
    ),
    "the test result is missing": (
        lambda root: (root / statements_path(1)).write_bytes(
            b"\n".join((root / statements_path(1)).read_bytes().splitlines()[:2])
        ),
        {"missing-statement"},
    ),
    "the test result has a false signature": (flip_signature, {"bad-signature"}),
    "the test result is no envelope": (
        lambda root: replace_line(root, b"{}"),
        {"additional-statement", "missing-statement"},
    ),
    "the test result is there twice": (
        lambda root: append_line(root, (root / statements_path(1)).read_bytes().splitlines()[-1]),
        {"additional-statement"},
    ),
    "a blank line is added": (lambda root: append_line(root, b""), {"additional-statement"}),
}


@pytest.mark.parametrize(("attack", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_it_is_noticed_when(
    evaluated: Minter, root: Path, attack: Callable[[Path], object], expected: set[str]
) -> None:
    attack(root)
    assert codes(evaluated) == expected


def test_a_better_test_result_by_the_very_same_key_is_refused(evaluated: Minter, root: Path) -> None:
    head = latest_head(evaluated.store)
    assert head is not None
    better = TestResult.of({"tstr": {"min": 0.1}}, {"tstr": "pass"})
    line = evaluated.signer.sign(build_test_result("shop", head.root, better, {}))
    append_line(root, line)
    assert codes(evaluated) == {"additional-statement"}
    replace_line(root, line)
    assert codes(evaluated) == {"additional-statement", "missing-statement"}
    with pytest.raises(ProvenanceError, match="does not hold"):
        manifest(evaluated).test_result()


def test_the_same_test_result_signed_by_a_stranger_is_refused(
    evaluated: Minter, root: Path, tmp_path: Path
) -> None:
    stranger = Signer.load(generate_key(tmp_path / "stranger.pem").private_path)
    payload = unverified_payload((root / statements_path(1)).read_bytes().splitlines()[-1])
    replace_line(root, stranger.sign(payload))
    assert codes(evaluated) == {"bad-signature"}


def test_a_second_signature_under_the_same_statement_does_no_harm(
    evaluated: Minter, root: Path, tmp_path: Path
) -> None:
    second = Signer.load(generate_key(tmp_path / "second.pem").private_path)
    payload = unverified_payload((root / statements_path(1)).read_bytes().splitlines()[0])
    append_line(root, second.sign(payload))
    assert evaluated.verify().ok
    assert evaluated.verify(second.public_key).to_json()["ok"] is False  # it did not sign the test result


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda _: build_test_result("shop", digest_of(b"other rows"), GATES, {}), "wrong-subject"),
        (lambda head: build_test_result("another shop", head.root, GATES, {}), "wrong-subject"),
        (lambda head: build_test_result("shop", head.root, GATES, {}), "bad-statement"),
        (
            lambda head: build_test_result("shop", head.root, GATES, {}).replace(b"WARNED", b"PASSED"),
            "bad-statement",
        ),
    ],
    ids=["other-root", "other-name", "other-report", "contradiction"],
)
def test_a_signed_test_result_about_something_else_is_refused(
    evaluated: Minter, root: Path, make: Callable[[Head], bytes], code: str
) -> None:
    head = latest_head(evaluated.store)
    assert head is not None
    other = make(head)
    value = dict(read_statement(evaluated.store, head, None).json)
    predicate = value["predicate"]
    assert isinstance(predicate, dict)
    predicate["statements"][1]["digest"] = digest_of(other)
    payload = canonical_json(value)
    made = (root / statements_path(1)).read_bytes().splitlines()[1]
    lines = [evaluated.signer.sign(payload), made, evaluated.signer.sign(other)]
    (root / statements_path(1)).write_bytes(b"\n".join(lines))
    (root / head_path(1)).write_bytes(head.model_copy(update={"statement": digest_of(payload)}).to_bytes())
    assert codes(evaluated) == {code}


def test_an_altered_report_is_not_read(evaluated: Minter, root: Path) -> None:
    (root / FOLDER / "report.json").write_bytes(b'{"format":"mintage-report/2"}')
    with pytest.raises(ProvenanceError, match="is not what was signed"):
        manifest(evaluated).report()
    (root / FOLDER / "report.json").unlink()
    with pytest.raises(ProvenanceError, match="is missing"):
        manifest(evaluated).report()


@pytest.mark.parametrize("data", [b"[]", b"{", b'{"a":NaN}', b'{"a":1,"a":2}'], ids=repr)
def test_a_signed_report_that_is_no_object_is_not_believed(minted: Minter, data: bytes) -> None:
    minted.attest(attachments={"report.json": data})
    assert minted.verify().ok
    with pytest.raises(ProvenanceError):
        manifest(minted).report()


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("../../heads/1.json", {"sha256": "0" * 64, "bytes": "1"}),
        ("report.html", {"sha256": "0" * 64, "bytes": str(2**40)}),
        ("report.html", {"sha256": "x", "bytes": "1"}),
        ("report.html", {"bytes": "1"}),
    ],
    ids=["path", "size", "digest", "no-digest"],
)
def test_a_signed_statement_with_a_wrong_attachment_is_malformed(
    attested: Minter, root: Path, name: str, entry: dict[str, str]
) -> None:
    head = latest_head(attested.store)
    assert head is not None
    value = dict(read_statement(attested.store, head, None).json)
    predicate = value["predicate"]
    assert isinstance(predicate, dict)
    predicate["report"] = {name: entry}
    payload = canonical_json(value)
    (root / statements_path(1)).write_bytes(attested.signer.sign(payload) + b"\n")
    (root / head_path(1)).write_bytes(head.model_copy(update={"statement": digest_of(payload)}).to_bytes())
    assert codes(attested) == {"bad-statement"}


def test_statements_that_could_not_be_read_back_are_not_written(
    minted: Minter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mintage.provenance.unsigned.MAX_ENVELOPE_BYTES", 1000)
    with pytest.raises(ProvenanceError, match="where 1000 are allowed"):
        minted.attest()
    assert latest_head(minted.store) is None


def test_nothing_that_was_created_is_created_again(evaluated: Minter) -> None:
    with pytest.raises(ObjectExistsError):
        evaluated.store.create(f"{FOLDER}report.html", b"another")


def exports_of(*names: str) -> Exports:
    """Exports that hold what they were given."""

    def render(version: int, folded: Folded) -> dict[str, bytes]:
        return {name: f"{name} {version} {folded.root}".encode() for name in names}

    return Exports(names=frozenset(names), render=render)


def test_what_is_exported_is_named_and_signed_like_a_report(minted: Minter) -> None:
    head = minted.attest(attachments=REPORT, test_result=GATES, exports=exports_of("card.md"))
    read = read_manifest(minted.store, head, [minted.signer.public_key])
    assert read.attachments == ("card.md", "report.html", "report.json")
    assert read.read_attachment("card.md") == f"card.md 1 {head.root}".encode()
    assert minted.verify().ok


def test_a_version_with_exports_is_found_again(minted: Minter) -> None:
    asked = {"attachments": REPORT, "test_result": GATES, "exports": exports_of("card.md")}
    head = minted.attest(**asked)  # type: ignore[arg-type]  # as named
    assert minted.attest(**asked, finished="later") == head  # type: ignore[arg-type]
    assert minted.attest(finished="later") == head
    other = minted.attest(attachments={"report.html": b"better"}, exports=exports_of("card.md"))
    assert other.version == head.version + 1


def test_exports_take_part_in_the_limits(minted: Minter) -> None:
    names = [f"{number}.md" for number in range(MAX_ATTACHMENTS + 1)]
    with pytest.raises(ProvenanceError, match="are more than"):
        minted.attest(exports=exports_of(*names))
