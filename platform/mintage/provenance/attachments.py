"""Files that a statement names by digest, such as a report: what is said of them, and how they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance.digests import Sha256Hex, sha256_hex
from mintage.provenance.layout import check_attachment_name
from mintage.provenance.records import Count
from mintage.store import ObjectStore

MAX_ATTACHMENTS = 16
MAX_ATTACHMENT_BYTES = 64 * 2**20
"""Size that one attachment may have."""

_CHUNK_BYTES = 2**20


class Attached(BaseModel):
    """What is signed of an attachment."""

    model_config = ConfigDict(frozen=True)

    sha256: Sha256Hex
    bytes: Annotated[Count, Field(gt=0, le=MAX_ATTACHMENT_BYTES)]


def _checked_name(name: str) -> str:
    try:
        check_attachment_name(name)
    except ProvenanceError as exc:
        raise ValueError(exc.message) from exc
    return name


AttachedFiles = Annotated[
    dict[Annotated[str, AfterValidator(_checked_name)], Attached], Field(max_length=MAX_ATTACHMENTS)
]
"""Attachments by name, as statements hold them."""


class Difference(NamedTuple):
    """How an attachment is not what was signed."""

    code: str
    message: str


def describe(attachments: Mapping[str, bytes]) -> dict[str, Attached]:
    """What is signed of attachments; raises `ProvenanceError` for a wrong name, size or number."""
    if len(attachments) > MAX_ATTACHMENTS:
        raise ProvenanceError(f"{len(attachments)} attachments are more than {MAX_ATTACHMENTS}")
    for name, data in attachments.items():
        check_attachment_name(name)
        if not 0 < len(data) <= MAX_ATTACHMENT_BYTES:
            raise ProvenanceError(
                f"the attachment {name} has {len(data)} bytes where 1 to {MAX_ATTACHMENT_BYTES} are allowed"
            )
    return {
        name: Attached(sha256=sha256_hex(data), bytes=len(data)) for name, data in sorted(attachments.items())
    }


def attached_json(files: Mapping[str, Attached]) -> dict[str, object]:
    """Attachments as plain JSON values."""
    return {name: file.model_dump(mode="json") for name, file in files.items()}


def find_difference(store: ObjectStore, path: str, signed: Attached) -> Difference | None:
    """How the object at `path` differs from what was signed; None when it does not. Read in chunks."""
    digest = hashlib.sha256()
    try:
        if (size := store.size(path)) != signed.bytes:
            return Difference("changed-attachment", f"it has {size} bytes where {signed.bytes} were signed")
        for chunk in _chunks(store, path, signed.bytes + 1):
            digest.update(chunk)
    except ObjectMissingError:
        return Difference("missing-attachment", "it is missing")
    if digest.hexdigest() != signed.sha256:
        return Difference(
            "changed-attachment", f"it has the sha256 {digest.hexdigest()}, not {signed.sha256}"
        )
    return None


def read_signed(store: ObjectStore, path: str, signed: Attached) -> bytes:
    """The bytes of an attachment; raises `ProvenanceError` unless they are those that were signed."""
    try:
        data = b"".join(_chunks(store, path, signed.bytes + 1))
    except ObjectMissingError as exc:
        raise ProvenanceError(f"{path} was signed, but is missing") from exc
    if len(data) != signed.bytes or sha256_hex(data) != signed.sha256:
        raise ProvenanceError(
            f"{path} is not what was signed", "it was altered: verify the data set, and restore the file"
        )
    return data


def _chunks(store: ObjectStore, path: str, most: int) -> Iterator[bytes]:
    """At most `most` bytes of an object, piece by piece."""
    with store.open_read(path) as stream:
        while most > 0 and (chunk := stream.read(min(_CHUNK_BYTES, most))):
            most -= len(chunk)
            yield chunk
