"""What somebody declares about a real source: an in-toto statement of generation 0.

The subject is the content of one table, by the digest that a job takes of what it reads. Whether a
declaration is true nobody can compute: it is worth what its signer is worth to the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance.digests import Digest, digest_of
from mintage.provenance.records import Count
from mintage.provenance.signing import PublicKey, verify
from mintage.provenance.statements import build_in_toto, parse_in_toto

REAL_SOURCE_TYPE = "https://mintage.dev/attestation/real-source/v1"
MAX_SOURCE_STATEMENT_BYTES = 4 * 2**20
MAX_SOURCE_STATEMENTS = 64
"""Envelopes in one file beside a source."""

_Text = Annotated[str, Field(min_length=1, max_length=4096)]


class SourceColumn(BaseModel):
    """A column of a real source."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=1000)]
    type: _Text
    """The Arrow type, as Mintage writes it."""


class RealSource(BaseModel):
    """What is declared; as in-toto asks, unknown keys are left alone."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    name: Annotated[str, Field(min_length=1, max_length=1000)]
    digest: Digest
    """Of the table's content: `TableReader.digest()`."""
    generation: Literal["0"] = "0"
    rows: Count
    columns: Annotated[tuple[SourceColumn, ...], Field(min_length=1, max_length=100_000)]
    declared: Annotated[str, Field(min_length=1, max_length=64)]
    """Since when, in UTC as ISO 8601 text."""
    owner: _Text | None = None
    license: _Text | None = None
    note: _Text | None = None

    def to_payload(self) -> bytes:
        """The canonical JSON of the statement: what the signature covers."""
        predicate = self.model_dump(mode="json", exclude={"name", "digest"}, exclude_none=True)
        payload = build_in_toto(self.name, self.digest, REAL_SOURCE_TYPE, predicate)
        if len(payload) > MAX_SOURCE_STATEMENT_BYTES:
            raise ProvenanceError(
                f"the attestation of {self.name} would have {len(payload)} bytes where "
                f"{MAX_SOURCE_STATEMENT_BYTES} are allowed",
                "attest a table with fewer columns",
            )
        return payload

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """The declaration in a payload whose signature was verified; raises `ProvenanceError`."""
        outer = parse_in_toto(payload, REAL_SOURCE_TYPE)
        predicate = outer.predicate
        try:
            if not isinstance(predicate, dict):
                raise TypeError("the predicate is no object")
            return cls.model_validate({**predicate, "name": outer.name, "digest": outer.root})
        except (ValidationError, TypeError) as exc:
            raise ProvenanceError(f"the attestation of a source is malformed: {str(exc)[:300]}") from exc


class Believed(NamedTuple):
    """A declaration by somebody who is trusted."""

    source: RealSource
    statement: str
    """Digest of the payload."""


@dataclass(frozen=True, slots=True)
class Doubted:
    """Why no declaration that was found is believed."""

    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.reasons)


def judge_declarations(
    envelopes: Iterable[bytes], digest: str, keys: Sequence[PublicKey]
) -> Believed | Doubted:
    """The first declaration about the content `digest` that one of `keys` has signed, or why there is none.

    Nothing is parsed before its signature holds.
    """
    reasons: list[str] = []
    for envelope in envelopes:
        try:
            payload = verify(envelope, keys)
            source = RealSource.from_payload(payload)
        except (SignatureError, ProvenanceError) as exc:
            reasons.append(exc.message)
            continue
        if source.digest == digest:
            return Believed(source, digest_of(payload))
        reasons.append(f"it is about other bytes: {source.digest}, where {digest} is read")
    return Doubted(tuple(dict.fromkeys(reasons)) or ("there is no envelope in it",))
