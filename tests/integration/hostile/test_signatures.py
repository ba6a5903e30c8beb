"""What was signed is altered, signed by the wrong key, incomplete, or another data set's."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mintage.provenance.attestations import add_attestation
from mintage.provenance.signing import PublicKey, Signer
from mintage.provenance.statements import build_in_toto
from mintage.store import ObjectStore

if TYPE_CHECKING:
    from tests.integration.hostile.conftest import Child
    from tests.integration.hostile.forger import Forger

WritePolicy = Callable[..., Path]
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"


def another_payload(envelope: dict[str, Any]) -> None:
    said = base64.b64decode(envelope["payload"]).replace(b'"version":"1"', b'"version":"2"')
    envelope["payload"] = base64.b64encode(said).decode()


def another_type(envelope: dict[str, Any]) -> None:
    envelope["payloadType"] = "application/json"


def nobody(envelope: dict[str, Any]) -> None:
    envelope["signatures"] = []


def an_empty_signature(envelope: dict[str, Any]) -> None:
    envelope["signatures"][0]["sig"] = ""


@pytest.mark.parametrize(
    "alteration",
    [
        (another_payload, "what was signed has been altered"),
        (another_type, "what was signed has been altered"),
        (nobody, "carries 1 to 16 signatures"),
        (an_empty_signature, "what was signed has been altered"),
    ],
    ids=["payload", "payload-type", "nobody", "empty-signature"],
)
def test_an_altered_envelope_is_refused(
    child: Child,
    dataset: Path,
    key: Path,
    forger: Forger,
    alteration: tuple[Callable[[dict[str, Any]], None], str],
) -> None:
    change, reason = alteration
    forger.change_envelope(change)
    child.mintage("verify", dataset, "--key", key).refused("bad-signature", reason)


def test_a_payload_type_that_was_signed_but_is_another_is_refused(
    child: Child, dataset: Path, key: Path, forger: Forger
) -> None:
    first, *others = forger.envelopes()
    resigned = forger.signer.sign(base64.b64decode(first["payload"]), "application/json")
    forger.write_envelopes([json.loads(resigned), *others])
    child.mintage("verify", dataset, "--key", key).refused("bad-signature", "'application/json'")


def test_a_valid_signature_by_an_unknown_key_is_refused_by_its_id(
    child: Child, dataset: Path, key: Path, other: Path
) -> None:
    done = child.mintage("verify", dataset, "--key", other)
    done.refused("bad-signature", f"unknown key {PublicKey.load(key).keyid}")


def test_the_right_key_in_the_wrong_role_is_refused(
    child: Child, dataset: Path, other: Path, policy: WritePolicy
) -> None:
    keys = {"signer": {"file": "signer.pub"}, "other": {"file": other.name}}
    roles = {"builder": {"keys": ["other"]}, "reviewer": {"keys": ["signer"]}}
    done = child.mintage("verify", dataset, "--policy", policy(keys=keys, roles=roles))
    done.refused("wrong-role", "the key signer (", "has the role reviewer, not builder")


def test_the_right_key_with_the_wrong_builder_is_refused(
    child: Child, dataset: Path, policy: WritePolicy
) -> None:
    path = policy(builders=["https://example.org/release"], build_types=["https://example.org/build"])
    done = child.mintage("verify", dataset, "--policy", path)
    done.refused("wrong-builder", "https://mintage.dev/builder/self-hosted/v1", "https://example.org/release")
    done.refused("wrong-build-type", "https://mintage.dev/synthesis/v1")


def test_a_key_that_is_named_twice_is_refused(
    child: Child, dataset: Path, other: Path, policy: WritePolicy, forger: Forger
) -> None:
    def twice(envelope: dict[str, Any]) -> None:
        envelope["signatures"] *= 2

    forger.change_envelope(twice)
    keys = {"signer": {"file": "signer.pub"}, "other": {"file": other.name}}
    roles = {"builder": {"keys": ["signer", "other"], "threshold": 2}}
    child.mintage("verify", dataset, "--policy", policy(keys=keys, roles=roles)).refused(
        "bad-signature", "Multiple signatures found for keyid"
    )


def test_a_threshold_of_nothing_is_bad_input(child: Child, dataset: Path, policy: WritePolicy) -> None:
    path = policy(roles={"builder": {"keys": ["signer"], "threshold": 0}})
    child.mintage("verify", dataset, "--policy", path).refused("roles.builder.threshold", code=2)


def test_an_unknown_predicate_is_ignored_and_the_absence_of_a_required_one_denies(
    child: Child, dataset: Path, policy: WritePolicy, forger: Forger
) -> None:
    unknown = build_in_toto("people", "sha256:" + "0" * 64, "https://example.org/unheard-of", {"ok": True})
    add_attestation(ObjectStore.open(str(dataset)), 1, forger.signer.sign(unknown))
    done = child.mintage("verify", dataset, "--policy", policy(require=[TEST_RESULT]))
    done.refused("missing-predicate", TEST_RESULT)
    assert "unheard-of" not in done.told


def test_an_older_version_is_refused_when_a_newer_one_was_seen(
    child: Child, dataset: Path, policy: WritePolicy
) -> None:
    done = child.mintage("verify", dataset, "--policy", policy(min_version=2))
    done.refused("old-version", "this is version 1", "none before 2")


def test_a_statement_about_another_data_set_is_refused(
    child: Child, dataset: Path, policy: WritePolicy, forger: Forger
) -> None:
    def of_another(statement: dict[str, Any]) -> None:
        statement["subject"][0] = {"name": "trees", "digest": {"sha256": "1" * 64}}
        statement["predicate"]["tree"]["root"] = "sha256:" + "1" * 64

    forger.change_statement(of_another)
    child.mintage("verify", dataset, "--policy", policy()).refused("changed-records", "wrong-subject")
    done = child.mintage("verify", dataset, "--policy", policy(dataset="people"))
    done.refused("wrong-dataset", "'trees'", "'people'")


def test_a_statement_that_was_removed_is_missed(
    child: Child, dataset: Path, key: Path, forger: Forger
) -> None:
    forger.write_envelopes(forger.envelopes()[:1])
    done = child.mintage("verify", dataset, "--key", key)
    done.refused("missing-statement", "https://slsa.dev/provenance/v1")


def test_a_rotated_key_still_verifies_what_it_signed_and_nothing_newer(
    child: Child, dataset: Path, other: Path, policy: WritePolicy
) -> None:
    def keys(old: dict[str, int], new: dict[str, int]) -> dict[str, object]:
        return {
            "old": {"file": "signer.pub", "versions": old},
            "new": {"file": other.name, "versions": new},
        }

    roles = {"builder": {"keys": ["old", "new"]}}
    rotated = policy(keys=keys({"to": 1}, {"from": 2}), roles=roles)
    assert child.mintage("verify", dataset, "--policy", rotated).code == 0
    revoked = policy(keys=keys({"from": 2}, {"from": 1}), roles=roles)
    child.mintage("verify", dataset, "--policy", revoked).refused(
        "expired-key", "the key old (", "valid for versions from 2 on, not for version 1"
    )


@pytest.mark.parametrize("algorithm", ["sha1", "md5"])
def test_a_weak_digest_alone_is_refused(
    child: Child, dataset: Path, key: Path, forger: Forger, algorithm: str
) -> None:
    def weakened(statement: dict[str, Any]) -> None:
        statement["subject"][0]["digest"] = {algorithm: "0" * 40}

    forger.change_statement(weakened)
    child.mintage("verify", dataset, "--key", key).refused(
        "bad-statement", f"no sha256 digest, and others are not trusted: {algorithm}"
    )


def test_an_unknown_content_algorithm_cannot_be_checked(
    child: Child, dataset: Path, key: Path, forger: Forger
) -> None:
    def digested(records: list[dict[str, Any]]) -> None:
        records[2]["tables"]["people"]["content_algorithm"] = "mintage-content-sha256/2"

    forger.change_records(digested)
    reason = "cannot be checked: this content algorithm is not known"
    child.mintage("verify", dataset, "--key", key).refused("bad-record", reason)

    def announced(statement: dict[str, Any]) -> None:
        statement["predicate"]["content"]["algorithm"] = "mintage-content-sha256/2"

    forger.change_statement(announced)
    child.mintage("verify", dataset, "--key", key, "--shard", "1").refused("bad-statement", reason)


def test_nobody_can_countersign_for_another(
    child: Child, dataset: Path, other: Path, policy: WritePolicy, forger: Forger
) -> None:
    keys = {"signer": {"file": "signer.pub"}, "other": {"file": other.name}}
    path = policy(keys=keys, roles={"builder": {"keys": ["signer", "other"], "threshold": 2}})
    stranger = Signer.load(other.with_suffix(""))
    payload = base64.b64decode(forger.envelopes()[0]["payload"])
    forged = json.loads(forger.signer.sign(payload))
    forged["signatures"][0]["keyid"] = stranger.keyid
    store = ObjectStore.open(str(dataset))
    add_attestation(store, 1, json.dumps(forged).encode())
    child.mintage("verify", dataset, "--policy", path).refused("too-few-signatures", "1 of the 2 keys")
    add_attestation(store, 1, stranger.sign(payload))
    assert child.mintage("verify", dataset, "--policy", path).code == 0
