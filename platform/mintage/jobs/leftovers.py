"""What lies in a data set and nothing refers to: found by elimination, each kind by its own rule.

attempt      a part, rejects or sketch of a shard that its commit does not name
model        files and pointers of a model that no plan names
prepared     what a rule prepared, or a grid, that no plan names
checkpoint   the state of a fit that has its model
version      files of a version that has no head, and waits for no signature
unfinished   what somebody began to write: temporary files, uploads in pieces
probe        what trying out the store left

Commits, plans, heads, attestations, evaluations, and everything whose name is not known here, are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mintage.engine import layout
from mintage.engine.models import read_pointers
from mintage.engine.plans import read_plans
from mintage.plan import Plan
from mintage.provenance.attempts import find_lost_attempts
from mintage.provenance.heads import read_head, read_statement, versions
from mintage.store import ObjectInfo, ObjectStore

_READERS = 16
_UNSIGNED = "unsigned.jsonl"
"""Beside what waits to be signed: such a version is not half-made."""

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MODEL = re.compile(rf"{layout.MODELS}([0-9a-f]{{16}})/[^/]+")
_PREPARED = re.compile(r"_mintage/prepared/([0-9a-f]{64})\.bin")
_CHECKPOINT = re.compile(rf"{layout.CHECKPOINTS}([0-9a-f]{{16}})/.+")
_VERSION = re.compile(r"_mintage/versions/([1-9][0-9]{0,14})/.+")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Leftover:
    """One object that nothing refers to."""

    kind: str
    info: ObjectInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What plans, models and heads name; commits are read when a shard is looked at."""

    plans: tuple[Plan, ...]
    finished: frozenset[int]
    """First shards of the plans that a version was made for."""
    heads: frozenset[int]
    models: frozenset[str]
    """Digests of models that plans name."""
    pointers: frozenset[str]
    """Paths of the pointers to these models."""
    prepared: frozenset[str]
    fits: frozenset[str]
    """The first 16 digits of each fit that has its model."""

    @classmethod
    def read(cls, store: ObjectStore) -> References:
        """What is named now. Raises `ProvenanceError` when a plan, a model or a head cannot be read."""
        plans = tuple(read_plans(store))
        numbers = versions(store)
        made = {
            segment.plan
            for number in numbers
            for segment in read_statement(store, read_head(store, number), None).segments.parts
        }
        stored = list(read_pointers(store))
        models = frozenset(plan.model.digest for plan in plans)
        # Whatever a plan names by its digest, in whatever place, is named.
        digests = {digest for plan in plans for digest in _DIGEST.findall(plan.to_bytes().decode())}
        return cls(
            plans=plans,
            finished=frozenset(plan.first_shard for plan in plans if plan.digest in made),
            heads=frozenset(numbers),
            models=models,
            pointers=frozenset(path for path, one in stored if one.ref.digest in models),
            prepared=frozenset(digests),
            fits=frozenset(one.fit_id[:16] for _, one in stored),
        )

    def is_finished(self, shard: int) -> bool:
        """Whether a version was made for the plan of a shard, so that all of its shards are committed."""
        return any(shard in plan.indices for plan in self.plans if plan.first_shard in self.finished)


def find_leftovers(
    store: ObjectStore, references: References, objects: Sequence[ObjectInfo]
) -> Iterator[Leftover]:
    """What nothing refers to among the objects of a data set, whatever its age."""
    for info in find_lost_attempts(store, objects, _READERS):
        yield Leftover(kind="attempt", info=info)
    yield from _models(references, objects)
    unsigned = {info.path.split("/")[2] for info in objects if info.path.endswith(f"/{_UNSIGNED}")}
    for info in objects:
        if (match := _PREPARED.fullmatch(info.path)) and match[1] not in references.prepared:
            yield Leftover(kind="prepared", info=info)
        elif (match := _CHECKPOINT.fullmatch(info.path)) and match[1] in references.fits:
            yield Leftover(kind="checkpoint", info=info)
        elif (match := _VERSION.fullmatch(info.path)) and int(match[1]) not in references.heads:
            if match[1] not in unsigned:
                yield Leftover(kind="version", info=info)
        elif info.path.startswith(".probe-"):
            yield Leftover(kind="probe", info=info)


def _models(references: References, objects: Sequence[ObjectInfo]) -> Iterator[Leftover]:
    if not references.plans:
        return  # a job that has its model and not yet its plan: the model may have taken days
    folders = {digest.removeprefix("sha256:")[:16] for digest in references.models}
    for info in objects:
        match = _MODEL.fullmatch(info.path)
        lost = layout.is_model_pointer(info.path) and info.path not in references.pointers
        if lost or (match and match[1] not in folders):
            yield Leftover(kind="model", info=info)
