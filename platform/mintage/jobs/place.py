"""Where in a data set the shards of a job go: at its beginning, or behind what is there already.

A plan file is created exclusively, under the number of its first shard. So of two jobs that want the
same place one gets it; and as long as that one is not finished, nothing goes behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mintage.contracts import DatasetSchema
from mintage.engine.plans import check_not_given_up, is_given_up, read_plans
from mintage.errors import SpecError
from mintage.jobs.planning import Request
from mintage.plan import Plan, shard_count
from mintage.provenance.bases import Base
from mintage.provenance.heads import read_head, read_statement, versions
from mintage.provenance.layout import DATA
from mintage.provenance.schema_changes import find_schema_changes
from mintage.provenance.signing import PublicKey
from mintage.provenance.statements import Head, Statement
from mintage.store import ObjectStore

Mode = Literal["create", "append", "supersede"]

MAX_DATASET_SHARDS = 2**31
"""Shards of a data set in all its life: each owns 2^32 keys, which are signed integers of 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a job in its data set."""

    first_shard: int = 0
    plan: Plan | None = None
    """The plan of this very job, when an earlier call froze it."""
    base: Base | None = None
    """The version that the job is appended to."""
    done: Statement | None = None
    """The statement of the version that was made for this job, when there is one."""
    head: Head | None = None
    """The head of that version."""
    is_newest: bool = True
    """Whether no version came after that one."""


def find_place(
    store: ObjectStore,
    request: Request,
    keys: Sequence[PublicKey],
    foreseen: DatasetSchema | None = None,
) -> Place:
    """The place of a job, whose tables are `foreseen` where its generator can.

    Raises `SpecError` when there is no place for it, and `ProvenanceError` when the version that it
    would be appended to cannot be verified with one of `keys`.
    """
    mode = request.spec.sink.mode
    plans = list(read_plans(store))
    if not plans:
        return _empty(store, mode)
    mine = next((plan for plan in plans if plan.run_id == request.run_id), None)
    if mine is not None:
        return _again(store, request, mine, mode, keys)
    newest = plans[-1]
    if mode == "create":
        raise other_run(store, _describe(newest, request))
    if find_version(store, newest)[0] is None and not is_given_up(store, newest):
        raise SpecError(
            f"sink.uri: {store.uri} holds an unfinished job: {_describe(newest, request)}",
            f"finish it first: run its spec again; or give it up: mintage gc {store.uri} --give-up "
            f"{newest.run_id[:16]}",
        )
    place = Place(first_shard=newest.indices.stop)
    _check_room(request, place)
    if mode == "supersede":
        return place
    base = Base.read(store, keys)
    held = {plan.first_shard: plan for plan in plans}
    _check_layout(store, request, held[base.segments.newest.first])
    if foreseen is not None:
        check_tables(base, foreseen)
    return replace(place, base=base)


def check_tables(base: Base | None, tables: DatasetSchema) -> None:
    """Raise `SpecError` that says what differs, unless the tables are those of the version appended to."""
    changes = find_schema_changes(base.statement.schema, tables) if base else []
    if base and changes:
        raise SpecError(
            f"sink.mode: append, but the tables are not those of version {base.head.version}: "
            + "; ".join(changes[:5]),
            "make the same tables, or use sink.mode: supersede",
        )


def find_version(store: ObjectStore, plan: Plan) -> tuple[Statement | None, Head | None, bool]:
    """The newest version that was made for a plan: statement, head, and whether no other came after it.

    Its signature is not checked: this only says whether the job is done.
    """
    numbers = versions(store)
    for number in reversed(numbers):
        head = read_head(store, number)
        statement = read_statement(store, head, None)
        if statement.segments.newest.plan == plan.digest:
            return statement, head, number == numbers[-1]
    return None, None, True


def base_of(store: ObjectStore, done: Statement, keys: Sequence[PublicKey]) -> Base | None:
    """What a finished version was appended to, verified with one of `keys`."""
    append = done.predicate.append
    if append is None:
        return None
    for number in reversed([one for one in versions(store) if one < done.predicate.version]):
        head = read_head(store, number)
        if (head.size, head.root) == (append.size, append.root):
            return Base.read(store, keys, number)
    raise SpecError(
        f"sink.uri: version {done.predicate.version} of {store.uri} names an older version that is missing",
        "restore the heads that are missing from a copy",
    )


def other_run(store: ObjectStore, what: str) -> SpecError:
    """The error that a folder belongs to something else."""
    return SpecError(
        f"sink.uri: {store.uri} holds {what}",
        "nothing is overwritten: choose another sink.uri, add to what is there with sink.mode: append or "
        "supersede, or remove that folder if nothing in it is needed",
    )


def _empty(store: ObjectStore, mode: Mode) -> Place:
    if store.list(DATA):
        raise other_run(store, f"objects under {DATA} that no plan explains")
    if mode != "create":
        raise SpecError(
            f"sink.mode: {mode}, but {store.uri} holds no data set",
            "begin it with sink.mode: create, or check sink.uri",
        )
    return Place()


def _again(store: ObjectStore, request: Request, mine: Plan, mode: Mode, keys: Sequence[PublicKey]) -> Place:
    """The place that the job has: it is finished, or goes on."""
    layout = (mine.shard_rows, mine.layout.connector.name)
    wanted = (request.spec.sink.shard_rows, request.resolution.sink.name)
    if layout != wanted:
        raise SpecError(
            f"sink: {store.uri} was begun with (shard_rows, format) {layout}, not {wanted}",
            "go on with the same layout, or write to a new folder",
        )
    if mode == "create" and mine.first_shard:
        raise other_run(store, f"jobs before this one, which begins with shard {mine.first_shard}")
    check_not_given_up(store, mine)
    done, head, is_newest = find_version(store, mine)
    place = Place(first_shard=mine.first_shard, plan=mine, done=done, head=head, is_newest=is_newest)
    if done is None and mode == "append" and mine.first_shard:
        return replace(place, base=Base.read(store, keys))
    return place


def _check_room(request: Request, place: Place) -> None:
    shards = shard_count(request.spec.rows, request.spec.sink.shard_rows)
    if place.first_shard + shards > MAX_DATASET_SHARDS:
        raise SpecError(
            f"rows: {shards} shards behind the {place.first_shard} that are there are too many: keys would "
            f"run out at {MAX_DATASET_SHARDS}",
            "raise sink.shard_rows, or begin a new data set",
        )


def _check_layout(store: ObjectStore, request: Request, older: Plan) -> None:
    """Refuse to append parts that would be written in another way."""
    connector = request.resolution.sink_connector
    pairs: dict[str, tuple[object, object]] = {
        "format": (older.layout.connector.name, request.resolution.sink.name)
    }
    if older.layout.connector.name == request.resolution.sink.name:
        # Each format has options of its own: side by side they mean something for one format only.
        before, now = dict(older.layout.options), connector.config.model_dump(mode="json")
        pairs |= {name: (before.get(name), now.get(name)) for name in sorted({*before, *now})}
        pairs["suffix"] = (older.layout.suffix, connector.suffixes[0])
    differing = [f"{name} {was!r}, not {asked!r}" for name, (was, asked) in pairs.items() if was != asked]
    if differing:
        raise SpecError(
            f"sink.mode: append, but the parts at {store.uri} have {'; '.join(differing)}",
            "write them in the same way, or use sink.mode: supersede",
        )


def _describe(plan: Plan, request: Request) -> str:
    return f"another run: {plan.name}, run id {plan.run_id[:16]}…, not {request.run_id[:16]}…"
