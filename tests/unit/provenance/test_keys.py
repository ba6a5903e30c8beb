"""Which keys are taken, how several sign together, and how many signatures count."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from mintage.errors import PluginError, ProvenanceError, SignatureError, SigningError
from mintage.provenance.key_files import ALGORITHMS, Algorithm
from mintage.provenance.key_services import key_scheme
from mintage.provenance.signing import PublicKey, Signer, generate_key, signed_by, unverified_payload, verify
from tests.unit.provenance.services import DOWN, Unreachable, Unstable

PAYLOAD = b'{"a":1}'


def write(path: Path, key: PrivateKeyTypes, password: bytes | None = None) -> Path:
    """A private key as others write it, and its public half beside it."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, pkcs8, encryption))
    path.chmod(0o600)
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    Path(f"{path}.pub").write_bytes(public)
    return path


@pytest.fixture
def three(tmp_path: Path) -> list[Signer]:
    """A key of each kind."""
    return [Signer.load(generate_key(tmp_path / f"{kind}.pem", kind).private_path) for kind in ALGORITHMS]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_of_each_kind_signs_and_openssl_reads_both_halves(tmp_path: Path, algorithm: Algorithm) -> None:
    made = generate_key(tmp_path / "k.pem", algorithm)
    signer, public = Signer.load(made.private_path), PublicKey.load(made.public_path)
    assert made.keyid == signer.keyid == public.keyid == PublicKey.from_pem(public.pem).keyid
    assert verify(signer.sign(PAYLOAD), [public]) == PAYLOAD
    derived = subprocess.run(
        ["openssl", "pkey", "-in", str(made.private_path), "-pubout"], capture_output=True, check=True
    )
    assert derived.stdout == made.public_path.read_bytes()


REFUSED = {
    "RSA-1024": (lambda: rsa.generate_private_key(65537, 1024), r"RSA of 1024 bits"),
    "RSA-2048": (lambda: rsa.generate_private_key(65537, 2048), r"RSA of 2048 bits"),
    "P-521": (lambda: ec.generate_private_key(ec.SECP521R1()), r"EC of 521 bits"),
    "secp256k1": (lambda: ec.generate_private_key(ec.SECP256K1()), r"EC of 256 bits"),
    "ed448": (ed448.Ed448PrivateKey.generate, r"Ed448"),
}


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_a_key_of_another_kind_is_refused_with_advice(
    tmp_path: Path, make: Callable[[], PrivateKeyTypes], said: str
) -> None:
    path = write(tmp_path / "k.pem", make())
    with pytest.raises(ProvenanceError, match=said) as caught:
        Signer.load(path)
    assert "mintage keygen" in caught.value.hint
    with pytest.raises(ProvenanceError, match=said):
        PublicKey.load(f"{path}.pub")


def test_an_encrypted_key_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "k.pem", ed25519.Ed25519PrivateKey.generate(), b"secret")
    with pytest.raises(ProvenanceError, match="is encrypted") as caught:
        Signer.load(path)
    assert "openssl pkey" in caught.value.hint


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ProvenanceError, match="is not a file"):
        Signer.load(tmp_path / "pipe")
    with pytest.raises(ProvenanceError, match="is not a file"):
        PublicKey.load(tmp_path)


def test_several_keys_sign_one_envelope(three: list[Signer]) -> None:
    joint = Signer.together(three)
    assert joint.keyids == tuple(signer.keyid for signer in three)
    envelope = joint.sign(PAYLOAD)
    assert envelope.count(b"\n") == 0
    for key in joint.public_keys:
        assert verify(envelope, [key]) == PAYLOAD
    assert signed_by(envelope, joint.public_keys, threshold=3).keyids == frozenset(joint.keyids)


def test_two_of_three_signatures_do_not_make_three(three: list[Signer]) -> None:
    envelope = Signer.together(three[:2]).sign(PAYLOAD)
    keys = [signer.public_key for signer in three]
    assert verify(envelope, keys, threshold=2) == PAYLOAD
    with pytest.raises(SignatureError, match="2 of the keys asked for have signed, 3 must"):
        verify(envelope, keys, threshold=3)


def test_a_key_that_is_trusted_twice_counts_once(three: list[Signer]) -> None:
    envelope = three[0].sign(PAYLOAD)
    key = three[0].public_key
    again = PublicKey.from_pem(key.pem)
    with pytest.raises(SignatureError, match="1 of the keys"):
        verify(envelope, [key, key, again], threshold=2)
    assert signed_by(envelope, [key, again]).keyids == {key.keyid}


def test_a_signature_that_is_there_twice_is_refused(three: list[Signer]) -> None:
    value = json.loads(three[1].sign(PAYLOAD))
    # ECDSA never signs twice alike: the second one is another signature by the same key.
    value["signatures"] += json.loads(three[1].sign(PAYLOAD))["signatures"]
    with pytest.raises(SignatureError, match="Multiple signatures"):
        verify(json.dumps(value).encode(), [three[1].public_key])


def test_a_false_signature_beside_a_good_one_does_not_count(three: list[Signer]) -> None:
    value = json.loads(Signer.together(three).sign(PAYLOAD))
    good = base64.b64decode(value["signatures"][0]["sig"])
    value["signatures"][0]["sig"] = base64.b64encode(good[::-1]).decode()
    envelope = json.dumps(value).encode()
    keys = [signer.public_key for signer in three]
    assert signed_by(envelope, keys).keyids == {three[1].keyid, three[2].keyid}
    with pytest.raises(SignatureError, match="2 of the keys"):
        verify(envelope, keys, threshold=3)
    with pytest.raises(SignatureError, match="is false"):
        verify(envelope, keys[:1])


def test_a_key_cannot_sign_under_the_name_of_another(three: list[Signer]) -> None:
    value = json.loads(three[0].sign(PAYLOAD))
    value["signatures"][0]["keyid"] = three[1].keyid
    with pytest.raises(SignatureError, match="is false"):
        verify(json.dumps(value).encode(), [three[0].public_key, three[1].public_key])


@pytest.mark.parametrize("threshold", [0, -1])
def test_a_threshold_that_lets_anything_pass_is_refused(three: list[Signer], threshold: int) -> None:
    with pytest.raises(ProvenanceError, match="would let anything pass"):
        verify(three[0].sign(PAYLOAD), [three[0].public_key], threshold=threshold)
    with pytest.raises(ProvenanceError, match="would let anything pass"):
        signed_by(three[0].sign(PAYLOAD), [three[0].public_key], threshold=threshold)


def test_without_any_signature_nothing_passes(three: list[Signer]) -> None:
    value = {**json.loads(three[0].sign(PAYLOAD)), "signatures": []}
    with pytest.raises(SignatureError, match="1 to 16 signatures"):
        verify(json.dumps(value).encode(), [three[0].public_key])


def test_keys_that_cannot_sign_together_are_refused(three: list[Signer], tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match="two are the same key"):
        Signer.together([three[0], Signer.load(tmp_path / "ed25519.pem")])
    with pytest.raises(ProvenanceError, match="0 keys"):
        Signer.together([])
    with pytest.raises(ProvenanceError, match="17 keys"):
        Signer.together([three[0]] * 17)


@pytest.mark.parametrize(
    ("uri", "module", "extra"),
    [
        ("awskms:alias/release", "boto3", "awskms"),
        ("gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k", "google.cloud.kms", "gcpkms"),
        ("azurekms://vault.vault.azure.net/keys/release", "azure.keyvault.keys", "azurekms"),
        ("hsm:2?label=release", "pkcs11", "hsm"),
        ("hv:release/1", "hvac", "vault"),
        ("sigstore:?identity=a@example.org&issuer=https://example.org", "sigstore", "sigstore"),
    ],
)
def test_a_service_whose_library_is_missing_is_named_with_the_command(
    monkeypatch: pytest.MonkeyPatch, uri: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PluginError, match="is not installed") as caught:
        Signer.open(uri)
    assert caught.value.hint == f"pip install 'mintage[{extra}]'"


@pytest.mark.parametrize(
    ("uri", "scheme"),
    [
        ("release.pem", None), ("/keys/release.pem", None), ("./a:b.pem", None), ("file:a.pem", None),
        ("file:///keys/a.pem", None), ("awskms:arn:aws:kms:eu-west-1:1:key/x", "awskms"), ("hsm:", "hsm"),
    ],
)  # fmt: skip
def test_a_key_is_a_path_or_the_uri_of_a_service(uri: str, scheme: str | None) -> None:
    assert key_scheme(uri) == scheme


@pytest.mark.parametrize(
    "uri", ["kms:x", "file2:k.pem", "gnupg:abc", "tkey:", "http://x/key.pem", "AWSKMS:x:y.pem"]
)
def test_another_scheme_is_refused_with_those_that_are_known(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError):
        Signer.open(uri)
    if uri[0].islower():
        with pytest.raises(ProvenanceError, match="names no key") as caught:
            Signer.open(uri)
        assert "awskms:" in caught.value.hint


@pytest.mark.parametrize(
    "uri",
    [
        "azurekms://vault.example.org/keys/k", "azurekms://v.vault.azure.net/secrets/k",
        "azurekms://v.vault.azure.net.example.org/keys/k", "azurekms:v", "hsm:two", "hsm:2?pin=1234",
        "hsm:2?label=a&pin=1234", "hsm:2?label=a#b", "hv:", "hv:a/b", "hv:../sys/seal", "sigstore:",
        "sigstore:?identity=a", "sigstore:?identity=a&issuer=b&token=c",
    ],
)  # fmt: skip
def test_a_uri_that_names_no_key_is_refused_before_any_service_is_asked(uri: str) -> None:
    with pytest.raises(ProvenanceError, match="names no key") as caught:
        Signer.open(uri)
    assert "1234" not in str(caught.value)


def test_a_service_that_is_down_says_which_key_and_what_to_look_at(tmp_path: Path) -> None:
    key = Signer.load(generate_key(tmp_path / "k.pem").private_path)
    down = Signer((Unreachable(key), DOWN))
    with pytest.raises(SigningError, match=r"awskms:alias/release cannot be used: ConnectionError") as caught:
        down.sign(PAYLOAD)
    assert "kms:Sign" in caught.value.hint
    with pytest.raises(SigningError):
        Signer.together([Signer.load(generate_key(tmp_path / "other.pem").private_path), down]).sign(PAYLOAD)


def test_a_service_that_signs_with_another_key_than_it_named_is_noticed(three: list[Signer]) -> None:
    with pytest.raises(SigningError, match="cannot be used"):
        Signer((Unstable(three[0], three[1]), DOWN)).sign(PAYLOAD)


def test_an_identity_goes_through_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("sigstore")
    library.__spec__ = ModuleSpec("sigstore", None)
    monkeypatch.setitem(sys.modules, "sigstore", library)
    path = tmp_path / "release.pub"
    path.write_text('{"identity": "ci@example.org", "issuer": "https://accounts.example.org"}')
    key = PublicKey.load(path)
    assert PublicKey.from_pem(key.pem).keyid == key.keyid
    assert json.loads(key.pem) == {"identity": "ci@example.org", "issuer": "https://accounts.example.org"}
    monkeypatch.setitem(sys.modules, "sigstore", None)
    with pytest.raises(PluginError, match="sigstore, which is not installed"):
        PublicKey.load(path)
    for text in (
        '{"identity": "a"}',
        '{"identity": "a", "issuer": 7}',
        '{"identity": "a", "issuer": ""}',
        "[]",
        "{",
    ):
        path.write_text(text)
        with pytest.raises(ProvenanceError):
            PublicKey.load(path)


def test_the_payload_is_what_was_signed(three: list[Signer]) -> None:
    assert unverified_payload(Signer.together(three).sign(PAYLOAD)) == PAYLOAD
