"""`mintage.gc`: remove what nothing refers to, when it is old and nobody is working.

The lease is the time without any write after which nobody is taken to be working: choose it longer
than a shard, or the time between two checkpoints, can take. Ages are measured by the clock of the store.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mintage.engine import layout
from mintage.engine.plans import give_up as record_given_up
from mintage.engine.plans import is_given_up
from mintage.errors import ProvenanceError, SpecError, StoreError
from mintage.jobs.leftovers import Leftover, References, find_leftovers
from mintage.provenance.attempts import named_by_commit, shard_of
from mintage.provenance.layout import PLANS
from mintage.store import ObjectInfo, ObjectStore, UnfinishedInfo

DEFAULT_LEASE_SECONDS = 24 * 3600.0
MIN_RUN_ID = 8
"""Digits of a run id that are enough to name it."""

MAX_NAMES = 1000
"""Leftovers that a report lists in JSON; of more it keeps the sums."""

_PLAN = re.compile(rf"{PLANS}([0-9]{{6,15}})\.json")
_VERSION = re.compile(r"_mintage/versions/([1-9][0-9]{0,14})/.+")
_WORK = ("data/", "_mintage/", ".probe-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What a collection found, and what became of it."""

    uri: str
    lease_seconds: float
    leftovers: tuple[Leftover, ...]
    """What nothing refers to, and is older than the lease."""
    young: int
    """How many more nothing refers to, which are not old enough."""
    running: str
    """Why a run may be going on; empty when none is."""
    deleted: int = 0
    """How many were removed: all, or none in a dry run."""
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes that the leftovers take; unknown for uploads in pieces, which count as 0."""
        return sum(one.info.bytes for one in self.leftovers)

    def to_json(self) -> dict[str, object]:
        """The report as plain JSON values."""
        kinds: dict[str, dict[str, int]] = {}
        for kind, count in sorted(Counter(one.kind for one in self.leftovers).items()):
            size = sum(one.info.bytes for one in self.leftovers if one.kind == kind)
            kinds[kind] = {"count": count, "bytes": size}
        return {
            "dataset": self.uri,
            "lease_seconds": self.lease_seconds,
            "count": len(self.leftovers),
            "bytes": self.bytes,
            "kinds": kinds,
            "leftovers": [
                {"kind": one.kind, "path": one.info.path, "bytes": one.info.bytes}
                for one in self.leftovers[:MAX_NAMES]
            ],
            "young": self.young,
            "running": self.running or None,
            "deleted": self.deleted,
            "notes": list(self.notes),
        }


def gc(
    uri: str,
    *,
    older_than_seconds: float = DEFAULT_LEASE_SECONDS,
    delete: bool = False,
    storage: Mapping[str, object] | None = None,
) -> Collection:
    """Find what nothing in the data set at `uri` refers to, and with `delete` remove it.

    Never touched: what a commit, plan, version or head names, attestations and evaluations, whatever has
    a name that is not Mintage's, and everything younger than the lease. Raises `ProvenanceError` when
    something is to be removed and a run may be going on, or when a plan, commit, model or head cannot be
    read, because then nothing is known; `StoreError` when the store does not tell when objects were written.
    """
    if not older_than_seconds > 0:
        raise SpecError(f"--older-than: must be more than nothing, got {older_than_seconds}", "such as 24h")
    store = ObjectStore.open(uri, options=storage)
    search = _Search(store, older_than_seconds)
    found = search.collection()
    if not delete or not found.leftovers:
        return found
    if found.running:
        raise ProvenanceError(
            f"nothing was removed from {store.uri}: {found.running}",
            "wait until it is finished; or, if you know that nobody is working, give a shorter --older-than",
        )
    return search.delete(found)


def give_up(
    uri: str,
    run_id: str,
    *,
    older_than_seconds: float = DEFAULT_LEASE_SECONDS,
    storage: Mapping[str, object] | None = None,
) -> str:
    """Give up the unfinished job of the data set at `uri` whose run id begins with `run_id`.

    For a job that cannot be finished, because a rule about all rows does not hold: until it is given up,
    nothing goes behind it. Nothing is removed. Returns the run id. Raises `SpecError` when there is no
    such unfinished job, and `ProvenanceError` when a run may be going on.
    """
    store = ObjectStore.open(uri, options=storage)
    search = _Search(store, older_than_seconds)
    plans = [plan for plan in search.references.plans if plan.first_shard not in search.references.finished]
    wanted = [plan for plan in plans if len(run_id) >= MIN_RUN_ID and plan.run_id.startswith(run_id)]
    if len(wanted) != 1:
        known = ", ".join(plan.run_id[:16] for plan in plans if not is_given_up(store, plan))
        raise SpecError(
            f"--give-up {run_id[:64]!r} names no unfinished job of {store.uri}",
            f"unfinished: {known or 'none'}",
        )
    if running := search.collection().running:
        raise ProvenanceError(
            f"the job was not given up: {running}",
            "wait until nobody works; or, if you know that nobody does, give a shorter --older-than",
        )
    record_given_up(store, wanted[0])
    return wanted[0].run_id


@dataclass(slots=True)
class _Search:
    """One look at a data set."""

    store: ObjectStore
    lease: float
    now: float = field(init=False)
    references: References = field(init=False)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.store.clock()
        self.references = References.read(self.store)

    def collection(self) -> Collection:
        objects = self.store.list()
        if not any(info.path.startswith("_mintage/") for info in objects):
            raise ProvenanceError(f"{self.store.uri} holds no data set", "check the location")
        begun = self._unfinished()
        found = list(find_leftovers(self.store, self.references, objects))
        found += [Leftover(kind="unfinished", info=one) for one in begun]
        old = sorted(one for one in found if not self._is_young(one.info))
        return Collection(
            uri=self.store.uri,
            lease_seconds=self.lease,
            leftovers=tuple(old),
            young=len(found) - len(old),
            running=self._running([*objects, *begun]),
            notes=tuple(self.notes),
        )

    def delete(self, found: Collection) -> Collection:
        """Remove what was found. What was named in the meantime stays."""
        if References.read(self.store) != self.references:
            raise ProvenanceError(
                f"nothing was removed from {self.store.uri}: it changed while it was looked at", "try again"
            )
        return replace(found, deleted=sum(self._remove(one) for one in found.leftovers))

    def _remove(self, one: Leftover) -> int:
        if isinstance(one.info, UnfinishedInfo):
            self.store.drop(one.info)
            return 1
        shard = shard_of(one.info.path)
        # A committed shard stays as it is. One that was not committed may have been since.
        if shard is not None and one.info.path in named_by_commit(self.store, shard):
            return 0
        self.store.collect(one.info.path)
        return 1

    def _unfinished(self) -> list[UnfinishedInfo]:
        try:
            begun = self.store.unfinished()
        except StoreError as exc:
            if exc.retryable:
                raise
            self.notes.append(f"unfinished uploads were not looked for: {exc.message}")
            return []
        return [one for one in begun if one.path.startswith(_WORK)]

    def _is_young(self, info: ObjectInfo) -> bool:
        return info.modified is None or info.modified > self.now - self.lease

    def _running(self, objects: Sequence[ObjectInfo]) -> str:
        """Why a run may be going on: the newest young object that no finished version explains."""
        signs = [info for info in objects if self._is_young(info) and self._is_sign(info)]
        if not signs:
            return ""
        newest = max(signs, key=lambda info: info.modified or self.now)
        age = max(0.0, self.now - (newest.modified or self.now))
        return (
            f"a run may be going on: {newest.path} was written {age:,.0f} s ago, which is less than the "
            f"lease of {self.lease:,.0f} s, and belongs to no finished version"
        )

    def _is_sign(self, info: ObjectInfo) -> bool:
        if isinstance(info, UnfinishedInfo) or info.path.startswith((layout.CHECKPOINTS, ".probe-")):
            return True
        if version := _VERSION.fullmatch(info.path):
            return int(version[1]) not in self.references.heads
        shard = shard_of(info.path)
        if shard is None:
            shard = layout.committed_shard(info.path)
        if shard is None and (match := _PLAN.fullmatch(info.path)):
            shard = int(match[1])
        if info.path == layout.PLAN:
            shard = 0
        if shard is not None:
            return not self.references.is_finished(shard)
        return self._is_unnamed(info.path)

    def _is_unnamed(self, path: str) -> bool:
        """Whether a model or what was prepared is named by no plan: somebody is about to, perhaps."""
        references = self.references
        if path.startswith("_mintage/prepared/"):
            return path.removeprefix("_mintage/prepared/").removesuffix(".bin") not in references.prepared
        if not path.startswith(layout.MODELS):
            return False
        folders = {digest.removeprefix("sha256:")[:16] for digest in references.models}
        place = path.removeprefix(layout.MODELS).split("/")
        return place[0] not in folders if len(place) > 1 else path not in references.pointers
