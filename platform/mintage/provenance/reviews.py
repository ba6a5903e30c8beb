"""What people say of a version after they have looked at it: accept or reject, signed with their own key.

A review is an in-toto statement about the root of the data set. It never changes the version; what it
is worth is for the reader's policy to say. A domain expert and the wider community say the same
kind of thing, with other keys and in other roles.

A key has one opinion of a version. Reviews that another review *by the same key* names in
`supersedes` no longer stand; of those that do, one that rejects outweighs all that accept. No clock
decides: times are what the reviewer says they are, and a review that somebody holds back must not win
by being late.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance.attestations import MAX_ATTESTATION_BYTES, Attested, read_attestations
from mintage.provenance.canonical import parse_json
from mintage.provenance.digests import Digest, digest_of
from mintage.provenance.heads import read_statement
from mintage.provenance.records import Count
from mintage.provenance.signing import PublicKey, signed_by, unverified_keyids, unverified_payload
from mintage.provenance.statements import Head, Statement, build_in_toto, parse_in_toto
from mintage.store import ObjectStore

REVIEW_TYPE = "https://mintage.dev/attestation/review/v1"

Verdict = Literal["accept", "reject"]

MAX_NOTE = 10_000
"""Characters that a note may have."""

_MAX_SUPERSEDED = 100


def _plain(text: str) -> str:
    """Text that a terminal can show: nothing in it moves the cursor or rings the bell."""
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in text):
        raise ValueError("it holds control characters")
    return text


_Plain = AfterValidator(_plain)
_Word = Annotated[str, Field(min_length=1, max_length=200), _Plain]


class Review(BaseModel):
    """What one review says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    """Name of the data set, as its statement has it."""
    root: Digest
    """Root of the version's tree: the subject."""
    version: Count
    statement: Digest
    """Digest of the statement that the version's head names."""
    verdict: Verdict
    note: Annotated[str, Field(max_length=MAX_NOTE), _Plain] = ""
    reviewer: _Word | None = None
    """Who says it, in the reviewer's own words; what counts is the key."""
    role: _Word | None = None
    """Such as `domain expert` or `community`; in the reviewer's own words too."""
    page: Digest | None = None
    """Digest of the page of samples that was looked at."""
    reviewed: Annotated[str, Field(min_length=1, max_length=64), _Plain]
    """When, in UTC as ISO 8601 text."""
    supersedes: Annotated[tuple[Digest, ...], Field(max_length=_MAX_SUPERSEDED, strict=False)] = ()
    """Digests of earlier reviews (of their payloads) by the same key that no longer stand."""

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Self:
        """The review in a mapping; raises `ProvenanceError` that names what is wrong."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ProvenanceError(f"the review is wrong at {place!r}: {first['msg']}") from exc

    def speaks_of(self, head: Head) -> bool:
        """Whether it is about this very version, and not carried over from another."""
        return (self.version, self.statement, self.root) == (head.version, head.statement, head.root)

    def says_as(self, other: Review) -> bool:
        """Whether it says what another one does, whenever it was said."""
        return self.model_copy(update={"reviewed": other.reviewed, "supersedes": other.supersedes}) == other


def build_review(review: Review) -> bytes:
    """The canonical JSON of the statement: what the reviewer signs."""
    predicate = review.model_dump(mode="json", exclude={"name", "root"})
    return build_in_toto(review.name, review.root, REVIEW_TYPE, predicate)


def review_of(payload: bytes) -> Review:
    """The review in a payload whose signature was verified.

    Keys that are not known are left alone, as in-toto asks. Raises `ProvenanceError` when it is no
    review, or a malformed one.
    """
    outer = parse_in_toto(payload, REVIEW_TYPE)
    if not isinstance(outer.predicate, dict):
        raise ProvenanceError("the review is malformed: its predicate is not an object")
    known = set(Review.model_fields) - {"name", "root"}
    said = {key: value for key, value in outer.predicate.items() if key in known}
    return Review.of({**said, "name": outer.name, "root": outer.root})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A review that lies beside a version."""

    review: Review
    keyids: frozenset[str]
    """The keys that were asked for and have signed it; empty when none of them has."""
    claimed: tuple[str, ...]
    """The keys that the envelope names, whether their signatures hold or not: for display."""
    digest: str
    """Of its payload: what a later review names in `supersedes`."""
    path: str


def read_reviews(store: ObjectStore, head: Head, keys: Sequence[PublicKey]) -> list[Reviewed]:
    """The reviews of a version that at least one of `keys` has signed, in the order of their time.

    Reviews of other versions that were carried here, and statements of other types, are passed over:
    anybody who may write to the folder can put them there. Raises `ProvenanceError` when a trusted key
    has signed a malformed review, because it may have been a rejection, and as `read_attestations`.
    """
    return pick_reviews(read_attestations(store, head.version), head, keys)


def pick_reviews(attestations: Iterable[Attested], head: Head, keys: Sequence[PublicKey]) -> list[Reviewed]:
    """Of envelopes that were signed about a version, the reviews, as `read_reviews` does."""
    found = (_trusted(attested, head, keys) for attested in attestations)
    return _by_time(one for one in found if one is not None)


def read_unverified_reviews(store: ObjectStore, head: Head, keys: Sequence[PublicKey] = ()) -> list[Reviewed]:
    """All well-formed reviews of a version, whoever signed them: for display, never for trust.

    Those that one of `keys` has signed name it in `keyids`.
    """
    trusted = {one.path: one for one in read_reviews(store, head, keys)} if keys else {}
    found = (
        trusted.get(attested.path) or _unverified(attested, head)
        for attested in read_attestations(store, head.version)
    )
    return _by_time(one for one in found if one is not None)


def opinions(reviews: Iterable[Reviewed]) -> dict[str, Reviewed]:
    """What each key has to say, by key id: its review that stands, a rejection if there is one."""
    of_keys: dict[str, list[Reviewed]] = {}
    for one in reviews:
        for keyid in one.keyids:
            of_keys.setdefault(keyid, []).append(one)
    standing = {keyid: standing_reviews(said) for keyid, said in sorted(of_keys.items())}
    return {
        keyid: next((one for one in said if one.review.verdict == "reject"), said[-1])
        for keyid, said in standing.items()
    }


def standing_reviews(said: Sequence[Reviewed]) -> list[Reviewed]:
    """Of the reviews by one key, those that no other of them supersedes; never none of some.

    A review names others by the digest of their bytes, so no two can supersede each other.
    """
    superseded = {digest for one in said for digest in one.review.supersedes}
    return [one for one in said if one.digest not in superseded]


def read_signed_head(store: ObjectStore, head: Head, keys: Sequence[PublicKey]) -> Statement:
    """The statement that a head names, signed by one of `keys`, if the head agrees with it.

    Raises `SignatureError` or `ProvenanceError`. What is read of the version after this is as good as
    the digests in the statement.
    """
    statement = read_statement(store, head, keys)
    signed = statement.predicate
    if (head.version, head.size, head.root) != (signed.version, signed.tree.size, statement.root):
        raise ProvenanceError(
            f"the head of version {head.version} does not agree with the statement that it names",
            "run `mintage verify`: the data set was tampered with",
        )
    return statement


def _trusted(attested: Attested, head: Head, keys: Sequence[PublicKey]) -> Reviewed | None:
    try:
        payload, keyids = signed_by(attested.envelope, keys)
    except SignatureError:
        return None
    if not _is_review(payload):
        return None
    try:
        review = review_of(payload)
    except ProvenanceError as exc:
        raise ProvenanceError(f"{attested.path}: {exc.message}", exc.hint) from exc
    if not review.speaks_of(head):
        return None
    return _reviewed(attested, review, payload, keyids)


def _unverified(attested: Attested, head: Head) -> Reviewed | None:
    try:
        payload = unverified_payload(attested.envelope)
        review = review_of(payload)
    except ProvenanceError:
        return None  # not a review, or one that nobody trusted can have meant
    if not review.speaks_of(head):
        return None
    return _reviewed(attested, review, payload, frozenset())


def _reviewed(attested: Attested, review: Review, payload: bytes, keyids: frozenset[str]) -> Reviewed:
    return Reviewed(
        review=review,
        keyids=keyids,
        claimed=unverified_keyids(attested.envelope),
        digest=digest_of(payload),
        path=attested.path,
    )


def _is_review(payload: bytes) -> bool:
    """Whether a signed payload means to be a review, well-formed or not."""
    try:
        value = parse_json(payload, max_bytes=MAX_ATTESTATION_BYTES)
    except ProvenanceError:
        return False  # no reader can take it for a statement of any type
    return isinstance(value, dict) and value.get("predicateType") == REVIEW_TYPE


def _by_time(reviews: Iterable[Reviewed]) -> list[Reviewed]:
    return sorted(reviews, key=lambda one: (one.review.reviewed, one.digest))
