"""Heads and the statements that they name: where reading a data set begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mintage.errors import ProvenanceError, SignatureError
from mintage.provenance._capped import read_capped
from mintage.provenance.digests import digest_of
from mintage.provenance.layout import HEADS, head_path, statements_path
from mintage.provenance.signing import MAX_ENVELOPE_BYTES, PublicKey, unverified_payload, verify
from mintage.provenance.statements import MAX_OTHERS, Head, Statement
from mintage.store import ObjectStore

_MAX_HEAD_BYTES = 4096
_HEAD_NAME = re.compile(rf"{HEADS}([1-9][0-9]{{0,14}})\.json")


def versions(store: ObjectStore) -> list[int]:
    """The numbers of the versions that have a head, in order."""
    matches = (_HEAD_NAME.fullmatch(info.path) for info in store.list(HEADS))
    return sorted(int(match[1]) for match in matches if match)


def latest_head(store: ObjectStore) -> Head | None:
    """The head with the highest number, or None when nothing was attested."""
    numbers = versions(store)
    return read_head(store, numbers[-1]) if numbers else None


def read_head(store: ObjectStore, version: int) -> Head:
    """The head of a version; raises `ObjectMissingError`, or `ProvenanceError` when it is malformed."""
    head = Head.from_bytes(read_capped(store, head_path(version), _MAX_HEAD_BYTES))
    if head.version != version:
        raise ProvenanceError(f"{head_path(version)} says that it is the head of version {head.version}")
    return head


def find_head(store: ObjectStore, version: int | None = None) -> Head | None:
    """The head of a version, or the newest one when none is named; None when there is no head at all.

    Raises `ProvenanceError` that names the versions there are, when that one is not among them.
    """
    if version is None:
        return latest_head(store)
    known = versions(store)
    if version not in known:
        some = ", ".join(map(str, known[-20:])) or "none"
        raise ProvenanceError(f"{store.uri} has no version {version}", f"it has: {some}")
    return read_head(store, version)


def read_statement(
    store: ObjectStore, head: Head, keys: Sequence[PublicKey] | None, *, threshold: int = 1
) -> Statement:
    """The statement that a head names, parsed only after enough of `keys` were found to have signed it.

    `threshold` says how many; with `keys=None` no signature is checked. Raises `SignatureError` or
    `ProvenanceError`.
    """
    lines = statement_lines(store, head.version)
    return pick_statement(lines, head.statement, keys, statements_path(head.version), threshold=threshold)


def pick_statement(
    lines: Iterable[bytes],
    digest: str,
    keys: Sequence[PublicKey] | None,
    path: str,
    *,
    threshold: int = 1,
) -> Statement:
    """Of envelopes, which lie at `path`, the statement with that digest; as `read_statement` does."""
    refused: SignatureError | None = None
    for line in lines:
        try:
            payload = unverified_payload(line) if keys is None else verify(line, keys, threshold=threshold)
        except SignatureError as exc:
            refused = exc
            continue
        if digest_of(payload) == digest:
            return Statement.from_payload(payload)
    if refused is not None:
        raise SignatureError(f"{path}: {refused.message}", refused.hint) from refused
    raise ProvenanceError(f"{path} does not hold the statement {digest} that the head names")


def is_signed_by(store: ObjectStore, head: Head, keys: Sequence[PublicKey]) -> bool:
    """Whether all of these keys signed the statement that a head names."""
    try:
        read_statement(store, head, keys, threshold=len(keys))
    except SignatureError:
        return False
    return True


def statement_lines(store: ObjectStore, version: int) -> list[bytes]:
    """The envelopes of a version, unparsed."""
    path = statements_path(version)
    lines = read_capped(store, path, MAX_ENVELOPE_BYTES).splitlines()
    if len(lines) > MAX_OTHERS + 1:
        raise ProvenanceError(f"{path} holds {len(lines)} statements where {MAX_OTHERS + 1} are allowed")
    return lines
