"""What is signed: an in-toto Statement about a synthetic data set.

Written as plain JSON here, because counts and seeds must stay exact; see
https://in-toto.io/Statement/v1 for the outer form and docs/manifest-format.md for the predicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from mintage.contracts import DatasetSchema, Determinism
from mintage.errors import MintageError, ProvenanceError
from mintage.provenance.append import Append
from mintage.provenance.attachments import Attached, AttachedFiles, attached_json
from mintage.provenance.canonical import canonical_json, parse_json
from mintage.provenance.content_digest import ALGORITHM as CONTENT_ALGORITHM
from mintage.provenance.digests import Digest, digest_from_raw, raw_digest
from mintage.provenance.facts import Facts
from mintage.provenance.lineage import Lineage, join, unattested
from mintage.provenance.privacy_claim import privacy_claim
from mintage.provenance.records import Count, KnownAlgorithm, Record
from mintage.provenance.segments import MAX_SEGMENTS, Segment, Segments
from mintage.provenance.totals import Totals

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://mintage.dev/attestation/synthetic-dataset/v1"
TREE_ALGORITHM = "RFC9162_SHA256"
TREE_LAYOUT = "c2sp-tlog-tiles/8"
MAX_ABANDONED = 1000
"""Names of abandoned attempts that a statement lists; of more it keeps the count."""

MAX_OTHERS = 63
"""Other statements of a version that the one about the data set may name."""

MAX_STATEMENT_BYTES = 48 * 2**20
"""Size of a statement, such as the one with the plan and the spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What the fold of all shards came to."""

    size: int
    root: str
    content_root: str
    totals: Totals
    abandoned: Sequence[str]
    """Objects under data/ that no commit names."""


class Named(NamedTuple):
    """A statement that another one names."""

    predicate_type: str
    digest: str
    """Of its payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What lies in a version beside its records, and is named by its statement."""

    report: Mapping[str, Attached] = field(default_factory=dict)
    """Attachments by name."""
    statements: tuple[Named, ...] = ()
    """The other statements."""


def build_statement(
    facts: Facts,
    folded: Folded,
    *,
    plan_digest: str,
    version: int,
    previous: str | None,
    beside: Beside | None = None,
    segments: Segments | None = None,
    append: Append | None = None,
    older: Statement | None = None,
) -> bytes:
    """The canonical JSON of the statement: what the signature covers.

    `previous` is the digest of the statement of the version before, if there is one. `segments` are
    those of the tree when it holds shards of other plans too; `append` proves that it begins with the
    tree of the version that `older` is about, whose claims the new one then cannot exceed.
    """
    only = Segment(plan=plan_digest, run_id=facts.run_id, first=0, shards=folded.size)
    predicate = {
        "version": str(version),
        "previous": previous,
        "segments": (segments or Segments.of([only])).to_json(),
        "append": append.model_dump(mode="json") if append else None,
        "planDigest": plan_digest,
        **_of_shards(folded),
        **_of_facts(facts),
        "determinism": _determinism(facts, (segments.newest if segments else only).first, older),
        "lineage": _lineage(facts, older).to_json(),
        **({"privacy": _weakest_privacy(facts, older)} if older else {}),
        **_of_files(beside or Beside()),
    }
    return build_in_toto(facts.name, folded.root, PREDICATE_TYPE, predicate)


def build_in_toto(name: str, root: str, predicate_type: str, predicate: Mapping[str, object]) -> bytes:
    """The canonical JSON of an in-toto statement about the data set `name` with the Merkle root `root`.

    Raises `ProvenanceError` when it is larger than a verifier would read.
    """
    subject = {"name": name, "digest": {"sha256": raw_digest(root).hex()}}
    statement = canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [subject],
            "predicateType": predicate_type,
            "predicate": dict(predicate),
        }
    )
    if len(statement) > MAX_STATEMENT_BYTES:
        raise ProvenanceError(
            f"the statement of the type {predicate_type} has {len(statement)} bytes "
            f"where {MAX_STATEMENT_BYTES} are allowed",
            "use a smaller spec: fewer columns, conditions or operators",
        )
    return statement


def _of_shards(folded: Folded) -> dict[str, object]:
    """What follows from the shards."""
    return {
        "tree": {
            "algorithm": TREE_ALGORITHM,
            "size": str(folded.size),
            "root": folded.root,
            "layout": TREE_LAYOUT,
        },
        "content": {"algorithm": CONTENT_ALGORITHM, "root": folded.content_root},
        "tables": folded.totals.tables_json(),
        "verdicts": folded.totals.verdicts_json(),
        "abandoned": {
            "count": str(len(folded.abandoned)),
            "names": list(folded.abandoned[:MAX_ABANDONED]),
        },
    }


def _of_facts(facts: Facts) -> dict[str, object]:
    """What the run says of itself."""
    return {
        "runId": facts.run_id,
        "schema": facts.dataset_schema,
        "kind": facts.kind,
        "model": facts.model.model_dump(mode="json"),
        "source": facts.source,
        "privacy": privacy_claim(facts.model.fit),
    }


def _lineage(facts: Facts, older: Statement | None) -> Lineage:
    """Where old and new rows together come from."""
    own = facts.lineage or unattested(facts.source)
    return join(older.lineage, own) if older else own


def _determinism(facts: Facts, first: int, older: Statement | None) -> dict[str, object]:
    """What is claimed of old and new shards together, and on what each segment was made."""
    claimed = [facts.determinism, *([older.claims.determinism] if older else [])]
    environments: dict[str, object] = dict(older.environments) if older else {}
    if facts.environment:
        environments[str(first)] = facts.environment.model_dump(mode="json")
    return {
        "claimed": min(claimed, key=lambda claim: claim.strength).value,
        "environments": environments,
        "probes": [probe.model_dump(mode="json", by_alias=True) for probe in facts.probes],
    }


def _weakest_privacy(facts: Facts, older: Statement) -> dict[str, object]:
    """What can be claimed of old and new shards together: no more than of either."""
    before = older.claims
    privacy: dict[str, object] = {**privacy_claim(facts.model.fit)}
    if privacy["claim"] != "none" and (before.model, before.privacy) != (facts.model.digest, privacy):
        reason = "the version also holds shards of other models, of which this is not claimed"
        privacy = {"claim": "none", "reason": reason}
    return privacy


def _of_files(beside: Beside) -> dict[str, object]:
    """What lies beside the records."""
    return {
        "report": attached_json(beside.report),
        "statements": [{"predicateType": kind, "digest": digest} for kind, digest in beside.statements],
    }


class _Tree(BaseModel):
    algorithm: str = Field(pattern=rf"^{TREE_ALGORITHM}\z")
    size: Count
    root: Digest
    layout: str = Field(pattern=rf"^{TREE_LAYOUT}\z")


class _Content(BaseModel):
    algorithm: KnownAlgorithm
    root: Digest


class _Abandoned(BaseModel):
    count: Count
    names: list[str] = Field(max_length=MAX_ABANDONED)


class _Other(BaseModel):
    predicate_type: str = Field(alias="predicateType", max_length=1000)
    digest: Digest


class _TableTotals(BaseModel):
    rows: Count
    bytes: Count


class Claims(NamedTuple):
    """What a statement claims of its shards, as far as a version that is appended to must keep to it."""

    model: object
    """Digest of the model."""
    determinism: Determinism
    privacy: object
    """The privacy claim as JSON."""


class Predicate(BaseModel):
    """The part of the predicate that verifying needs; as in-toto asks, unknown keys are left alone."""

    model_config = ConfigDict(frozen=True)

    version: Count
    previous: Digest | None
    tree: _Tree
    content: _Content
    run_id: str = Field(alias="runId")
    plan_digest: Digest = Field(alias="planDigest")
    dataset_schema: dict[str, object] = Field(alias="schema")
    tables: dict[str, _TableTotals]
    verdicts: dict[str, object]
    abandoned: _Abandoned
    report: AttachedFiles = Field(default_factory=dict)
    statements: list[_Other] = Field(default_factory=list, max_length=MAX_OTHERS)
    segments: list[Segment] = Field(default_factory=list, max_length=MAX_SEGMENTS)
    append: Append | None = None
    lineage: Lineage | None = None

    @property
    def beside(self) -> Beside:
        """What the statement names beside the records."""
        others = tuple(Named(other.predicate_type, other.digest) for other in self.statements)
        return Beside(report=self.report, statements=others)


class InToto(NamedTuple):
    """The outer form of a statement about a data set."""

    name: str
    root: str
    predicate: object
    json: Mapping[str, object]


def parse_in_toto(payload: bytes, predicate_type: str) -> InToto:
    """The outer form in a payload whose signature was verified; raises `ProvenanceError` for another."""
    value = parse_json(payload, max_bytes=MAX_STATEMENT_BYTES)
    if not isinstance(value, dict) or value.get("_type") != STATEMENT_TYPE:
        raise ProvenanceError(f"the signed payload is not an in-toto statement of the type {STATEMENT_TYPE}")
    if value.get("predicateType") != predicate_type:
        raise ProvenanceError(f"the statement is not of the type {predicate_type}")
    try:
        [subject] = value["subject"]
        if "sha256" not in subject["digest"]:
            given = ", ".join(sorted(subject["digest"])) or "none"
            raise ProvenanceError(f"its subject has no sha256 digest, and others are not trusted: {given}")
        name, root = str(subject["name"]), digest_from_raw(bytes.fromhex(subject["digest"]["sha256"]))
        raw_digest(root)
        return InToto(name, root, value["predicate"], value)
    except (ValueError, KeyError, TypeError, AttributeError, MintageError) as exc:
        raise ProvenanceError(f"the statement is malformed: {str(exc)[:500]}") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A parsed statement: parse it after its signature was verified, never before."""

    name: str
    root: str
    predicate: Predicate
    schema: DatasetSchema
    segments: Segments
    """The plans that the shards come from."""
    json: Mapping[str, object]
    """The whole statement."""

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """The statement in a payload; raises `ProvenanceError` when it is none of ours."""
        outer = parse_in_toto(payload, PREDICATE_TYPE)
        try:
            predicate = Predicate.model_validate(outer.predicate)
            schema = DatasetSchema.from_json(predicate.dataset_schema)
            segments = _segments(predicate)
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, MintageError) as exc:
            raise ProvenanceError(f"the statement is malformed: {str(exc)[:500]}") from exc
        if predicate.tree.root != outer.root:
            raise ProvenanceError("the statement contradicts itself: its subject is not the root of its tree")
        return cls(
            name=outer.name,
            root=outer.root,
            predicate=predicate,
            schema=schema,
            segments=segments,
            json=outer.json,
        )

    @property
    def environments(self) -> Mapping[str, object]:
        """On what shards were made, by the number of the first shard of each segment, unchecked."""
        predicate: Any = self.json["predicate"]
        claims = predicate.get("determinism")
        found = claims.get("environments") if isinstance(claims, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    @property
    def lineage(self) -> Lineage:
        """Where its rows come from; of a statement that does not say, nothing is known."""
        return self.predicate.lineage or unattested(self.root)

    @property
    def probes(self) -> list[Mapping[str, str]]:
        """The shards of the newest segment that were minted again before it was signed, unchecked."""
        predicate: Any = self.json["predicate"]
        claims = predicate.get("determinism")
        found = claims.get("probes") if isinstance(claims, Mapping) else None
        return [probe for probe in found if isinstance(probe, Mapping)] if isinstance(found, list) else []

    @property
    def claims(self) -> Claims:
        """What it claims; what it does not say, or not in a known way, is not claimed."""
        predicate: Any = self.json["predicate"]
        try:
            determinism = Determinism(predicate["determinism"]["claimed"])
        except (KeyError, TypeError, ValueError):
            determinism = Determinism.NONE
        model = predicate.get("model")
        digest = model.get("digest") if isinstance(model, Mapping) else None
        return Claims(model=digest, determinism=determinism, privacy=predicate.get("privacy"))


def _segments(predicate: Predicate) -> Segments:
    """The segments of a statement; one that names none is about a single plan."""
    size, plan, run_id = predicate.tree.size, predicate.plan_digest, predicate.run_id
    named = predicate.segments or [Segment(plan=plan, run_id=run_id, first=0, shards=size)]
    segments = Segments.of(named)
    newest = segments.newest
    if (segments.size, newest.plan, newest.run_id) != (size, plan, run_id):
        raise ProvenanceError("its segments are not those of its tree, plan and run")
    return segments


class Head(Record):
    """The newest step of a version: what a reader starts from. Written last, never overwritten."""

    format: Annotated[str, Field(pattern=r"^mintage-head/1\z")] = "mintage-head/1"
    version: Annotated[int, Field(ge=1, lt=2**53)]
    statement: Digest
    """Digest of the statement's bytes, the payload of its envelope."""
    size: Count
    """Number of shards."""
    root: Digest
