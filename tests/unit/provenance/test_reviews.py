"""What people say of a version, and which of it counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance.attestations import add_attestation
from mintage.provenance.digests import digest_of
from mintage.provenance.heads import read_head
from mintage.provenance.layout import attestation_path
from mintage.provenance.reviews import (
    MAX_NOTE,
    REVIEW_TYPE,
    Review,
    build_review,
    opinions,
    read_reviews,
    read_signed_head,
    read_unverified_reviews,
    review_of,
)
from mintage.provenance.signing import Signer, generate_key
from mintage.provenance.statements import Head
from tests.unit.provenance.conftest import Minter

Say = Callable[..., str]


@pytest.fixture
def head(attested: Minter) -> Head:
    return read_head(attested.store, 1)


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Signer]:
    return {name: Signer.load(generate_key(tmp_path / f"{name}.pem").private_path) for name in "abc"}


def make_review(head: Head, verdict: str = "accept", **changes: object) -> Review:
    said = {
        "name": "shop",
        "root": head.root,
        "version": head.version,
        "statement": head.statement,
        "verdict": verdict,
        "reviewed": "2026-01-02T00:00:00.000+00:00",
    }
    return Review.of({**said, **changes})


@pytest.fixture
def say(minter: Minter, head: Head, keys: dict[str, Signer]) -> Say:
    """Signs a review with a key, keeps it, and returns its digest."""

    def said(key: str, verdict: str = "accept", **changes: object) -> str:
        payload = build_review(make_review(head, verdict, **changes))
        add_attestation(minter.store, head.version, keys[key].sign(payload))
        return digest_of(payload)

    return said


def verdicts(minter: Minter, head: Head, keys: dict[str, Signer]) -> dict[str, str]:
    found = opinions(read_reviews(minter.store, head, [key.public_key for key in keys.values()]))
    names = {key.keyid: name for name, key in keys.items()}
    return {names[keyid]: one.review.verdict for keyid, one in found.items()}


def test_a_review_is_an_in_toto_statement_about_the_root(head: Head) -> None:
    review = make_review(head, note="Prices look\n\tright.", role="domain expert", page=digest_of(b"page"))
    statement = json.loads(build_review(review))
    assert statement["predicateType"] == "https://mintage.dev/attestation/review/v1"
    assert statement["subject"] == [{"name": "shop", "digest": {"sha256": head.root.removeprefix("sha256:")}}]
    assert statement["predicate"] == {
        "version": "1",
        "statement": head.statement,
        "verdict": "accept",
        "note": "Prices look\n\tright.",
        "reviewer": None,
        "role": "domain expert",
        "page": digest_of(b"page"),
        "reviewed": "2026-01-02T00:00:00.000+00:00",
        "supersedes": [],
    }
    assert review_of(build_review(review)) == review


def test_unknown_keys_of_a_review_are_left_alone(head: Head) -> None:
    statement = json.loads(build_review(make_review(head)))
    statement["predicate"]["mood"] = "good"
    assert review_of(json.dumps(statement).encode()) == make_review(head)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("verdict", "ACCEPT"),
        ("verdict", None),
        ("version", "-1"),
        ("version", "1.0"),
        ("statement", "sha256:00"),
        ("note", "x" * (MAX_NOTE + 1)),
        ("note", "\x1b[2Jgone"),
        ("note", 7),
        ("reviewer", ""),
        ("role", "x\x07"),
        ("page", "deadbeef"),
        ("supersedes", "sha256:" + "0" * 64),
        ("supersedes", ["all"]),
        ("supersedes", ["sha256:" + "0" * 64] * 101),
    ],
)
def test_a_malformed_review_is_refused_by_the_name_of_its_key(head: Head, key: str, value: object) -> None:
    statement = json.loads(build_review(make_review(head)))
    statement["predicate"][key] = value
    with pytest.raises(ProvenanceError, match=f"review is wrong at '{key}"):
        review_of(json.dumps(statement).encode())


def test_a_review_without_its_verdict_is_refused(head: Head) -> None:
    statement = json.loads(build_review(make_review(head)))
    del statement["predicate"]["verdict"]
    with pytest.raises(ProvenanceError, match="'verdict'"):
        review_of(json.dumps(statement).encode())


def test_each_key_has_an_opinion_and_strangers_have_none(
    minter: Minter, head: Head, keys: dict[str, Signer], say: Say
) -> None:
    say("a")
    say("b", "reject")
    say("c")
    del keys["c"]
    assert verdicts(minter, head, keys) == {"a": "accept", "b": "reject"}


def test_the_same_key_twice_is_one_opinion(
    minter: Minter, head: Head, keys: dict[str, Signer], say: Say
) -> None:
    say("a")
    say("a", note="again")
    assert verdicts(minter, head, keys) == {"a": "accept"}


@pytest.mark.parametrize("order", [("accept", "reject"), ("reject", "accept")])
def test_of_two_that_stand_the_rejection_counts_whatever_their_times(
    minter: Minter, head: Head, keys: dict[str, Signer], say: Say, order: tuple[str, str]
) -> None:
    for day, verdict in enumerate(order, 1):
        say("a", verdict, reviewed=f"2026-01-0{day}")
    assert verdicts(minter, head, keys) == {"a": "reject"}


def test_what_a_key_supersedes_no_longer_stands_whatever_the_times(
    minter: Minter, head: Head, keys: dict[str, Signer], say: Say
) -> None:
    first = say("a", "reject", reviewed="2026-01-09")
    second = say("a", "accept", reviewed="2026-01-01", supersedes=[first])
    assert verdicts(minter, head, keys) == {"a": "accept"}
    say("a", "reject", reviewed="2025-01-01", supersedes=[second])
    assert verdicts(minter, head, keys) == {"a": "reject"}


def test_nobody_supersedes_what_another_key_said(
    minter: Minter, head: Head, keys: dict[str, Signer], say: Say
) -> None:
    first = say("a", "reject")
    say("b", "accept", supersedes=[first])
    assert verdicts(minter, head, keys) == {"a": "reject", "b": "accept"}


def test_a_review_that_two_keys_signed_is_the_opinion_of_both(
    minter: Minter, head: Head, keys: dict[str, Signer]
) -> None:
    envelopes = [json.loads(keys[name].sign(build_review(make_review(head, "reject")))) for name in "ab"]
    signatures = [signature for envelope in envelopes for signature in envelope["signatures"]]
    add_attestation(minter.store, 1, json.dumps({**envelopes[0], "signatures": signatures}).encode())
    assert verdicts(minter, head, keys) == {"a": "reject", "b": "reject"}


@pytest.mark.parametrize(
    "changes",
    [{"version": 2}, {"statement": digest_of(b"other")}, {"root": digest_of(b"other")}],
    ids=["version", "statement", "root"],
)
def test_a_review_of_another_version_does_not_count_here(
    minter: Minter, head: Head, keys: dict[str, Signer], say: Say, changes: dict[str, object]
) -> None:
    say("a", "accept", **changes)
    assert verdicts(minter, head, keys) == {}
    assert read_unverified_reviews(minter.store, head) == []


def test_an_altered_verdict_does_not_count(minter: Minter, head: Head, keys: dict[str, Signer]) -> None:
    envelope = json.loads(keys["a"].sign(build_review(make_review(head, "reject"))))
    forged = json.loads(keys["b"].sign(build_review(make_review(head, "accept"))))
    envelope["payload"] = forged["payload"]
    add_attestation(minter.store, head.version, json.dumps(envelope).encode())
    assert verdicts(minter, head, keys) == {}
    [shown] = read_unverified_reviews(minter.store, head, [keys["a"].public_key])
    assert (shown.keyids, shown.claimed) == (frozenset(), (keys["a"].keyid,))


def test_a_malformed_review_by_a_trusted_key_stops_the_reader_and_one_by_a_stranger_does_not(
    minter: Minter, head: Head, keys: dict[str, Signer]
) -> None:
    statement = json.loads(build_review(make_review(head, "reject")))
    statement["predicate"]["verdict"] = "veto"
    add_attestation(minter.store, head.version, keys["a"].sign(json.dumps(statement).encode()))
    assert read_reviews(minter.store, head, [keys["b"].public_key]) == []
    with pytest.raises(ProvenanceError, match=r"attestations/1/.*review is wrong at 'verdict'"):
        read_reviews(minter.store, head, [keys["a"].public_key])


def test_other_statements_by_the_same_key_are_passed_over(
    minter: Minter, head: Head, keys: dict[str, Signer], say: Say
) -> None:
    other = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://example.org/x",
        "note": REVIEW_TYPE,
    }
    for payload in (json.dumps(other).encode(), b"no json at all", b"[]"):
        add_attestation(minter.store, head.version, keys["a"].sign(payload))
    say("a")
    assert verdicts(minter, head, keys) == {"a": "accept"}


def test_an_attestation_that_is_not_what_its_name_says_stops_the_reader(
    minter: Minter, head: Head, keys: dict[str, Signer]
) -> None:
    envelope = keys["a"].sign(build_review(make_review(head)))
    minter.store.create(attestation_path(1, digest_of(b"something else")), envelope)
    with pytest.raises(ProvenanceError, match="not what its name says"):
        read_reviews(minter.store, head, [keys["a"].public_key])


def test_a_head_is_taken_only_with_its_own_signed_statement(
    minter: Minter, head: Head, keys: dict[str, Signer]
) -> None:
    own = [minter.signer.public_key]
    assert read_signed_head(minter.store, head, own).root == head.root
    with pytest.raises(SignatureError):
        read_signed_head(minter.store, head, [keys["a"].public_key])
    larger = head.model_copy(update={"size": head.size + 1})
    with pytest.raises(ProvenanceError, match="does not agree"):
        read_signed_head(minter.store, larger, own)
