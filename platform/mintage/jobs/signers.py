"""Opening the keys that sign, as a spec or a caller names them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mintage.provenance.signing import Signer, local_identity, no_pin
from mintage.settings import Settings
from mintage.spec import SigningSpec


def open_signer(spec: SigningSpec, settings: Settings) -> Signer:
    """The keys that a spec names, which sign together; the local identity when it names none.

    Raises `ProvenanceError` for a key that is refused, `PluginError` when the library for a key service
    is not installed, and `SigningError` when a service does not answer.
    """
    named = [*([spec.key] if spec.key else []), *spec.keys]
    return open_keys(named, settings) if named else open_key(None, settings)


def open_keys(keys: Sequence[Path | str], settings: Settings) -> Signer:
    """Several keys, each a path or URI, which sign together."""
    return Signer.together(open_key(key, settings) for key in keys)


def open_key(key: Path | str | None, settings: Settings) -> Signer:
    """The key at a path or URI; the local identity when there is none."""
    if key is None:
        return local_identity(settings.home)

    def ask_pin() -> str:
        return settings.hsm_pin or no_pin()

    return Signer.open(key, ask_pin=ask_pin)
