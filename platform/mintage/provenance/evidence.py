"""What was signed about a version, as it lies in a store or in a proof file: envelopes, unverified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mintage.errors import ProvenanceError
from mintage.provenance.attestations import Attested
from mintage.provenance.digests import digest_of
from mintage.provenance.heads import statement_lines
from mintage.provenance.layout import statements_path
from mintage.provenance.signing import unverified_payload
from mintage.provenance.statements import Head, Statement
from mintage.store import ObjectStore

_PIECE_BYTES = 8192
_MAX_FIRST_BYTES = 2**20


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
    complete: bool = True
    """Whether these are all that were signed with the version; otherwise it is the first alone."""

    def about(self, digest: str) -> Iterator[bytes]:
        """The envelopes whose payload has that digest, whoever signed them."""
        for envelope in (*self.lines, *(attested.envelope for attested in self.attestations)):
            if payload_digest(envelope) == digest:
                yield envelope


def read_first(store: ObjectStore, head: Head) -> Evidence | None:
    """The first envelope of a version alone, which is about the data set; None when there is another.

    Saves reading how the version was made, which is most of what was signed.
    """
    path = statements_path(head.version)
    line = b""
    while b"\n" not in line:
        piece = store.read_range(path, len(line), _PIECE_BYTES)
        if not piece or len(line) > _MAX_FIRST_BYTES:
            return None
        line += piece
    line = line[: line.index(b"\n")]
    if payload_digest(line) != head.statement:
        return None
    return Evidence(statement=head.statement, lines=(line,), path=path, complete=False)


def read_evidence(store: ObjectStore, head: Head) -> Evidence:
    """What was signed with the version that a head names; raises `ProvenanceError` for too much of it."""
    return Evidence(
        statement=head.statement,
        lines=statement_lines(store, head.version),
        path=statements_path(head.version),
    )


def signed_head(evidence: Evidence, statement: Statement) -> Head:
    """The head that the signed statement calls for."""
    signed = statement.predicate
    return Head(
        version=signed.version, statement=evidence.statement, size=signed.tree.size, root=statement.root
    )


def payload_digest(envelope: bytes) -> str:
    """The digest of the payload in an envelope, or nothing when it is no envelope."""
    try:
        return digest_of(unverified_payload(envelope))
    except ProvenanceError:
        return ""
