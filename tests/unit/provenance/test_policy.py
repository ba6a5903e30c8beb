from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mintage.errors import SpecError
from mintage.provenance.attestations import add_attestation
from mintage.provenance.canonical import canonical_json
from mintage.provenance.layout import statements_path
from mintage.provenance.policy import Policy, parse_time
from mintage.provenance.report import VerifyReport
from mintage.provenance.reviews import Review, build_review
from mintage.provenance.signing import PublicKey, Signer, generate_key, unverified_payload
from mintage.provenance.slsa import BUILD_TYPE, PROVENANCE_TYPE
from mintage.provenance.statements import Head, build_in_toto
from mintage.provenance.verify import Scope, verify_dataset

if TYPE_CHECKING:
    from tests.unit.provenance.conftest import Minter

VSA = "https://slsa.dev/verification_summary/v1"
Values = dict[str, Any]


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    """More keys, by name."""
    folder = tmp_path_factory.mktemp("others")
    return {
        name: Signer.load(generate_key(folder / name).private_path)
        for name in ("second", "ada", "ben", "eve")
    }


def pem(signer: Signer) -> dict[str, object]:
    return {"pem": signer.public_key.pem.decode()}


@pytest.fixture
def values(signer: Signer, others: dict[str, Signer]) -> Values:
    """A policy that accepts what the minter signs; keys can be changed."""
    return {
        "format": "mintage-policy/1",
        "keys": {"first": pem(signer), **{name: pem(other) for name, other in others.items()}},
        "roles": {
            "builder": {"keys": ["first", "second"]},
            "reviewer": {"keys": ["ada", "ben"]},
            "verifier": {"keys": ["eve"]},
        },
    }


def make(values: object) -> Policy:
    return Policy.of(values, load_key=PublicKey.load)


def judged(minter: Minter, values: Values, scope: Scope | None = None) -> VerifyReport:
    return verify_dataset(minter.store, make(values), scope=scope or Scope())


def codes(minter: Minter, values: Values) -> set[str]:
    report = judged(minter, values)
    assert report.accepted == report.ok
    return {failure.code for failure in report.failures}


def head_of(minter: Minter) -> Head:
    return Head.from_bytes(minter.store.read("_mintage/heads/1.json", max_bytes=10_000))


def countersign(minter: Minter, signer: Signer) -> None:
    line = minter.store.read(statements_path(1), max_bytes=10**7).splitlines()[0]
    add_attestation(minter.store, 1, signer.sign(unverified_payload(line)))


def review(minter: Minter, signer: Signer, verdict: str, when: str = "2026-02-01T00:00:00Z") -> None:
    head = head_of(minter)
    said = Review.of(
        {"name": "shop", "root": head.root, "version": "1", "statement": head.statement,
         "verdict": verdict, "note": "as I see it", "reviewed": when}
    )  # fmt: skip
    add_attestation(minter.store, 1, signer.sign(build_review(said)))


def test_a_policy_that_is_met_is_no_failure_and_says_who_signed(attested: Minter, values: Values) -> None:
    report = judged(attested, values)
    assert (report.ok, report.signers) == (True, [f"first: {attested.signer.keyid}"])


REFUSALS: dict[str, tuple[Callable[[Values], object], str]] = {
    "no mapping": (lambda v: v.clear(), "format"),
    "another format": (lambda v: v.update(format="mintage-policy/2"), "format"),
    "an unknown key": (lambda v: v.update(min_versoin=3), "did you mean 'min_version'"),
    "an unknown key of a key": (
        lambda v: v["keys"]["ada"].update(version={"to": 3}),
        "did you mean 'versions'",
    ),
    "an unknown key of a role": (
        lambda v: v["roles"]["builder"].update(treshold=2),
        "did you mean 'threshold'",
    ),
    "an unknown key of the lineage": (
        lambda v: v.update(lineage={"max_gen": 2}),
        "did you mean 'max_generation'",
    ),
    "an unknown role": (lambda v: v["roles"].update(bilder={"keys": ["ada"]}), "roles.bilder"),
    "no builder": (lambda v: v["roles"].pop("builder"), "role builder"),
    "a role of nobody": (lambda v: v["roles"].update(builder={"keys": []}), "roles.builder.keys"),
    "a role of a key that is not there": (
        lambda v: v["roles"].update(builder={"keys": ["frist"]}),
        "did you mean 'first'",
    ),
    "a threshold of nothing": (lambda v: v["roles"]["builder"].update(threshold=0), "threshold"),
    "a threshold as text": (lambda v: v["roles"]["builder"].update(threshold="1"), "threshold"),
    "a threshold as true": (lambda v: v["roles"]["builder"].update(threshold=True), "threshold"),
    "a threshold of more keys than there are": (
        lambda v: v["roles"]["builder"].update(threshold=3),
        "3 keys must sign, but only 2 are named",
    ),
    "a key twice in a role": (
        lambda v: v["roles"].update(builder={"keys": ["first", "first"]}),
        "there twice",
    ),
    "one key under two names": (
        lambda v: v["keys"].update(twin=dict(v["keys"]["first"])),
        "keys.first and keys.twin are one key",
    ),
    "neither file nor PEM": (lambda v: v["keys"].update(ada={}), "either file or pem"),
    "both file and PEM": (lambda v: v["keys"]["ada"].update(file="ada.pub"), "either file or pem"),
    "a PEM of something else": (lambda v: v["keys"]["ada"].update(pem="hello"), "keys.ada"),
    "a file that is not there": (lambda v: v["keys"].update(ada={"file": "/nowhere/ada.pub"}), "keys.ada"),
    "versions that end before they begin": (
        lambda v: v["keys"]["ada"].update(versions={"from": 3, "to": 2}),
        "before it begins",
    ),
    "dates that end before they begin": (
        lambda v: v["keys"]["ada"].update(dates={"from": "2026-02-01", "to": "2026-01-01"}),
        "before it begins",
    ),
    "a date that is none": (lambda v: v["keys"]["ada"].update(dates={"from": "2026-02-31"}), "ISO 8601"),
    "a time without a zone": (
        lambda v: v["keys"]["ada"].update(dates={"from": "2026-02-01T00:00:00"}),
        "has no zone",
    ),
    "more reviews than reviewers": (lambda v: v.update(reviews={"accepts": 3}), "roles.reviewer names 2"),
    "reviews without reviewers": (
        lambda v: (v["roles"].pop("reviewer"), v.update(reviews={"accepts": 1})),
        "names no keys",
    ),
    "a threshold of reviewers": (lambda v: v["roles"]["reviewer"].update(threshold=2), "reviews.accepts"),
    "a version of nothing": (lambda v: v.update(min_version=0), "min_version"),
    "thousands of keys": (
        lambda v: v["keys"].update({f"k{n}": {"file": "x"} for n in range(101)}),
        "keys",
    ),
}


@pytest.mark.parametrize(("change", "told"), REFUSALS.values(), ids=REFUSALS)
def test_a_policy_is_refused_with(values: Values, change: Callable[[Values], object], told: str) -> None:
    change(values)
    with pytest.raises(SpecError) as caught:
        make(values)
    assert told in str(caught.value)


@pytest.mark.parametrize("value", [None, [], "builder", 3])
def test_a_policy_that_is_no_mapping_is_refused(value: object) -> None:
    with pytest.raises(SpecError, match="must be a mapping"):
        make(value)


def test_trusting_nobody_is_refused() -> None:
    with pytest.raises(SpecError, match="keys"):
        Policy.trusting([])


def test_a_key_given_twice_is_one_key(signer: Signer) -> None:
    assert len(Policy.trusting([signer.public_key, signer.public_key]).keys) == 1


def test_a_second_signature_meets_a_threshold_of_two(
    attested: Minter, values: Values, others: dict[str, Signer]
) -> None:
    values["roles"]["builder"]["threshold"] = 2
    report = judged(attested, values)
    assert [(f.code, "1 of the 2 keys" in f.message) for f in report.failures] == [
        ("too-few-signatures", True)
    ]
    countersign(attested, attested.signer)
    assert codes(attested, values) == {"too-few-signatures"}, "one key twice is one key"
    countersign(attested, others["ada"])
    assert codes(attested, values) == {"too-few-signatures"}, "a reviewer is no builder"
    countersign(attested, others["second"])
    assert codes(attested, values) == set()


def test_a_countersignature_on_another_statement_does_not_count(
    attested: Minter, values: Values, others: dict[str, Signer]
) -> None:
    values["roles"]["builder"]["threshold"] = 2
    other = build_in_toto("shop", head_of(attested).root, PROVENANCE_TYPE, {})
    add_attestation(attested.store, 1, others["second"].sign(other))
    assert codes(attested, values) == {"too-few-signatures"}


def test_the_right_key_in_the_wrong_role_is_refused_by_name(attested: Minter, values: Values) -> None:
    values["roles"]["builder"]["keys"] = ["second"]
    values["roles"]["verifier"]["keys"] = ["first", "eve"]
    [failure] = judged(attested, values).failures
    assert failure.code == "wrong-role"
    assert f"the key first ({attested.signer.keyid}) has the role verifier, not builder" in failure.message


VALIDITY: dict[str, tuple[dict[str, object], set[str]]] = {
    "always": ({}, set()),
    "for this version": ({"versions": {"from": 1, "to": 1}}, set()),
    "for older versions": ({"versions": {"to": 1}}, set()),
    "for newer versions": ({"versions": {"from": 2}}, {"expired-key"}),
    "on that day": ({"dates": {"from": "2026-01-01", "to": "2026-01-01"}}, set()),
    "until the day before": ({"dates": {"to": "2025-12-31"}}, {"expired-key"}),
    "from the day after": ({"dates": {"from": "2026-01-02"}}, {"expired-key"}),
    "until a minute before": ({"dates": {"to": "2026-01-01T00:09:00Z"}}, {"expired-key"}),
}


@pytest.mark.parametrize(("validity", "expected"), VALIDITY.values(), ids=VALIDITY)
def test_a_key_is_valid(
    attested: Minter, values: Values, validity: Mapping[str, object], expected: set[str]
) -> None:
    values["keys"]["first"].update(validity)
    assert codes(attested, values) == expected


def test_a_key_with_dates_needs_a_signed_date(minted: Minter, values: Values) -> None:
    minted.attest(finished="yesterday")
    values["keys"]["first"]["dates"] = {"from": "2020-01-01"}
    [failure] = judged(minted, values).failures
    assert (failure.code, "nothing that was signed says when" in failure.message) == ("expired-key", True)


LIMITS: dict[str, tuple[Values, set[str]]] = {
    "its name": ({"dataset": "shop"}, set()),
    "another name": ({"dataset": "shoe"}, {"wrong-dataset"}),
    "this version": ({"min_version": 1}, set()),
    "a newer version": ({"min_version": 2}, {"old-version"}),
    "its builder": ({"builders": ["https://mintage.dev/builder/self-hosted/v1"]}, set()),
    "another builder": ({"builders": ["https://example.org/builder"]}, {"wrong-builder"}),
    "no builder at all": ({"builders": []}, {"wrong-builder"}),
    "its build type": ({"build_types": [BUILD_TYPE]}, set()),
    "another build type": ({"build_types": ["https://example.org/build"]}, {"wrong-build-type"}),
    "its provenance": ({"require": [PROVENANCE_TYPE]}, set()),
    "a test result": (
        {"require": ["https://in-toto.io/attestation/test-result/v0.1"]},
        {"missing-predicate"},
    ),
    "a type that nobody knows": ({"require": ["https://example.org/x"]}, {"missing-predicate"}),
    "a verifier's summary": ({"require": [VSA]}, {"missing-predicate"}),
    "one review": ({"reviews": {"accepts": 1}}, {"too-few-reviews"}),
    "a known generation": ({"lineage": {"max_generation": 5}}, {"refused-lineage"}),
}


@pytest.mark.parametrize(("wanted", "expected"), LIMITS.values(), ids=LIMITS)
def test_a_policy_may_ask_for(attested: Minter, values: Values, wanted: Values, expected: set[str]) -> None:
    assert codes(attested, values | wanted) == expected


def test_what_the_policy_refuses_is_not_read_any_further(attested: Minter, values: Values) -> None:
    report = judged(attested, values | {"min_version": 2})
    assert (report.accepted, report.checked.parts) == (False, 0)


def test_a_summary_counts_by_a_verifier_about_this_version_only(
    attested: Minter, values: Values, others: dict[str, Signer]
) -> None:
    values["require"] = [VSA]
    head = head_of(attested)
    this = build_in_toto("shop", head.root, VSA, {"timeVerified": "2026-03-01T00:00:00Z"})
    other = build_in_toto("shop", head.statement, VSA, {"timeVerified": "2026-03-01T00:00:00Z"})
    add_attestation(attested.store, 1, others["ada"].sign(this))
    add_attestation(attested.store, 1, others["eve"].sign(other))
    assert codes(attested, values) == {"missing-predicate"}
    add_attestation(attested.store, 1, others["eve"].sign(this))
    assert codes(attested, values) == set()
    values["keys"]["eve"]["dates"] = {"to": "2026-02-28"}
    assert codes(attested, values) == {"missing-predicate"}


def test_two_reviewers_are_two_keys_and_one_rejection_is_enough(
    attested: Minter, values: Values, others: dict[str, Signer]
) -> None:
    values["reviews"] = {"accepts": 2}
    review(attested, others["ada"], "accept")
    review(attested, others["ada"], "accept", "2026-02-02T00:00:00Z")
    review(attested, others["eve"], "accept")
    assert codes(attested, values) == {"too-few-reviews"}
    review(attested, others["ben"], "accept")
    assert codes(attested, values) == set()
    assert judged(attested, values).accepts == 2
    review(attested, others["eve"], "reject")
    assert codes(attested, values) == set(), "a verifier's opinion is no reviewer's"
    review(attested, others["ben"], "reject", "2026-02-03T00:00:00Z")
    assert "rejected-by-review" in codes(attested, values)


def test_a_review_by_a_key_that_was_not_valid_then_does_not_count(
    attested: Minter, values: Values, others: dict[str, Signer]
) -> None:
    values["reviews"] = {"accepts": 1}
    values["keys"]["ada"]["dates"] = {"from": "2026-03-01"}
    review(attested, others["ada"], "accept", "2026-02-01T00:00:00Z")
    report = judged(attested, values)
    assert [failure.code for failure in report.failures] == ["too-few-reviews"]
    assert any("does not count" in note for note in report.notes)


def test_a_malformed_statement_by_a_trusted_key_is_told(
    attested: Minter, values: Values, others: dict[str, Signer]
) -> None:
    values["require"] = [VSA]
    add_attestation(
        attested.store, 1, others["eve"].sign(canonical_json({"predicateType": VSA, "_type": "other"}))
    )
    assert codes(attested, values) == {"bad-attestation", "missing-predicate"}


def test_an_attestation_that_is_not_what_its_name_says_is_told(
    attested: Minter, values: Values, root: Path
) -> None:
    (root / "_mintage/attestations/1").mkdir(parents=True)
    (root / "_mintage/attestations/1" / f"{'0' * 64}.json").write_bytes(b"{}")
    assert [failure.code for failure in judged(attested, values).failures] == ["bad-attestation"]


def test_a_date_means_its_whole_day() -> None:
    first, end = parse_time("2026-02-28")
    assert first <= datetime(2026, 2, 28, 23, 59, 59, 999_999, UTC) < end
