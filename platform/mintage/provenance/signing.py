"""Keys and signatures: ed25519 in DSSE envelopes, by securesystemslib; no cryptography of our own."""

from __future__ import annotations

import copy
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SecuresystemslibError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # no __all__ there

from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance.canonical import canonical_json, parse_json

IN_TOTO_PAYLOAD = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES = 64 * 2**20
_MAX_SIGNATURES = 16
_MAX_KEY_BYTES = 64 * 1024
_IDENTITY = "identity.pem"
_KEY_ERRORS = (ValueError, TypeError, UnsupportedAlgorithm, SecuresystemslibError)


class KeyInfo(NamedTuple):
    """A new pair of keys: where they lie, and the id by which envelopes name them."""

    keyid: str
    private_path: Path
    public_path: Path


class PublicKey:
    """A key that signatures are checked with."""

    def __init__(self, key: SSlibKey) -> None:
        self._key = key

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The public key in a PEM file; raises `ProvenanceError` when there is none."""
        return cls.from_pem(_read_key(Path(path)), str(path))

    @classmethod
    def from_pem(cls, pem: bytes, name: str = "the key") -> Self:
        """The public key in PEM bytes; `name` is used in error messages."""
        try:
            return cls(SSlibKey.from_crypto(load_pem_public_key(pem)))
        except _KEY_ERRORS as exc:
            raise ProvenanceError(
                f"{name} is not a public key in PEM form: {exc}",
                "give the .pub file that `mintage keygen` wrote beside the private key",
            ) from exc

    @property
    def keyid(self) -> str:
        """The id of the key: a digest of the key itself."""
        return self._key.keyid

    @property
    def pem(self) -> bytes:
        """The key as PEM bytes."""
        public = str(self._key.keyval["public"])
        if self._key.keytype != "ed25519":
            return public.encode("ascii")
        # securesystemslib keeps ed25519 keys as bare hexadecimal; files hold the standard form.
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def __repr__(self) -> str:
        return f"PublicKey({self.keyid[:16]}…)"


class Signer:
    """A private key that signs; its bytes are never shown."""

    def __init__(self, signer: CryptoSigner) -> None:
        self._signer = signer

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The private key in a PEM file (`file:` before the path is allowed).

        Raises `ProvenanceError` when the file is missing, no private key, or open to other users.
        """
        file = Path(str(path).removeprefix("file://").removeprefix("file:"))
        pem = _read_key(file, private=True)
        try:
            return cls(CryptoSigner(load_pem_private_key(pem, None)))
        except _KEY_ERRORS as exc:
            raise ProvenanceError(
                f"{file} is not an unencrypted private key in PEM form",
                "make one with `mintage keygen`, and give the file without .pub",
            ) from exc

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return PublicKey(self._signer.public_key)

    @property
    def keyid(self) -> str:
        """The id of the key, as it stands in envelopes."""
        return self._signer.public_key.keyid

    def sign(self, payload: bytes, payload_type: str = IN_TOTO_PAYLOAD) -> bytes:
        """A DSSE envelope around the payload: one line of JSON, without a newline at its end."""
        envelope = Envelope(payload, payload_type, {})
        envelope.sign(self._signer)
        return canonical_json(envelope.to_dict())

    def __repr__(self) -> str:
        return f"Signer({self.keyid[:16]}…)"


class Signed(NamedTuple):
    """What an envelope carries, and which of the keys asked for have signed it."""

    payload: bytes
    keyids: frozenset[str]


def signed_by(envelope: bytes, keys: Sequence[PublicKey], *, payload_type: str = IN_TOTO_PAYLOAD) -> Signed:
    """The payload of an envelope, and the ids of all of `keys` whose signature on it holds.

    Each key is counted once. Raises `SignatureError` as `verify` does, when not one of them holds.
    """
    payload = verify(envelope, keys, payload_type=payload_type)
    parsed = _parse_envelope(envelope)
    return Signed(payload, frozenset(key.keyid for key in keys if _has_signed(parsed, key)))


def verify(envelope: bytes, keys: Sequence[PublicKey], *, payload_type: str = IN_TOTO_PAYLOAD) -> bytes:
    """The payload of an envelope that one of `keys` has signed.

    Only the envelope is parsed before the signature holds, never the payload. Raises
    `SignatureError` when it is unsigned, signed by other keys, altered, or of another payload type.
    """
    parsed = _parse_envelope(envelope)
    if not keys:
        raise SignatureError("no key was given to check the signature with", "give a public key")
    named = sorted(parsed.signatures)
    if not {key.keyid for key in keys} & set(named):
        raise SignatureError(
            f"the signature is by the unknown key {', '.join(named) or 'of nobody'}",
            f"trusted: {', '.join(key.keyid for key in keys)}; if the signer is to be trusted, give its key",
        )
    try:
        parsed.verify([key._key for key in keys], 1)
    except (*_KEY_ERRORS, KeyError) as exc:
        raise SignatureError(
            f"the signature by the key {', '.join(named)} is false: what was signed has been altered"
        ) from exc
    if parsed.payload_type != payload_type:
        raise SignatureError(
            f"the signed payload is of the type {parsed.payload_type[:100]!r}, not {payload_type!r}"
        )
    return parsed.payload


def _has_signed(envelope: Envelope, key: PublicKey) -> bool:
    try:
        return bool(envelope.verify([key._key], 1))
    except (*_KEY_ERRORS, KeyError):
        return False


def unverified_payload(envelope: bytes) -> bytes:
    """The payload of an envelope, whoever signed it: for display, never for trust."""
    return _parse_envelope(envelope).payload


def unverified_keyids(envelope: bytes) -> tuple[str, ...]:
    """The keys that an envelope names, in order, whether they signed it or not: for display only."""
    return tuple(sorted(_parse_envelope(envelope).signatures))


def _parse_envelope(data: bytes) -> Envelope:
    value = parse_json(data, max_bytes=MAX_ENVELOPE_BYTES, max_depth=4)
    if not isinstance(value, dict) or set(value) != {"payload", "payloadType", "signatures"}:
        raise SignatureError(
            "this is not a DSSE envelope: it needs payload, payloadType and signatures, nothing else"
        )
    signatures = value["signatures"]
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MAX_SIGNATURES:
        raise SignatureError(f"a DSSE envelope carries 1 to {_MAX_SIGNATURES} signatures")
    try:
        # A copy, because securesystemslib changes the mapping that it reads.
        envelope = Envelope.from_dict(copy.deepcopy(value))
        texts = [envelope.payload_type, *envelope.signatures]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("payloadType and keyid must be text")
    except (ValueError, TypeError, KeyError, AttributeError, SecuresystemslibError) as exc:
        raise SignatureError(f"a DSSE envelope is malformed: {exc}") from exc
    return envelope


def generate_key(path: Path | str) -> KeyInfo:
    """Make an ed25519 key: the private key at `path` (mode 0600), the public one at `path`.pub.

    Raises `ProvenanceError` when either file is there: a key is never overwritten.
    """
    private, public = Path(path), Path(f"{path}.pub")
    for file in (private, public):
        if file.exists():
            raise ProvenanceError(
                f"{file} exists, and a key is never overwritten", "choose another name, or remove it"
            )
    signer = CryptoSigner.generate_ed25519()
    _create(private, signer.private_bytes, 0o600)
    _create(public, PublicKey(signer.public_key).pem, 0o644)
    return KeyInfo(signer.public_key.keyid, private, public)


def local_identity(home: Path) -> Signer:
    """The key of this user on this machine, made at the first call, under `home`.

    Several processes may call it at once: all get the same key.
    """
    file = home / _IDENTITY
    if not file.exists():
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise _cannot_write(home, exc) from exc
        try:
            _create(file, CryptoSigner.generate_ed25519().private_bytes, 0o600)
        except ProvenanceError:
            if not file.exists():
                raise
    signer = Signer.load(file)
    public = Path(f"{file}.pub")
    if not public.exists():
        try:
            _create(public, signer.public_key.pem, 0o644)
        except ProvenanceError:
            if not public.exists():
                raise
    return signer


def _create(path: Path, data: bytes, mode: int) -> None:
    """Create a file that others see complete or not at all; raises when it is there already."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A link fails when the name is taken, and makes the file appear with all its bytes.
        Path(path).hardlink_to(name)
    except FileExistsError as exc:
        raise ProvenanceError(
            f"{path} exists, and a key is never overwritten", "choose another name"
        ) from exc
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    finally:
        Path(name).unlink(missing_ok=True)


def _cannot_write(path: Path, exc: OSError) -> ProvenanceError:
    return ProvenanceError(
        f"the key {path} cannot be written: {exc.strerror or exc}", "choose a folder that you may write to"
    )


def _read_key(path: Path, *, private: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            if private:
                _check_mode(path, os.fstat(file.fileno()).st_mode)
            return file.read(_MAX_KEY_BYTES)
    except OSError as exc:
        raise ProvenanceError(
            f"the key {path} cannot be read: {exc.strerror or exc}", "make one with `mintage keygen`"
        ) from exc


def _check_mode(path: Path, mode: int) -> None:
    if stat.S_IMODE(mode) & 0o077:
        raise ProvenanceError(
            f"the private key {path} is open to other users (mode {stat.S_IMODE(mode):04o})",
            f"chmod 600 {path}",
        )
