"""`mintage.lineage`: from a data set to its model, its real sources and its earlier generations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mintage.errors import MintageError, ProvenanceError
from mintage.jobs.datasets import find_dataset
from mintage.jobs.source_attestations import Place, place_at, place_beside, read_envelopes
from mintage.jobs.verification import trusted_keys
from mintage.provenance.ancestry import MAX_GENERATIONS, Ancestry, Found, walk
from mintage.provenance.evidence import payload_digest
from mintage.provenance.heads import latest_head, pick_statement, read_head, statement_lines, versions
from mintage.provenance.layout import statements_path
from mintage.provenance.lineage import Parent
from mintage.provenance.prov import PROV_CONTEXT, entity_of
from mintage.provenance.signing import PublicKey, signed_by
from mintage.provenance.slsa import Provenance
from mintage.provenance.source_statement import RealSource
from mintage.provenance.statements import Head, Statement
from mintage.store import ObjectStore

_MAX_HINTS = 200
_MAX_VERSIONS = 100


def lineage(
    uri: str,
    *,
    depth: int = MAX_GENERATIONS,
    keys: Sequence[Path | str] | None = None,
    storage: Mapping[str, object] | None = None,
) -> Ancestry:
    """Walk up from the newest version of the data set at `uri`, at most `depth` steps.

    Each step is checked by its digest and its signature by one of `keys`, public keys in files; the local
    identity's without any. The locations that a signed job spec names say where to look, also beside the
    data set itself, and no more: what is not there is missing. Raises `ProvenanceError` when the data set
    itself is not signed by a trusted key, and for a lineage without end.
    """
    trusted = trusted_keys(keys)
    store = ObjectStore.open(uri, options=storage)
    head = latest_head(store)
    if head is None:
        raise ProvenanceError(f"{store.uri} holds no attested data set", "finish the job with mintage.run")
    start = _of_version(store, head, trusted)
    if not start.keyids:
        raise ProvenanceError(f"{store.uri}: {start.reason}", "give the signer's public key with --key")
    assert start.lineage is not None
    itself = Parent(
        name=start.name,
        kind="synthetic",
        digest=head.root,
        statement=head.statement,
        generation=start.lineage.generation,
        at_least=start.lineage.at_least,
        real_fraction=start.lineage.real_fraction,
    )
    return walk(start, itself, _Search(trusted, storage), depth=depth)


def prov_document(found: Ancestry) -> dict[str, object]:
    """A lineage that was walked as one PROV-O document in JSON-LD: an entity for each statement."""
    graph: dict[str, dict[str, object]] = {}
    for _, node in found.steps():
        entity = entity_of(node.parent)
        if node.parents:
            entity["prov:wasDerivedFrom"] = [{"@id": entity_of(one.parent)["@id"]} for one in node.parents]
        if node.found is not None and node.found.keyids:
            agents = [{"@type": "prov:Agent", "@id": f"urn:mintage:key:{key}"} for key in node.found.keyids]
            entity["prov:wasAttributedTo"] = agents
        if not node.repeated:
            graph[str(entity["@id"])] = entity
    return {"@context": dict(PROV_CONTEXT), "@graph": list(graph.values())}


@dataclass(slots=True)
class _Search:
    """Looks for statements in the places that others name; each place is read once."""

    keys: Sequence[PublicKey]
    storage: Mapping[str, object] | None
    found: dict[str, Found] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)

    def __call__(self, parent: Parent, below: Found) -> Found | None:
        for place in _nearby(below)[:_MAX_HINTS]:
            if parent.statement in self.found:
                break
            if place not in self.read:
                self.read.add(place)
                self._read(place)
        return self.found.get(parent.statement or "")

    def _read(self, place: str) -> None:
        """Take in every statement at a place. A place that cannot be read holds none: it is but a hint."""
        storage = self.storage if "://" in place else None
        try:
            for found in self._statements(place, storage):
                self.found.setdefault(found.statement, found)
        except MintageError as exc:
            if exc.retryable:
                raise

    def _statements(self, place: str, storage: Mapping[str, object] | None) -> Iterator[Found]:
        if place.endswith(".jsonl") and (file := place_at(place, storage)) and file.store.exists(file.path):
            yield from _of_declarations(file, self.keys)
        if (inside := find_dataset(place, storage)) is not None:
            for version in reversed(versions(inside.store)[-_MAX_VERSIONS:]):
                yield _of_version(inside.store, read_head(inside.store, version), self.keys)
            return
        yield from _of_declarations(place_beside(place, storage), self.keys)


def _of_version(store: ObjectStore, head: Head, keys: Sequence[PublicKey]) -> Found:
    """What the statement of a version says, and whether somebody trusted has signed it."""
    lines = statement_lines(store, head.version)
    try:
        statement = pick_statement(lines, head.statement, keys, statements_path(head.version))
    except ProvenanceError as exc:
        return Found(statement=head.statement, name="?", uri=store.uri, lineage=None, reason=exc.message)
    signers = {
        keyid
        for line in lines
        if payload_digest(line) == head.statement
        for keyid in signed_by(line, keys).keyids
    }
    return Found(
        statement=head.statement,
        name=statement.name,
        uri=store.uri,
        lineage=statement.lineage,
        keyids=tuple(sorted(signers)),
        hints=tuple(_locations(_spec(lines, statement, keys))),
    )


def _spec(lines: Sequence[bytes], statement: Statement, keys: Sequence[PublicKey]) -> Mapping[str, Any]:
    """The job spec that the version's provenance tells, if it is signed and named by the statement."""
    named = {digest for _, digest in statement.predicate.beside.statements}
    for line in lines:
        if payload_digest(line) not in named:
            continue
        try:
            return Provenance.from_payload(signed_by(line, keys).payload).spec
        except ProvenanceError:
            continue  # another kind of statement
    return {}


def _locations(spec: Mapping[str, Any]) -> Iterator[str]:
    """Every location that a spec names for what is learned from."""
    source = spec.get("source") or {}
    tables = source.get("tables") or {}
    places = [source, spec.get("model") or {}, *tables.values(), *(source.get("accumulate") or ())]
    for place in places:
        for key in ("uri", "attestation"):
            if isinstance(place, dict) and isinstance(place.get(key), str):
                yield place[key]


def _nearby(below: Found) -> list[str]:
    """The places that something names, and those of the same names beside it: folders are moved together."""
    folder = below.uri.rpartition("/")[0]
    beside = [f"{folder}/{hint.rstrip('/').rpartition('/')[2]}" for hint in below.hints]
    return list(dict.fromkeys([*below.hints, *beside]))


def _of_declarations(place: Place, keys: Sequence[PublicKey]) -> Iterator[Found]:
    for line in read_envelopes(place) or ():
        digest = payload_digest(line)
        try:
            signed = signed_by(line, keys)
            source = RealSource.from_payload(signed.payload)
        except ProvenanceError as exc:
            if digest:
                yield Found(statement=digest, name="?", uri=place.uri, lineage=None, reason=exc.message)
            continue
        told = (source.owner, source.license, f"declared {source.declared}")
        yield Found(
            statement=digest,
            name=source.name,
            uri=place.uri,
            lineage=None,
            keyids=tuple(sorted(signed.keyids)),
            note=", ".join(text for text in told if text),
        )
