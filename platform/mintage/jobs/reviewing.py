"""`mintage.review`: somebody looked at a data set, and says with their own key what they think of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mintage.errors import ProvenanceError
from mintage.jobs.signers import open_key
from mintage.jobs.verification import trusted_keys
from mintage.provenance.attestations import add_attestation
from mintage.provenance.digests import digest_of
from mintage.provenance.heads import latest_head
from mintage.provenance.reviews import (
    Review,
    Reviewed,
    Verdict,
    build_review,
    opinions,
    read_reviews,
    read_signed_head,
    read_unverified_reviews,
    standing_reviews,
)
from mintage.provenance.signing import PublicKey
from mintage.provenance.statements import Head, Statement
from mintage.settings import Settings
from mintage.store import ObjectStore

MAX_PAGE_BYTES = 64 * 2**20
"""Size that the file of a page may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A review that was signed and kept."""

    review: Review
    path: str
    """Where it lies, relative to the data set."""
    keyid: str
    new: bool
    """False when this key had said the very same before, and nothing was written."""

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        said = self.review.model_dump(mode="json", exclude_none=True)
        return {**said, "key_id": self.keyid, "path": self.path, "new": self.new}


def review(
    uri: str,
    *,
    verdict: Verdict,
    key: Path | str,
    note: str = "",
    page: Path | str | None = None,
    reviewer: str | None = None,
    role: str | None = None,
    supersede: bool = False,
    trusted: Sequence[Path | str] | None = None,
    storage: Mapping[str, object] | None = None,
) -> Given:
    """Sign what a reviewer thinks of the newest version of the data set at `uri`, and keep it there.

    `verdict` is `accept` or `reject`; `key` is the reviewer's private key, `page` the file that was
    looked at (it is bound by its digest), `trusted` the public keys of who may have signed the data set:
    the local identity's, when there are none. A key that has said something else of this version before
    needs `supersede`, which takes back what it said.

    The signature of the version is checked first. Its rows are not: `mintage.verify` does that. Raises
    `ProvenanceError`, or `SignatureError` when nobody trusted has signed it.
    """
    store = ObjectStore.open(uri, options=storage)
    head, statement = newest_version(store, trusted_keys(trusted))
    signer = open_key(key, Settings.read())
    asked = Review.of(
        {
            "name": statement.name,
            "root": head.root,
            "version": head.version,
            "statement": head.statement,
            "verdict": verdict,
            "note": note,
            "reviewer": reviewer,
            "role": role,
            "page": _page_digest(Path(page), head) if page else None,
            "reviewed": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
    )
    earlier = standing_reviews(read_reviews(store, head, [signer.public_key]))
    if len(earlier) == 1 and earlier[0].review.says_as(asked):
        return Given(review=earlier[0].review, path=earlier[0].path, keyid=signer.keyid, new=False)
    if earlier and not supersede:
        raise _said_before(earlier)
    said = asked.model_copy(update={"supersedes": tuple(sorted(one.digest for one in earlier))})
    path = add_attestation(store, head.version, signer.sign(build_review(said)))
    return Given(review=said, path=path, keyid=signer.keyid, new=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """Who said what of a version."""

    dataset: str
    version: int
    root: str
    reviews: tuple[Reviewed, ...]
    """All, in the order of their time; those of keys that are not trusted too."""
    standing: Mapping[str, Reviewed]
    """What each trusted key has to say now, by key id."""

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        stands = {one.digest for one in self.standing.values()}
        return {
            "dataset": self.dataset,
            "version": self.version,
            "root": self.root,
            "reviews": [
                {
                    **one.review.model_dump(mode="json", exclude={"name", "root", "version", "statement"}),
                    "digest": one.digest,
                    "path": one.path,
                    "trusted": bool(one.keyids),
                    "key_ids": sorted(one.keyids or one.claimed),
                    "stands": one.digest in stands,
                }
                for one in self.reviews
            ],
        }


def reviews(
    uri: str, *, trusted: Sequence[Path | str] | None = None, storage: Mapping[str, object] | None = None
) -> Opinions:
    """What was said of the newest version of the data set at `uri`, and by which keys.

    `trusted` are public keys, of who signed the data set and of reviewers; the local identity's when
    there are none. Raises as `review`.
    """
    store = ObjectStore.open(uri, options=storage)
    keys = trusted_keys(trusted)
    head, _ = newest_version(store, keys)
    found = read_unverified_reviews(store, head, keys)
    return Opinions(
        dataset=store.uri,
        version=head.version,
        root=head.root,
        reviews=tuple(found),
        standing=opinions(one for one in found if one.keyids),
    )


def newest_version(store: ObjectStore, keys: Sequence[PublicKey]) -> tuple[Head, Statement]:
    """The newest version, its statement signed by one of the keys; raises `ProvenanceError`."""
    head = latest_head(store)
    if head is None:
        raise ProvenanceError(f"{store.uri} holds no attested data set", "finish the job with mintage.run")
    return head, read_signed_head(store, head, keys)


def _page_digest(file: Path, head: Head) -> str:
    """The digest of the page that was looked at, which must be of this very version."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_PAGE_BYTES + 1)
    except OSError as exc:
        raise ProvenanceError(
            f"the page {file} cannot be read: {exc.strerror or exc}", "make one with `mintage review DATASET`"
        ) from exc
    if len(data) > MAX_PAGE_BYTES:
        raise ProvenanceError(f"the page {file} is larger than the {MAX_PAGE_BYTES} bytes allowed")
    if head.statement.encode("ascii") not in data:
        raise ProvenanceError(
            f"the page {file} was not made of version {head.version}: it does not name {head.statement}",
            "make a new page with `mintage review DATASET`, and look at that one",
        )
    return digest_of(data)


def _said_before(earlier: Sequence[Reviewed]) -> ProvenanceError:
    said = ", ".join(f"{one.review.verdict} at {one.review.reviewed}" for one in earlier)
    return ProvenanceError(
        f"this key has reviewed this version before: {said}",
        "add --supersede (supersede=True) to take that back and say something else",
    )
