"""Keys that never leave a service or a token, named by URI; securesystemslib speaks to each of them.

    awskms:KEY, gcpkms:projects/…, azurekms://VAULT.vault.azure.net/keys/NAME, hsm:[ID][?label=TOKEN],
    hv:NAME[/VERSION], sigstore:?identity=…&issuer=…

Credentials come from where each library looks for them, never from the URI.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import unquote_plus

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib import signer as sslib  # its names have no __all__
from securesystemslib.signer import Key, Signature
from securesystemslib.signer import Signer as SslibSigner

from mintage.errors import MintageError, PluginError, ProvenanceError, SigningError
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.key_files import parse_public_key

AskPin = Callable[[], str]
"""Gives the PIN of a token; raises when there is none."""

_MAX_IDENTITY_BYTES = 4096
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]+):")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    """A kind of key service: what its URIs look like, what must be installed, how a key is opened."""

    pattern: re.Pattern[str]
    form: str
    """What a URI looks like, for whoever wrote another one."""
    extra: str
    modules: tuple[str, ...]
    open: Callable[[re.Match[str], AskPin], SslibSigner]
    hint: str
    """What to look at when it does not answer."""


def key_scheme(uri: str) -> str | None:
    """The scheme of the URI of a private key; None for a path and for `file:`.

    >>> key_scheme("awskms:alias/release"), key_scheme("keys/release.pem"), key_scheme("file:a.pem")
    ('awskms', None, None)

    Raises `ProvenanceError` for schemes that no key service has.
    """
    match = _SCHEME.match(uri)
    if match is None or match[1] == "file":
        return None
    if match[1] not in _SERVICES:
        raise ProvenanceError(
            f"{uri[:200]!r} names no key: {match[1]}: is not known",
            f"known: {', '.join(f'{name}:' for name in ('file', *_SERVICES))}; "
            "for a file with a colon in its name put file: before it",
        )
    return match[1]


def open_key(uri: str, ask_pin: AskPin) -> SslibSigner:
    """The signer of a key in a service. It asks the service for the public half.

    Raises `PluginError` when the extra for this service is not installed, `ProvenanceError` for a URI
    or a kind of key that is refused, and `SigningError` when the service does not answer.
    """
    scheme = key_scheme(uri)
    assert scheme is not None
    service = _SERVICES[scheme]
    if (match := service.pattern.fullmatch(uri)) is None:
        # Not the query: somebody may have written a PIN into it.
        raise ProvenanceError(f"{uri.partition('?')[0][:200]!r} names no key", f"write {service.form}")
    _check_installed(scheme)
    try:
        return service.open(match, ask_pin)
    except MintageError:
        raise
    except Exception as exc:  # each service's library has errors of its own, and none is ours
        raise service_error(uri, exc, service.hint) from exc


def service_error(uri: str, exc: Exception, hint: str = "") -> SigningError:
    """The error of a key that cannot be used now."""
    return SigningError(
        f"the key {uri[:300]} cannot be used: {type(exc).__name__}: {str(exc)[:300] or 'no reason given'}",
        hint or service_hint(uri),
    )


def service_hint(uri: str) -> str:
    """What to look at when a key does not sign."""
    scheme = key_scheme(uri)
    return _SERVICES[scheme].hint if scheme else "check the key"


def keyless_identity(text: bytes, name: str) -> Key:
    """The identity of sigstore in JSON bytes: what `public_bytes` wrote; `name` is for messages.

    Raises `ProvenanceError` for anything else, and `PluginError` when sigstore is not installed, without
    which no signature of such an identity can be checked.
    """
    value = parse_json(text, max_bytes=_MAX_IDENTITY_BYTES, max_depth=2)
    if not isinstance(value, dict) or set(value) != {"identity", "issuer"}:
        raise ProvenanceError(f"{name} is no identity: it needs identity and issuer, nothing else")
    if not all(isinstance(part, str) and part for part in value.values()):
        raise ProvenanceError(f"{name} is no identity: identity and issuer must be text")
    _check_installed("sigstore")
    key: Key = sslib.SigstoreSigner.import_(str(value["identity"]), str(value["issuer"]))[1]
    return key


def public_bytes(key: Key) -> bytes:
    """A public key as it stands in files: PEM, or JSON for an identity of sigstore."""
    if isinstance(key, sslib.SigstoreKey):
        return canonical_json({name: key.keyval[name] for name in ("identity", "issuer")}) + b"\n"
    public = str(key.keyval["public"])
    if key.keytype != "ed25519":
        return public.encode("ascii")
    # securesystemslib keeps ed25519 keys as bare hexadecimal; files hold the standard form.
    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    return raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _check_installed(scheme: str) -> None:
    service = _SERVICES[scheme]
    if missing := [name for name in service.modules if not _is_installed(name)]:
        raise PluginError(
            f"keys of {scheme}: need {missing[0]}, which is not installed",
            f"pip install 'mintage[{service.extra}]'",
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def _open_aws(match: re.Match[str], _: AskPin) -> SslibSigner:
    return _with_public(*sslib.AWSSigner.import_(match[1]))


def _open_gcp(match: re.Match[str], _: AskPin) -> SslibSigner:
    return _with_public(*sslib.GCPSigner.import_(match[1]))


def _open_azure(match: re.Match[str], _: AskPin) -> SslibSigner:
    found, key = sslib.AzureSigner.import_(match[1], match[2])
    _check_newest(match[0], match[3], found)
    return _with_public(found, key)


def _open_token(match: re.Match[str], ask_pin: AskPin) -> SslibSigner:
    def secrets(_: str) -> str:
        return ask_pin()

    number, label = match[1], match[2]
    found, key = sslib.HSMSigner.import_(
        int(number) if number else None, unquote_plus(label) if label else None, secrets
    )
    return _with_public(found, key, secrets)


def _open_vault(match: re.Match[str], _: AskPin) -> SslibSigner:
    found, key = sslib.VaultSigner.import_(match[1])
    _check_newest(match[0], match[2], found)
    return _with_public(found, key)


def _open_sigstore(match: re.Match[str], _: AskPin) -> SslibSigner:
    found, key = sslib.SigstoreSigner.import_(unquote_plus(match[1]), unquote_plus(match[2]))
    return _Keyless(sslib.SigstoreSigner.from_priv_key_uri(found, key))


class _Keyless(SslibSigner):
    """A sigstore signer whose signature is in hexadecimal, as an envelope of securesystemslib needs it."""

    def __init__(self, inner: SslibSigner) -> None:
        self._inner = inner

    @property
    def public_key(self) -> Key:
        return self._inner.public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: object = None
    ) -> SslibSigner:
        del secrets_handler
        return cls(sslib.SigstoreSigner.from_priv_key_uri(priv_key_uri, public_key))

    def sign(self, payload: bytes) -> Signature:
        made = self._inner.sign(payload)
        return Signature(made.keyid, base64.b64decode(made.signature).hex(), made.unrecognized_fields)


def _with_public(uri: str, key: Key, secrets: Callable[[str], str] | None = None) -> SslibSigner:
    """The signer of a key, whose public half is written as in files, so that both have one id."""
    public = sslib.SSlibKey.from_crypto(parse_public_key(public_bytes(key), f"the key {uri[:200]}"))
    return SslibSigner.from_priv_key_uri(uri, public, secrets)


def _check_newest(uri: str, version: str | None, newest: str) -> None:
    """Only the newest version of a key can be asked for its public half."""
    if version is not None and newest.rstrip("/").rpartition("/")[2] != version:
        raise ProvenanceError(
            f"{uri[:200]!r} is not the newest version of the key, which is {newest}", f"name {newest}"
        )


_SERVICES = {
    "awskms": _Service(
        pattern=re.compile(r"awskms:([^\s?#]{1,2048})"),
        form="awskms:KEY, with the id, the ARN or the alias of the key",
        extra="awskms",
        modules=("boto3",),
        open=_open_aws,
        hint="check the credentials, the region, kms:GetPublicKey and kms:Sign, and that the key is ECDSA",
    ),
    "gcpkms": _Service(
        pattern=re.compile(r"gcpkms:(projects/[^\s?#]{1,2048})"),
        form="gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V",
        extra="gcpkms",
        modules=("google.cloud.kms",),
        open=_open_gcp,
        hint="check the credentials, and the roles cloudkms.publicKeyViewer and cloudkms.signer",
    ),
    "azurekms": _Service(
        pattern=re.compile(
            r"azurekms://([A-Za-z0-9\-]{1,200})\.vault\.azure\.net/keys/([A-Za-z0-9\-]{1,200})(?:/([0-9a-f]+))?"
        ),
        form="azurekms://VAULT.vault.azure.net/keys/NAME",
        extra="azurekms",
        modules=("azure.identity", "azure.keyvault.keys"),
        open=_open_azure,
        hint="check the credentials, and the role Key Vault Crypto User",
    ),
    "hsm": _Service(
        pattern=re.compile(r"hsm:([0-9]{1,9})?(?:\?label=([^&#\s]{1,300}))?"),
        form="hsm:ID?label=TOKEN; the PIN comes from MINTAGE_HSM_PIN, never from the URI",
        extra="hsm",
        modules=("pkcs11",),
        open=_open_token,
        hint="check PYKCS11LIB (the token's library), the label, the ID of the key, and MINTAGE_HSM_PIN",
    ),
    "hv": _Service(
        pattern=re.compile(r"hv:([A-Za-z0-9_.\-]{1,200})(?:/([0-9]{1,9}))?"),
        form="hv:NAME, with the name of a key of the transit engine",
        extra="vault",
        modules=("hvac",),
        open=_open_vault,
        hint="check VAULT_ADDR, VAULT_TOKEN, and that the transit key is of the type ed25519",
    ),
    "sigstore": _Service(
        pattern=re.compile(r"sigstore:\?identity=([^&#\s]{1,1000})&issuer=([^&#\s]{1,1000})"),
        form="sigstore:?identity=IDENTITY&issuer=ISSUER",
        extra="sigstore",
        modules=("sigstore",),
        open=_open_sigstore,
        hint="check that the job has an identity of its own (OIDC), and that it reaches Fulcio and Rekor",
    ),
}
