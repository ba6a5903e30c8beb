"""What is signed about a version after its head."""

from __future__ import annotations

from pathlib import Path

import pytest

from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance.attestations import MAX_ATTESTATION_BYTES, add_attestation, read_attestations
from mintage.provenance.layout import attestation_path
from mintage.provenance.signing import PublicKey, Signed, Signer, generate_key, signed_by
from mintage.store import ObjectStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore.open(str(tmp_path / "dataset"))


def make_signer(folder: Path, name: str) -> Signer:
    return Signer.load(generate_key(folder / name).private_path)


def test_attestations_come_back_by_version_and_are_kept_once(store: ObjectStore, tmp_path: Path) -> None:
    signer = make_signer(tmp_path, "a.pem")
    first, other = signer.sign(b'{"a":1}'), signer.sign(b'{"a":2}')
    paths = {add_attestation(store, 3, envelope) for envelope in (first, other, first)}
    assert dict(read_attestations(store, 3)).keys() == paths
    assert {found.envelope for found in read_attestations(store, 3)} == {first, other}
    assert list(read_attestations(store, 2)) == []


def test_an_altered_attestation_is_told(store: ObjectStore, tmp_path: Path) -> None:
    envelope = make_signer(tmp_path, "a.pem").sign(b"{}")
    store.create(attestation_path(1, f"sha256:{'0' * 64}"), envelope)
    with pytest.raises(ProvenanceError, match="is not what its name says"):
        list(read_attestations(store, 1))


def test_what_is_no_envelope_or_too_large_is_refused(store: ObjectStore) -> None:
    with pytest.raises(SignatureError, match="not a DSSE envelope"):
        add_attestation(store, 1, b"{}")
    with pytest.raises(ProvenanceError, match="are allowed"):
        add_attestation(store, 1, b" " * (MAX_ATTESTATION_BYTES + 1))


def test_all_keys_that_signed_are_found_and_each_once(tmp_path: Path) -> None:
    one, two = make_signer(tmp_path, "1.pem"), make_signer(tmp_path, "2.pem")
    envelope = one.sign(b"{}")
    keys: list[PublicKey] = [one.public_key, two.public_key, one.public_key]
    assert signed_by(envelope, keys) == Signed(b"{}", frozenset({one.keyid}))
    with pytest.raises(SignatureError, match="unknown key"):
        signed_by(envelope, [two.public_key])
