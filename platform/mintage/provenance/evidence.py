"""What was signed about a version, as it lies in a store or in a proof file: envelopes, unverified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mintage.errors import ProvenanceError
from mintage.provenance.attestations import Attested, read_attestations
from mintage.provenance.digests import digest_of
from mintage.provenance.heads import statement_lines
from mintage.provenance.layout import statements_path
from mintage.provenance.signing import unverified_payload
from mintage.provenance.statements import Head
from mintage.store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The envelopes that speak about a version."""

    statement: str
    """Digest of the statement about the data set, as the head names it."""
    lines: Sequence[bytes]
    """The envelopes that were signed with the version."""
    path: str
    """Where they stand, for failures."""
    attestations: Sequence[Attested] = ()
    """The envelopes that were signed later."""

    def about(self, digest: str) -> Iterator[bytes]:
        """The envelopes whose payload has that digest, whoever signed them."""
        for envelope in (*self.lines, *(attested.envelope for attested in self.attestations)):
            if payload_digest(envelope) == digest:
                yield envelope


def read_evidence(store: ObjectStore, head: Head, *, later: bool) -> Evidence:
    """The envelopes of the version that a head names; those that were signed later only if `later`.

    Raises `ProvenanceError` when there are too many, or too large ones.
    """
    return Evidence(
        statement=head.statement,
        lines=statement_lines(store, head.version),
        path=statements_path(head.version),
        attestations=tuple(read_attestations(store, head.version)) if later else (),
    )


def payload_digest(envelope: bytes) -> str:
    """The digest of the payload in an envelope, or nothing when it is no envelope."""
    try:
        return digest_of(unverified_payload(envelope))
    except ProvenanceError:
        return ""
