"""The files that say where a source comes from: where they lie, and whether what they say is believed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mintage.contracts import ATTESTATION_SUFFIX
from mintage.errors import ObjectMissingError, ProvenanceError, SpecError, StoreError
from mintage.provenance.signing import PublicKey
from mintage.provenance.source_statement import (
    MAX_SOURCE_STATEMENTS,
    Believed,
    Doubted,
    judge_declarations,
)
from mintage.store import ObjectStore, expand_uri

FOLDER_ATTESTATION = f"_source{ATTESTATION_SUFFIX}"
"""Name of the attestation inside a folder of files."""

_MAX_FILE_BYTES = 16 * 2**20
_GLOB = re.compile(r"[*?\[]")


class Place(NamedTuple):
    """Where an attestation lies, or would."""

    store: ObjectStore
    path: str

    @property
    def uri(self) -> str:
        """As people name it."""
        return f"{self.store.uri.rstrip('/')}/{self.path}"


def place_beside(uri: str, storage: Mapping[str, object] | None = None) -> Place:
    """Where the attestation of the source at `uri` lies: beside a file, inside the folder of several."""
    location = expand_uri(uri.strip())
    if found := _GLOB.search(location):
        folder = location[: location.rfind("/", 0, found.start())] or "/"
        return Place(ObjectStore.open(folder, options=storage), FOLDER_ATTESTATION)
    file = place_at(location, storage)
    if file is not None and file.store.exists(file.path):
        return Place(file.store, file.path + ATTESTATION_SUFFIX)
    return Place(ObjectStore.open(location, options=storage), FOLDER_ATTESTATION)


def place_at(uri: str, storage: Mapping[str, object] | None = None) -> Place | None:
    """The file that a URI names; None where it names a root or a bucket."""
    folder, slash, name = expand_uri(uri.strip()).rpartition("/")
    if not slash or not name or folder.endswith("/"):
        return None
    return Place(ObjectStore.open(folder or "/", options=storage), name)


def read_envelopes(place: Place) -> list[bytes] | None:
    """The envelopes in an attestation, unverified; None when there is no such file.

    Raises `ProvenanceError` when it holds too much.
    """
    try:
        data = place.store.read(place.path, max_bytes=_MAX_FILE_BYTES)
    except ObjectMissingError:
        return None
    except StoreError as exc:
        if exc.retryable or place.store.size(place.path) <= _MAX_FILE_BYTES:
            raise
        raise ProvenanceError(f"{place.uri} has more than {_MAX_FILE_BYTES} bytes") from exc
    lines = data.splitlines()
    if len(lines) > MAX_SOURCE_STATEMENTS:
        raise ProvenanceError(
            f"{place.uri} holds {len(lines)} lines where {MAX_SOURCE_STATEMENTS} are allowed"
        )
    return lines


def find_declaration(
    uri: str | None,
    named: str | None,
    digest: str,
    keys: Sequence[PublicKey],
    storage: Mapping[str, object] | None = None,
) -> Believed | Doubted | None:
    """What is declared about the content `digest`; None where nothing is.

    Looked for at `named`, or without it beside the source at `uri`. Raises `SpecError` when there is
    nothing at `named`, and `StoreError` when the store cannot be read: then nothing is known.
    """
    if named:
        place = place_at(named, storage if "://" in named else None)
    else:
        place = place_beside(uri, storage) if uri else None
    if place is None:
        if named:
            raise SpecError(f"source.attestation: {named!r} names no file", "name the file of an attestation")
        return None
    try:
        lines = read_envelopes(place)
    except ProvenanceError as exc:
        return Doubted((exc.message,))
    if lines is None and named:
        raise SpecError(
            f"source.attestation: there is no {place.uri}", "make it with `mintage attest`, or remove the key"
        )
    if lines is None:
        return None
    judged = judge_declarations(lines, digest, keys)
    return judged if isinstance(judged, Believed) else Doubted((f"{place.uri}: {judged}",))
