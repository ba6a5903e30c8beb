"""Digests as text: `sha256:` and 64 hexadecimal digits."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from pydantic import Field

from mintage.errors import ProvenanceError

_PREFIX = "sha256:"
_PATTERN = re.compile(r"sha256:[0-9a-f]{64}")

Sha256Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]
"""64 lower-case hexadecimal digits."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}\z")]
"""A digest that names its algorithm."""


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of `data` as 64 hexadecimal digits.

    >>> sha256_hex(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()


def digest_of(data: bytes) -> str:
    """The digest of `data`: `sha256:<hex>`."""
    return _PREFIX + sha256_hex(data)


def digest_from_raw(raw: bytes) -> str:
    """The digest whose 32 bytes are given."""
    return _PREFIX + raw.hex()


def raw_digest(digest: str) -> bytes:
    """The 32 bytes of a digest; raises `ProvenanceError` for text that is none."""
    if not _PATTERN.fullmatch(digest):
        raise ProvenanceError(
            f"{digest[:100]!r} is not a digest", "a digest is sha256: and 64 hexadecimal digits"
        )
    return bytes.fromhex(digest.removeprefix(_PREFIX))
