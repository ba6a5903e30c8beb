"""Models and what operators prepared, kept in the store by digest.

The files of a model are named by its digest; a small pointer, created exclusively, says what was fitted
and how. So of two drivers that do the same fit at once the first one wins, and the second adopts its
model. The first fit of a data set has a pointer of a fixed name; later ones, of jobs that are appended,
are named by what they fitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mintage.contracts import Model
from mintage.engine import layout
from mintage.errors import MintageError, ObjectExistsError, ObjectMissingError, ProvenanceError
from mintage.plan import ModelRef
from mintage.plugins import PluginRef, installed, load_generator
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.digests import sha256_hex
from mintage.store import ObjectStore

FORMAT = "mintage-model/1"
MAX_POINTER_BYTES = 4 * 2**20
MAX_FILE_BYTES = 16 * 2**30
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """The pointer to a model: what it is, what its fit recorded, the digest of each of its files."""

    ref: ModelRef
    fit_id: str
    fit: Mapping[str, object]
    files: Mapping[str, str]


def save_model(store: ObjectStore, model: Model, generator: PluginRef, fit_id: str) -> StoredModel:
    """Put a model into the store; another driver's model, if it was first, is what comes back."""
    files = model.save()
    digests = {name: sha256_hex(data) for name, data in sorted(files.items())}
    if bad := [name for name in files if not _FILE_NAME.fullmatch(name)]:
        raise MintageError(
            f"{generator.name} saved a file under the name {bad[0]!r}",
            "model files have plain names of letters, digits, '_', '.' and '-'",
        )
    stored = StoredModel(
        ref=ModelRef(
            digest=_model_digest(generator.name, digests),
            generator=generator,
            determinism=model.determinism.value,
        ),
        fit_id=fit_id,
        fit=model.fit_record,
        files=digests,
    )
    for name, data in files.items():
        store.create(layout.model_path(stored.ref.digest, name), data)
    return _point_to(store, stored)


def _point_to(store: ObjectStore, stored: StoredModel) -> StoredModel:
    """Create the pointer to a model; the one that stands is what comes back."""
    try:
        store.create(layout.MODEL, _pointer_bytes(stored))
    except ObjectExistsError:
        first = _read_pointer(store, layout.MODEL)
        if first is not None and first.fit_id == stored.fit_id:
            return first
    else:
        return stored
    # The first pointer is that of another fit: this one is of a job that is appended.
    path = layout.later_model(stored.fit_id)
    try:
        store.create(path, _pointer_bytes(stored))
    except ObjectExistsError:
        first = _read_pointer(store, path)
        if first is None or first.fit_id != stored.fit_id:
            raise
        return first
    return stored


def fitted_model(store: ObjectStore, fit_id: str) -> StoredModel | None:
    """The model that a fit made, if it is here: whichever job of the data set did it."""
    for path in (layout.MODEL, layout.later_model(fit_id)):
        stored = _read_pointer(store, path)
        if stored is not None and stored.fit_id == fit_id:
            return stored
    return None


def find_model(store: ObjectStore, digest: str | None = None) -> StoredModel | None:
    """The model with that digest, if it is here; without one, the first that was put here."""
    first = _read_pointer(store, layout.MODEL)
    if digest is None or (first is not None and first.ref.digest == digest):
        return first
    return next((stored for _, stored in read_pointers(store) if stored.ref.digest == digest), None)


def read_pointers(store: ObjectStore) -> Iterator[tuple[str, StoredModel]]:
    """The models that were put here, each with the path of its pointer."""
    for info in store.list(layout.MODELS):
        if layout.is_model_pointer(info.path) and (stored := _read_pointer(store, info.path)) is not None:
            yield info.path, stored


def _read_pointer(store: ObjectStore, path: str) -> StoredModel | None:
    try:
        data = store.read(path, max_bytes=MAX_POINTER_BYTES)
    except ObjectMissingError:
        return None
    value = parse_json(data, max_bytes=MAX_POINTER_BYTES)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ProvenanceError(f"{path} is no {FORMAT}", "the data set may be of another version")
    files = {str(name): str(digest) for name, digest in value["files"].items()}
    generator = PluginRef.from_json(value["generator"])
    ref = ModelRef(digest=value["digest"], generator=generator, determinism=value["determinism"])
    if ref.digest != _model_digest(generator.name, files):
        raise ProvenanceError(f"{path} does not have the digest that it claims", "restore it from a copy")
    if bad := [name for name in files if not _FILE_NAME.fullmatch(name)]:
        raise ProvenanceError(f"{path} names the file {bad[0]!r}", "restore it from a copy")
    return StoredModel(ref=ref, fit_id=value["fit_id"], fit=value["fit"], files=files)


def load_model(store: ObjectStore, ref: ModelRef) -> Model:
    """The model of a plan, each file checked against its digest before it is parsed.

    The plan, whose digest the caller knows, says which generator loads it; the store does not.
    """
    return load_generator(ref.generator).load(read_model_files(store, ref))


def read_model_files(store: ObjectStore, ref: ModelRef) -> dict[str, bytes]:
    """The files of a plan's model by name, each checked against its digest; nothing is parsed.

    Raises `ProvenanceError` when the store holds another model, or a file is not what was digested.
    """
    stored = find_model(store, ref.digest)
    if stored is None:
        first = find_model(store)
        raise ProvenanceError(
            f"the store holds {first.ref.digest if first else 'no model'}, but the plan needs {ref.digest}",
            "restore _mintage/model from a copy",
        )
    return {
        name: _read_by_digest(store, layout.model_path(ref.digest, name), digest)
        for name, digest in stored.files.items()
    }


def trust_installed(stored: StoredModel) -> StoredModel:
    """The same model, to be loaded by the generator that is installed here under the name it gives."""
    return replace(stored, ref=replace(stored.ref, generator=installed(stored.ref.generator)))


def copy_model(
    origin: ObjectStore, store: ObjectStore, fit_id: str, digest: str | None = None
) -> StoredModel:
    """Put another data set's model (that with the digest) under this one, each file checked on the way."""
    found = find_model(origin, digest)
    if found is None:
        raise ProvenanceError(
            f"{origin.uri} holds no model", "name the folder of a data set that Mintage made"
        )
    for name, digest in found.files.items():
        path = layout.model_path(found.ref.digest, name)
        store.create(path, _read_by_digest(origin, path, digest))
    return _point_to(store, replace(found, fit_id=fit_id))


def save_prepared(store: ObjectStore, data: bytes) -> str | None:
    """Keep what an operator prepared; its digest, or None when there was nothing to keep."""
    if not data:
        return None
    digest = f"sha256:{sha256_hex(data)}"
    store.create(layout.prepared_path(digest), data)
    return digest


def load_prepared(store: ObjectStore, digest: str | None) -> bytes:
    """What an operator prepared."""
    if digest is None:
        return b""
    return _read_by_digest(store, layout.prepared_path(digest), digest.removeprefix("sha256:"))


def _read_by_digest(store: ObjectStore, path: str, digest: str) -> bytes:
    data = store.read(path, max_bytes=MAX_FILE_BYTES)
    if sha256_hex(data) != digest:
        raise ProvenanceError(f"{path} does not have the digest sha256:{digest}", "restore it from a copy")
    return data


def _model_digest(generator: str, files: Mapping[str, str]) -> str:
    return f"sha256:{sha256_hex(canonical_json({'generator': generator, 'files': dict(files)}))}"


def _pointer_bytes(stored: StoredModel) -> bytes:
    return canonical_json(
        {
            "format": FORMAT,
            "digest": stored.ref.digest,
            "generator": stored.ref.generator.to_json(),
            "determinism": stored.ref.determinism,
            "fit_id": stored.fit_id,
            "fit": dict(stored.fit),
            "files": dict(stored.files),
        }
    )
