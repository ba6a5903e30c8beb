"""`mintage.diff`: what two versions, of one data set or of two, have in common and what they do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mintage.errors import ProvenanceError
from mintage.jobs.result import Result
from mintage.provenance.digests import digest_of
from mintage.provenance.heads import statement_lines
from mintage.provenance.schema_changes import find_schema_changes
from mintage.provenance.signing import unverified_payload
from mintage.provenance.slsa import PROVENANCE_TYPE, Provenance
from mintage.provenance.tree_difference import SharedShards, Tiles, compare_trees

MAX_CHANGES = 200
"""Changes of one kind that are told; a value of more than `MAX_TEXT` characters is cut."""

MAX_TEXT = 200

_NUMBERED = re.compile(r"(.+)@([1-9][0-9]{0,14})")
_FACTS = ("source", "lineage", "privacy", "kind")


class Change(NamedTuple):
    """Something that both say in another way."""

    what: str
    """Where it stands, such as `generator.epochs`."""
    a: object
    b: object
    """What each says; None where it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two versions, and how they differ. Signatures are not checked here: see `mintage.verify`."""

    a: Result
    b: Result
    shards: SharedShards
    schema: tuple[str, ...]
    """How the tables of the second differ from those of the first."""
    facts: tuple[Change, ...]
    """Model, source, lineage and claims."""
    spec: tuple[Change, ...]
    gates: tuple[Change, ...]

    @property
    def equal(self) -> bool:
        """Whether both have the same root: the same shards, byte for byte, in the same order."""
        return self.a.manifest.head.root == self.b.manifest.head.root

    @property
    def same_rows(self) -> bool:
        """Whether both have the same content root: the same rows, in whatever files."""
        one, other = (side.manifest.statement.predicate.content for side in (self.a, self.b))
        return (one.algorithm, one.root) == (other.algorithm, other.root)

    def to_json(self) -> dict[str, object]:
        """The difference as plain JSON values."""
        sizes = [side.manifest.head.size for side in (self.a, self.b)]
        common = self.shards.shared + self.shards.differing
        return {
            "equal": self.equal,
            "same_rows": self.same_rows,
            "a": _side(self.a),
            "b": _side(self.b),
            "shards": {
                "shared": self.shards.shared,
                "differing": self.shards.differing,
                "ranges": [list(range_) for range_ in self.shards.ranges],
                "only_a": sizes[0] - common,
                "only_b": sizes[1] - common,
            },
            "schema": list(self.schema),
            "facts": [change._asdict() for change in self.facts],
            "spec": [change._asdict() for change in self.spec],
            "gates": [change._asdict() for change in self.gates],
        }


def diff(a: str, b: str, *, storage: Mapping[str, object] | None = None) -> Difference:
    """Compare two versions: each is the location of a data set, with `@3` behind it for its version 3.

    Trees are compared by their tiles, of which only those that differ are read; no part is. Raises
    `ProvenanceError` when there is no such data set or version, or when it is not whole.
    """
    one, other = _open(a, storage), _open(b, storage)
    left, right = one.manifest.statement, other.manifest.statement
    return Difference(
        a=one,
        b=other,
        shards=_compare(one, other),
        schema=tuple(find_schema_changes(left.schema, right.schema)[:MAX_CHANGES]),
        facts=tuple(_changes(_facts(one), _facts(other))),
        spec=tuple(_changes(_spec(one), _spec(other))),
        gates=tuple(_changes(_gates(one), _gates(other))),
    )


def _open(place: str, storage: Mapping[str, object] | None) -> Result:
    match = _NUMBERED.fullmatch(place)
    if match is None:
        return Result.open(place, storage=storage)
    return Result.open(match[1], storage=storage, version=int(match[2]))


def _compare(one: Result, other: Result) -> SharedShards:
    heads = one.manifest.head, other.manifest.head
    if heads[0].root == heads[1].root:
        return SharedShards(shared=heads[0].size)
    return compare_trees(
        Tiles.of(one.store, heads[0].version, heads[0].size),
        Tiles.of(other.store, heads[1].version, heads[1].size),
        one.manifest.statement.segments,
        other.manifest.statement.segments,
    )


def _side(side: Result) -> dict[str, object]:
    head, predicate = side.manifest.head, side.manifest.statement.predicate
    return {
        "dataset": side.store.uri,
        "version": head.version,
        "root": head.root,
        "content_root": predicate.content.root,
        "shards": head.size,
        "tables": {
            name: {"rows": table.rows, "bytes": table.bytes} for name, table in predicate.tables.items()
        },
        "run_id": predicate.run_id,
    }


def _facts(side: Result) -> dict[str, object]:
    statement = side.manifest.statement
    predicate: Any = statement.json["predicate"]
    claims = statement.claims
    return {name: predicate.get(name) for name in _FACTS} | {
        "model": claims.model,
        "determinism": claims.determinism.value,
    }


def _gates(side: Result) -> dict[str, object]:
    outcome = side.manifest.test_result()
    if outcome is None:
        return {"result": None}
    verdicts = {"passed": outcome.passed, "warned": outcome.warned, "failed": outcome.failed}
    told: dict[str, object] = {name: verdict for verdict, names in verdicts.items() for name in names}
    return {"result": outcome.status, **told}


def _spec(side: Result) -> Mapping[str, object]:
    """The spec that the version was made from, as its provenance says."""
    beside = side.manifest.statement.predicate.beside.statements
    wanted = {named.digest for named in beside if named.predicate_type == PROVENANCE_TYPE}
    for line in statement_lines(side.store, side.manifest.head.version):
        payload = unverified_payload(line)
        if digest_of(payload) in wanted:
            return Provenance.from_payload(payload).spec
    predicate: Any = side.manifest.statement.json["predicate"]
    if isinstance(spec := predicate.get("spec"), Mapping):
        return spec
    raise ProvenanceError(
        f"version {side.manifest.head.version} of {side.store.uri} does not hold its provenance",
        "verify it, and restore its statements from a copy",
    )


def _changes(one: Mapping[str, object], other: Mapping[str, object]) -> Iterator[Change]:
    """What differs, leaf by leaf, in the order of the names."""
    before, after = dict(_leaves("", one)), dict(_leaves("", other))
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    for name in names[:MAX_CHANGES]:
        yield Change(name, _cut(before.get(name)), _cut(after.get(name)))


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), part)
    elif isinstance(value, list) and value and any(isinstance(part, Mapping | list) for part in value):
        for number, part in enumerate(value):
            yield from _leaves(f"{path}[{number}]", part)
    else:
        yield path, value


def _cut(value: object) -> object:
    text = value if isinstance(value, str) else None
    return f"{text[:MAX_TEXT]}…" if text is not None and len(text) > MAX_TEXT else value
