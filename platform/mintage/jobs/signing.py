"""`mintage.sign`: sign what no key would sign when it was made, or add a signature to what was signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from mintage.errors import ProvenanceError
from mintage.jobs.signers import open_key, open_keys
from mintage.jobs.verification import trusted_keys
from mintage.provenance.attestations import add_attestation
from mintage.provenance.digests import digest_of
from mintage.provenance.heads import latest_head, read_head, read_statement, statement_lines
from mintage.provenance.layout import statements_path
from mintage.provenance.signing import PublicKey, Signer, unverified_payload
from mintage.provenance.statements import Head
from mintage.provenance.unsigned import find_unsigned, sign_unsigned
from mintage.settings import Settings
from mintage.store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedVersion:
    """What was signed, by whom, and where the signature lies."""

    dataset: str
    version: int
    root: str
    statement: str
    """Digest of the statement about the data set."""
    state: Literal["signed", "countersigned"]
    """Whether the version was unsigned before, or has one more signature now."""
    keyids: tuple[str, ...]
    path: str
    """The object with the signature, relative to the data set."""

    def to_json(self) -> dict[str, object]:
        """The same as plain JSON values."""
        return {**asdict(self), "keyids": list(self.keyids)}


def sign(
    uri: str,
    *,
    keys: Sequence[Path | str] = (),
    version: int | None = None,
    trusted: Sequence[Path | str] | None = None,
    storage: Mapping[str, object] | None = None,
) -> SignedVersion:
    """Sign a version of the data set at `uri` with private keys (the local identity without any).

    A version that waits to be signed becomes complete by it. To one that is signed a countersignature is
    added: the same statement, kept beside it. For that one of the public keys `trusted` (the local
    identity's without any) must have signed it, so that nobody puts a name to a stranger's claim. The
    newest version is taken, unless `version` names another.

    Raises `ProvenanceError` when there is nothing to sign, when what waits differs from the shards, or
    when it must be said which of two versions is meant; `SignatureError` when nobody trusted has signed;
    and `SigningError` when a key does not sign.
    """
    settings = Settings.read()
    store = ObjectStore.open(uri, options=storage)
    signer = open_keys(keys, settings) if keys else open_key(None, settings)
    waiting = _choose(store, version)
    if waiting is None:
        return _countersign(store, version, signer, trusted_keys(trusted))
    head = sign_unsigned(store, waiting, signer)
    return _said(store, head, signer, "signed", statements_path(head.version))


def public_key(key: Path | str | None = None) -> PublicKey:
    """The public half of a private key, by path or URI: what those who verify must be given."""
    return open_key(key, Settings.read()).public_key


def _choose(store: ObjectStore, version: int | None) -> int | None:
    """The version that waits to be signed, if that is what is meant."""
    waiting, head = find_unsigned(store), latest_head(store)
    if version is None and waiting is not None and head is not None:
        raise ProvenanceError(
            f"version {head.version} of {store.uri} is signed, and version {waiting} waits to be",
            f"say which one is meant: --version {head.version} or --version {waiting}",
        )
    return waiting if version in (None, waiting) else None


def _countersign(
    store: ObjectStore, version: int | None, signer: Signer, trusted: Sequence[PublicKey]
) -> SignedVersion:
    head = latest_head(store) if version is None else read_head(store, version)
    if head is None:
        raise ProvenanceError(f"{store.uri} holds nothing to sign", "finish the job with mintage.run")
    read_statement(store, head, trusted)
    payloads = map(unverified_payload, statement_lines(store, head.version))
    # The very bytes whose signature was just checked: they have the digest that the head names.
    payload = next(payload for payload in payloads if digest_of(payload) == head.statement)
    path = add_attestation(store, head.version, signer.sign(payload))
    return _said(store, head, signer, "countersigned", path)


def _said(
    store: ObjectStore,
    head: Head,
    signer: Signer,
    state: Literal["signed", "countersigned"],
    path: str,
) -> SignedVersion:
    return SignedVersion(
        dataset=store.uri,
        version=head.version,
        root=head.root,
        statement=head.statement,
        state=state,
        keyids=signer.keyids,
        path=path,
    )
