"""Keys and signatures: DSSE envelopes, by securesystemslib; no cryptography of our own."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from cryptography.exceptions import UnsupportedAlgorithm
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SecuresystemslibError
from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from securesystemslib.signer import Signer as SslibSigner

from mintage.errors import MintageError, ProvenanceError, SignatureError
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.key_files import (
    Algorithm,
    cannot_write,
    create_file,
    new_key,
    parse_private_key,
    parse_public_key,
    read_key,
)
from mintage.provenance.key_services import (
    AskPin,
    key_scheme,
    keyless_identity,
    open_key,
    public_bytes,
    service_error,
)

IN_TOTO_PAYLOAD = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES = 64 * 2**20
MAX_SIGNATURES = 16
_MAX_DEPTH = 16
"""Of an envelope: a signature by sigstore brings its certificate and log entries along."""

_IDENTITY = "identity.pem"
_KEY_ERRORS = (ValueError, TypeError, UnsupportedAlgorithm, SecuresystemslibError)


class KeyInfo(NamedTuple):
    """A new pair of keys: where they lie, and the id by which envelopes name them."""

    keyid: str
    private_path: Path
    public_path: Path


class PublicKey:
    """A key that signatures are checked with."""

    def __init__(self, key: Key) -> None:
        self._key = key

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The public key in a PEM file, or the identity in a JSON file that `mintage pubkey` wrote.

        Raises `ProvenanceError` when there is none, or one of a kind that is not taken.
        """
        return cls.from_pem(read_key(Path(path)), str(path))

    @classmethod
    def from_pem(cls, pem: bytes, name: str = "the key") -> Self:
        """The public key in PEM bytes; `name` is used in error messages."""
        if pem.lstrip().startswith(b"{"):
            return cls(keyless_identity(pem, name))
        return cls(SSlibKey.from_crypto(parse_public_key(pem, name)))

    @property
    def keyid(self) -> str:
        """The id of the key: a digest of the key itself."""
        return self._key.keyid

    @property
    def pem(self) -> bytes:
        """The key as it stands in files: PEM, or JSON for an identity of sigstore."""
        return public_bytes(self._key)

    def __repr__(self) -> str:
        return f"PublicKey({self.keyid[:16]}…)"


def no_pin() -> str:
    """Says that a token asked for its PIN where nobody has given one."""
    raise ProvenanceError("the token asks for its PIN", "set MINTAGE_HSM_PIN")


class _One(NamedTuple):
    """One private key, and the path or URI where it is."""

    signer: SslibSigner
    name: str


class Signer:
    """Private keys that sign together, mostly one: from files, or in services that never give them away."""

    def __init__(self, *keys: tuple[SslibSigner, str]) -> None:
        self._keys = tuple(_One(*key) for key in keys)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The private key in a PEM file (`file:` before the path is allowed).

        Raises `ProvenanceError` when the file is missing, no private key, encrypted, open to other
        users, or holds a key of a kind that is not taken.
        """
        file = Path(str(path).removeprefix("file://").removeprefix("file:"))
        pem = read_key(file, private=True)
        return cls((CryptoSigner(parse_private_key(pem, str(file))), str(path)))

    @classmethod
    def open(cls, uri: Path | str, *, ask_pin: AskPin = no_pin) -> Self:
        """The private key that a path or URI names, see `key_services`; `ask_pin` is asked by tokens.

        Raises what `load` raises, `PluginError` when the library for a key service is not installed,
        and `SigningError` when the service does not answer.
        """
        if key_scheme(str(uri)) is None:
            return cls.load(uri)
        return cls((open_key(str(uri), ask_pin), str(uri)))

    @classmethod
    def together(cls, signers: Iterable[Signer]) -> Self:
        """All keys of several signers, which sign each envelope together.

        Raises `ProvenanceError` when there is none, when two are the same key, or for too many.
        """
        joint = cls(*(key for signer in signers for key in signer._keys))
        if not 0 < len(joint._keys) <= MAX_SIGNATURES:
            raise ProvenanceError(f"{len(joint._keys)} keys cannot sign: 1 to {MAX_SIGNATURES} are needed")
        if len(set(joint.keyids)) < len(joint.keyids):
            raise ProvenanceError(
                f"of {', '.join(joint.names)} two are the same key",
                "name each key once: it counts once, however often it signs",
            )
        return joint

    @property
    def public_keys(self) -> tuple[PublicKey, ...]:
        """The keys that verify what this one signs."""
        return tuple(PublicKey(key.signer.public_key) for key in self._keys)

    @property
    def keyids(self) -> tuple[str, ...]:
        """The ids of the keys, as they stand in envelopes."""
        return tuple(key.signer.public_key.keyid for key in self._keys)

    @property
    def names(self) -> tuple[str, ...]:
        """Where the keys are: paths or URIs."""
        return tuple(key.name for key in self._keys)

    @property
    def public_key(self) -> PublicKey:
        """The first of its keys."""
        return self.public_keys[0]

    @property
    def keyid(self) -> str:
        """The id of the first of its keys."""
        return self.keyids[0]

    def sign(self, payload: bytes, payload_type: str = IN_TOTO_PAYLOAD) -> bytes:
        """A DSSE envelope around the payload: one line of JSON, without a newline at its end.

        Each key signs it. Raises `SigningError` when one does not, as when its service is down.
        """
        envelope = Envelope(payload, payload_type, {})
        for key in self._keys:
            _sign(envelope, key)
        return canonical_json(envelope.to_dict())

    def __repr__(self) -> str:
        return f"Signer({', '.join(f'{keyid[:16]}…' for keyid in self.keyids)})"


def _sign(envelope: Envelope, key: _One) -> None:
    try:
        made = envelope.sign(key.signer)
        if isinstance(public := key.signer.public_key, SSlibKey):
            # A service may have moved a name to another key since it was asked for the public half.
            public.verify_signature(made, envelope.pae())
    except MintageError:
        raise
    except Exception as exc:  # each service's library has errors of its own
        raise service_error(key.name, exc) from exc


class Signed(NamedTuple):
    """What an envelope carries, and which of the keys asked for have signed it."""

    payload: bytes
    keyids: frozenset[str]


def signed_by(
    envelope: bytes, keys: Sequence[PublicKey], *, threshold: int = 1, payload_type: str = IN_TOTO_PAYLOAD
) -> Signed:
    """The payload of an envelope, and the ids of all of `keys` whose signature on it holds.

    Each key is counted once. Raises `SignatureError` as `verify` does, when fewer than `threshold` hold.
    """
    payload = verify(envelope, keys, threshold=threshold, payload_type=payload_type)
    parsed = _parse_envelope(envelope)
    return Signed(payload, frozenset(key.keyid for key in keys if _has_signed(parsed, key)))


def verify(
    envelope: bytes, keys: Sequence[PublicKey], *, threshold: int = 1, payload_type: str = IN_TOTO_PAYLOAD
) -> bytes:
    """The payload of an envelope that at least `threshold` of `keys` have signed; each counts once.

    Only the envelope is parsed before the signatures hold, never the payload. Raises
    `SignatureError` when it is unsigned, signed by other keys or too few, altered, or of another
    payload type, and `ProvenanceError` for a threshold below 1.
    """
    if threshold < 1:
        raise ProvenanceError(
            f"a threshold of {threshold} signatures would let anything pass", "use 1 or more"
        )
    parsed = _parse_envelope(envelope)
    if not keys:
        raise SignatureError("no key was given to check the signature with", "give a public key")
    named = sorted(parsed.signatures)
    if not {key.keyid for key in keys} & set(named):
        raise SignatureError(
            f"the signature is by the unknown key {', '.join(named) or 'of nobody'}",
            f"trusted: {', '.join(key.keyid for key in keys)}; if the signer is to be trusted, give its key",
        )
    valid = {key.keyid for key in keys if _has_signed(parsed, key)}
    if not valid:
        raise SignatureError(
            f"the signature by the key {', '.join(named)} is false: what was signed has been altered"
        )
    if len(valid) < threshold:
        raise SignatureError(
            f"{len(valid)} of the keys asked for have signed, {threshold} must: {', '.join(sorted(valid))}",
            "have it signed by more of them",
        )
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
    value = parse_json(data, max_bytes=MAX_ENVELOPE_BYTES, max_depth=_MAX_DEPTH)
    if not isinstance(value, dict) or set(value) != {"payload", "payloadType", "signatures"}:
        raise SignatureError(
            "this is not a DSSE envelope: it needs payload, payloadType and signatures, nothing else"
        )
    signatures = value["signatures"]
    if not isinstance(signatures, list) or not 0 < len(signatures) <= MAX_SIGNATURES:
        raise SignatureError(f"a DSSE envelope carries 1 to {MAX_SIGNATURES} signatures")
    try:
        # A copy, because securesystemslib changes the mapping that it reads.
        envelope = Envelope.from_dict(copy.deepcopy(value))
        texts = [envelope.payload_type, *envelope.signatures]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("payloadType and keyid must be text")
    except (ValueError, TypeError, KeyError, AttributeError, SecuresystemslibError) as exc:
        raise SignatureError(f"a DSSE envelope is malformed: {exc}") from exc
    return envelope


def generate_key(path: Path | str, algorithm: Algorithm = "ed25519") -> KeyInfo:
    """Make a pair of keys: the private key at `path` (mode 0600), the public one at `path`.pub.

    Raises `ProvenanceError` when either file is there: a key is never overwritten.
    """
    private, public = Path(path), Path(f"{path}.pub")
    for file in (private, public):
        if file.exists():
            raise ProvenanceError(
                f"{file} exists, and a key is never overwritten", "choose another name, or remove it"
            )
    signer = new_key(algorithm)
    create_file(private, signer.private_bytes, 0o600)
    create_file(public, PublicKey(signer.public_key).pem, 0o644)
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
            raise cannot_write(home, exc) from exc
        try:
            create_file(file, new_key().private_bytes, 0o600)
        except ProvenanceError:
            if not file.exists():
                raise
    signer = Signer.load(file)
    public = Path(f"{file}.pub")
    if not public.exists():
        try:
            create_file(public, signer.public_key.pem, 0o644)
        except ProvenanceError:
            if not public.exists():
                raise
    return signer
