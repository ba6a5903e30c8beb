"""What was signed about a version after its head: reviews, further signatures, a verifier's summary.

    _mintage/attestations/<version>/<digest of the envelope>.json

Each file is one DSSE envelope, created exclusively and named for its own bytes, so that anybody who may
write to the folder can add one, and nobody can replace one. None of them changes what the version is:
what they are worth is for the reader's policy to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mintage.errors import ProvenanceError
from mintage.provenance._capped import read_capped
from mintage.provenance.digests import digest_of
from mintage.provenance.layout import attestation_path, attestations_path
from mintage.provenance.signing import unverified_payload
from mintage.store import ObjectStore

MAX_ATTESTATIONS = 1000
MAX_ATTESTATION_BYTES = 4 * 2**20
"""Size that one envelope may have."""


class Attested(NamedTuple):
    """An envelope beside a version, unverified."""

    path: str
    envelope: bytes


def add_attestation(store: ObjectStore, version: int, envelope: bytes) -> str:
    """Keep an envelope beside a version, and return its path; the same one again changes nothing.

    Raises `ProvenanceError` for what is no DSSE envelope, or too large to be read back.
    """
    if len(envelope) > MAX_ATTESTATION_BYTES:
        raise ProvenanceError(
            f"the attestation has {len(envelope)} bytes where {MAX_ATTESTATION_BYTES} are allowed",
            "say less in it, and name larger things by digest",
        )
    unverified_payload(envelope)
    path = attestation_path(version, digest_of(envelope))
    store.create(path, envelope)
    return path


def read_attestations(store: ObjectStore, version: int) -> Iterator[Attested]:
    """Yield the envelopes beside a version in the order of their names, unverified.

    Raises `ProvenanceError` when there are more than `MAX_ATTESTATIONS`, when one is too large, or is
    not what its name says.
    """
    paths = sorted(info.path for info in store.list(attestations_path(version)))
    if len(paths) > MAX_ATTESTATIONS:
        raise ProvenanceError(
            f"{attestations_path(version)} holds {len(paths)} files where {MAX_ATTESTATIONS} are allowed"
        )
    for path in paths:
        envelope = read_capped(store, path, MAX_ATTESTATION_BYTES)
        if path != attestation_path(version, digest_of(envelope)):
            raise ProvenanceError(f"{path} is not what its name says", "restore it from a copy, or remove it")
        yield Attested(path, envelope)
