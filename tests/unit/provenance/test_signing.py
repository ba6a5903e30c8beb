from __future__ import annotations

import base64
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from mintage.errors import MintageError, ProvenanceError, SignatureError
from mintage.provenance.canonical import canonical_json
from mintage.provenance.signing import (
    IN_TOTO_PAYLOAD,
    PublicKey,
    Signer,
    generate_key,
    local_identity,
    unverified_payload,
    verify,
)

PAYLOAD = b'{"a":1}'


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_key_is_private_and_its_public_half_verifies(tmp_path: Path) -> None:
    info = generate_key(tmp_path / "release.pem")
    assert (info.private_path, info.public_path) == (tmp_path / "release.pem", tmp_path / "release.pem.pub")
    assert (mode(info.private_path), mode(info.public_path)) == (0o600, 0o644)
    signer, public = Signer.load(info.private_path), PublicKey.load(info.public_path)
    assert signer.keyid == public.keyid == info.keyid
    assert verify(signer.sign(PAYLOAD), [public]) == PAYLOAD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release.pem", "release.pem.pub"]


def test_a_key_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert mode(generate_key(tmp_path / "k.pem").private_path) == 0o600
    finally:
        os.umask(before)


def test_a_key_may_be_given_as_a_file_uri(tmp_path: Path) -> None:
    info = generate_key(tmp_path / "k.pem")
    assert Signer.load(f"file://{info.private_path}").keyid == info.keyid


@pytest.mark.parametrize("suffix", ["", ".pub"])
def test_a_key_is_never_overwritten(tmp_path: Path, suffix: str) -> None:
    taken = tmp_path / f"k.pem{suffix}"
    taken.write_text("precious")
    with pytest.raises(ProvenanceError, match="never overwritten"):
        generate_key(tmp_path / "k.pem")
    assert taken.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [taken]


def test_a_key_in_a_folder_that_is_not_there_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match=r"cannot be written(.|\n)*hint"):
        generate_key(tmp_path / "nowhere" / "k.pem")


@pytest.mark.parametrize("wide", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_private_key_that_others_can_open_is_refused_with_the_command_to_run(
    tmp_path: Path, wide: int
) -> None:
    path = generate_key(tmp_path / "k.pem").private_path
    path.chmod(wide)
    with pytest.raises(ProvenanceError) as caught:
        Signer.load(path)
    assert f"{wide:04o}" in caught.value.message
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_missing_key_is_reported_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match="mintage keygen"):
        Signer.load(tmp_path / "none.pem")
    with pytest.raises(ProvenanceError, match="cannot be read"):
        PublicKey.load(tmp_path / "none.pem.pub")


def encrypted() -> bytes:
    return ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", encrypted()],
    ids=["empty", "nonsense", "broken", "encrypted"],
)
def test_a_file_that_is_no_plain_private_key_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "k.pem"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ProvenanceError, match=r"is not a private key in PEM form|is encrypted"):
        Signer.load(path)
    with pytest.raises(ProvenanceError, match="not a public key"):
        PublicKey.load(path)


def test_a_key_of_another_kind_that_the_library_knows_signs_too(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "ec.pem"
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    path.chmod(0o600)
    signer = Signer.load(path)
    assert verify(signer.sign(PAYLOAD), [signer.public_key]) == PAYLOAD


def test_a_key_shows_nothing_secret(signer: Signer) -> None:
    assert repr(signer) == f"Signer({signer.keyid[:16]}…)"
    assert repr(signer.public_key).startswith("PublicKey(")
    assert b"PRIVATE" not in signer.public_key.pem


def test_the_public_key_goes_through_pem(signer: Signer) -> None:
    assert PublicKey.from_pem(signer.public_key.pem).keyid == signer.keyid


def test_the_local_identity_is_made_once_and_kept(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    first = local_identity(home)
    assert local_identity(home).keyid == first.keyid
    assert mode(home / "identity.pem") == 0o600
    assert PublicKey.load(home / "identity.pem.pub").keyid == first.keyid
    assert sorted(path.name for path in home.iterdir()) == ["identity.pem", "identity.pem.pub"]


def test_a_lost_public_half_of_the_identity_is_made_again(tmp_path: Path) -> None:
    first = local_identity(tmp_path)
    (tmp_path / "identity.pem.pub").unlink()
    assert local_identity(tmp_path).keyid == first.keyid
    assert PublicKey.load(tmp_path / "identity.pem.pub").keyid == first.keyid


def test_many_at_once_get_the_same_identity(tmp_path: Path) -> None:
    ready = threading.Barrier(8)
    keys: list[str] = []

    def ask() -> None:
        ready.wait()
        keys.append(local_identity(tmp_path / "home").keyid)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(keys), len(set(keys))) == (8, 1)
    assert len(list((tmp_path / "home").iterdir())) == 2


def test_a_home_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProvenanceError, match="cannot be written"):
        local_identity(tmp_path / "file" / "home")


def test_an_envelope_is_one_line_of_dsse(signer: Signer) -> None:
    envelope = signer.sign(PAYLOAD)
    assert b"\n" not in envelope
    value = json.loads(envelope)
    assert base64.b64decode(value["payload"]) == PAYLOAD
    assert value["payloadType"] == IN_TOTO_PAYLOAD
    assert [signature["keyid"] for signature in value["signatures"]] == [signer.keyid]
    assert unverified_payload(envelope) == PAYLOAD


SPOIL: dict[str, Callable[[dict[str, Any]], object]] = {
    "another payload": lambda value: value.update(payload=base64.b64encode(b'{"a":2}').decode()),
    "another payload type": lambda value: value.update(payloadType="text/plain"),
    "another signature": lambda value: value["signatures"][0].update(
        sig=base64.b64encode(bytes(64)).decode()
    ),
    "a short signature": lambda value: value["signatures"][0].update(sig="AAAA"),
    "no signature": lambda value: value.update(signatures=[]),
    "too many signatures": lambda value: value.update(signatures=value["signatures"] * 17),
    "the same signature twice": lambda value: value.update(signatures=value["signatures"] * 2),
    "an unknown keyid": lambda value: value["signatures"][0].update(keyid="f" * 64),
    "a keyid that is no text": lambda value: value["signatures"][0].update(keyid=7),
    "a keyid that is a list": lambda value: value["signatures"][0].update(keyid=[]),
    "a payload type that is no text": lambda value: value.update(payloadType=7),
    "a payload that is no base64": lambda value: value.update(payload="!!"),
    "a payload that is no text": lambda value: value.update(payload=7),
    "signatures that are no list": lambda value: value.update(signatures={}),
    "a signature that is no object": lambda value: value.update(signatures=[7]),
    "a missing key": lambda value: value.pop("payload"),
    "an additional key": lambda value: value.update(more=1),
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_an_envelope_is_refused_with(signer: Signer, spoil: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(signer.sign(PAYLOAD))
    spoil(value)
    with pytest.raises(SignatureError):
        verify(canonical_json(value), [signer.public_key])


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"null", b'{"payload":{"payload":{"payload":{"a":[1]}}}}'], ids=str
)
def test_what_is_no_envelope_is_refused(signer: Signer, data: bytes) -> None:
    with pytest.raises(ProvenanceError):
        verify(data, [signer.public_key])


def test_an_envelope_over_the_cap_is_refused(signer: Signer) -> None:
    with pytest.raises(MintageError, match="larger than"):
        verify(b" " * (64 * 2**20 + 1), [signer.public_key])


def test_a_right_signature_for_another_payload_type_is_refused(signer: Signer) -> None:
    with pytest.raises(SignatureError, match="of the type 'text/plain'"):
        verify(signer.sign(PAYLOAD, "text/plain"), [signer.public_key])
    assert (
        verify(signer.sign(PAYLOAD, "text/plain"), [signer.public_key], payload_type="text/plain") == PAYLOAD
    )


def test_an_unknown_key_is_named_with_the_trusted_ones(signer: Signer, tmp_path: Path) -> None:
    other = PublicKey.load(generate_key(tmp_path / "k.pem").public_path)
    with pytest.raises(SignatureError) as caught:
        verify(signer.sign(PAYLOAD), [other])
    assert signer.keyid in caught.value.message
    assert other.keyid in caught.value.hint


def test_without_any_key_nothing_is_verified(signer: Signer) -> None:
    with pytest.raises(SignatureError, match="no key"):
        verify(signer.sign(PAYLOAD), [])


def test_the_signature_of_one_key_does_not_pass_as_anothers(signer: Signer, tmp_path: Path) -> None:
    other = PublicKey.load(generate_key(tmp_path / "k.pem").public_path)
    value = json.loads(signer.sign(PAYLOAD))
    value["signatures"][0]["keyid"] = other.keyid
    with pytest.raises(SignatureError, match="is false"):
        verify(canonical_json(value), [other, signer.public_key])
