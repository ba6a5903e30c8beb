"""Committing a shard: one small record, created exclusively; whoever is first wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mintage.contracts import DatasetSchema, Shard
from mintage.contracts.seeds import Stage
from mintage.engine import layout
from mintage.engine.parts import WrittenPart
from mintage.engine.sketches import WrittenSketch
from mintage.errors import ObjectExistsError, ObjectMissingError, ProvenanceError
from mintage.operators.validation import Counts
from mintage.plan import Plan
from mintage.provenance.records import (
    MAX_RECORD_BYTES,
    CommitRecord,
    RejectRecord,
    ShardRecord,
    SketchRecord,
    TableRecord,
    VerdictCounts,
    schema_id,
)
from mintage.store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """What an attempt made of a shard, before it is committed."""

    shard: Shard
    attempt: str
    parts: Mapping[str, WrittenPart]
    counts: Mapping[str, Counts]
    rejects: Mapping[str, WrittenPart]
    sketches: Mapping[str, WrittenSketch]
    started: datetime
    worker: str


def find_commit(store: ObjectStore, plan: Plan, index: int) -> CommitRecord | None:
    """The commit record of a shard, if there is one. Raises `ProvenanceError` for another plan's."""
    try:
        data = store.read(layout.commit_path(index), max_bytes=MAX_RECORD_BYTES)
    except ObjectMissingError:
        return None
    commit = CommitRecord.from_bytes(data)
    if commit.plan != plan.digest or commit.record.index != index:
        raise ProvenanceError(
            f"{layout.commit_path(index)} belongs to shard {commit.record.index} of the plan {commit.plan}, "
            f"not to shard {index} of {plan.digest}",
            "the folder mixes data sets; write to a new one",
        )
    return commit


def commit_shard(
    store: ObjectStore, plan: Plan, schema: DatasetSchema, minted: Minted
) -> tuple[CommitRecord, bool]:
    """Commit what an attempt made; returns the record that stands, and whether it is this attempt's.

    An attempt that comes second removes what it wrote, which nobody refers to.
    """
    commit = _commit_record(plan, schema, minted)
    try:
        store.create(layout.commit_path(minted.shard.index), commit.to_bytes())
    except ObjectExistsError:
        first = find_commit(store, plan, minted.shard.index)
        if first is None:
            raise
        for written in (minted.parts, minted.rejects, minted.sketches):
            for one in written.values():
                store.discard(one.path)
        return first, False
    return commit, True


def _commit_record(plan: Plan, schema: DatasetSchema, minted: Minted) -> CommitRecord:
    return CommitRecord(
        plan=plan.digest,
        run_id=plan.run_id,
        attempt=minted.attempt,
        worker=minted.worker,
        started=minted.started.isoformat(timespec="milliseconds"),
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
        parts={table: part.path for table, part in minted.parts.items()},
        rejects={
            table: RejectRecord(path=part.path, sha256=part.sha256, rows=part.rows)
            for table, part in minted.rejects.items()
        },
        sketches={
            table: SketchRecord(path=sketch.path, sha256=sketch.sha256, bytes=sketch.bytes)
            for table, sketch in minted.sketches.items()
        },
        record=shard_record(plan, schema, minted),
    )


def shard_record(plan: Plan, schema: DatasetSchema, minted: Minted) -> ShardRecord:
    """What any attempt says of its shard; `schema` is that of the tables as they are stored."""
    index = minted.shard.index
    return ShardRecord(
        index=index,
        seed_path=f"{plan.seed}/{int(Stage.SAMPLE)}/{index}",
        model=plan.model.digest,
        tables={
            table: _table_record(part, schema_id(schema.table(table)), minted.counts[table])
            for table, part in minted.parts.items()
        },
    )


def _table_record(part: WrittenPart, schema: str, counts: Counts) -> TableRecord:
    return TableRecord(
        rows=part.rows,
        bytes=part.bytes,
        sha256=part.sha256,
        content=part.content,
        schema_id=schema,
        statistics=part.statistics,
        verdicts=VerdictCounts(
            drawn=counts.drawn,
            accepted=counts.accepted,
            rejected=dict(counts.rejected),
            tagged=dict(counts.tagged),
            violations=dict(counts.violations),
            orphaned=counts.orphaned,
            surplus=counts.surplus,
        ),
    )
