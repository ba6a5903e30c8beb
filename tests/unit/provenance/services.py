"""Key services that fail, as securesystemslib's signers of real ones do."""

from __future__ import annotations

from securesystemslib.signer import Key, SecretsHandler, Signature
from securesystemslib.signer import Signer as SslibSigner

from mintage.provenance.signing import Signer

DOWN = "awskms:alias/release"


class Unreachable(SslibSigner):
    """Told its public key, and then went away."""

    def __init__(self, key: Signer) -> None:
        self._inner = key._keys[0].signer

    @property
    def public_key(self) -> Key:
        return self._inner.public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> SslibSigner:
        raise NotImplementedError

    def sign(self, payload: bytes) -> Signature:
        del payload
        raise ConnectionError("the service does not answer")


class Unstable(Unreachable):
    """Signs with another key than the one that it named."""

    def __init__(self, key: Signer, other: Signer) -> None:
        super().__init__(key)
        self._other = other._keys[0].signer

    def sign(self, payload: bytes) -> Signature:
        made = self._other.sign(payload)
        return Signature(self.public_key.keyid, made.signature)
