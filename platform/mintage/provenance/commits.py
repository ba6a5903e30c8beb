"""Reading the commits of a plan in shard order, and checking each before anything believes it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance._capped import read_capped
from mintage.provenance._ordered import ordered_map
from mintage.provenance.layout import (
    check_part_path,
    check_reject_path,
    check_sketch_path,
    commit_path,
)
from mintage.provenance.records import MAX_RECORD_BYTES, CommitRecord
from mintage.store import ObjectStore


def read_commits(
    store: ObjectStore, *, shards: int, plan_digest: str, run_id: str, workers: int, first: int = 0
) -> Iterator[CommitRecord]:
    """Yield the commit of every shard of a plan, in order; raise `ProvenanceError` at the first bad one.

    `first` is the number of the plan's first shard in the data set.
    """
    read = partial(_read_checked, store, plan_digest, run_id)
    return ordered_map(read, range(first, first + shards), workers=workers)


def _read_checked(store: ObjectStore, plan_digest: str, run_id: str, index: int) -> CommitRecord:
    try:
        commit = read_commit(store, index)
    except ObjectMissingError as exc:
        raise ProvenanceError(
            f"shard {index} is not committed: {commit_path(index)} is missing",
            "run the job again to finish it",
        ) from exc
    check_identity(commit, index, plan_digest, run_id)
    check_paths(commit)
    return commit


def read_commit(store: ObjectStore, index: int) -> CommitRecord:
    """The commit record of a shard, strictly parsed; `ObjectMissingError` when there is none."""
    path = commit_path(index)
    data = read_capped(store, path, MAX_RECORD_BYTES)
    try:
        return CommitRecord.from_bytes(data)
    except ProvenanceError as exc:
        raise ProvenanceError(f"{path}: {exc.message}") from exc


def check_identity(commit: CommitRecord, index: int, plan_digest: str, run_id: str) -> None:
    """Raise `ProvenanceError` unless the commit is of that shard, plan and run."""
    path = commit_path(index)
    if commit.record.index != index:
        raise ProvenanceError(f"{path} holds the record of shard {commit.record.index}")
    if commit.plan != plan_digest:
        raise ProvenanceError(f"{path} belongs to the plan {commit.plan}, not to {plan_digest}")
    if commit.run_id != run_id:
        raise ProvenanceError(f"{path} belongs to the run {commit.run_id!r}, not to {run_id!r}")
    if set(commit.parts) != set(commit.record.tables):
        raise ProvenanceError(f"{path} names parts of other tables than its record")


def check_paths(commit: CommitRecord) -> None:
    """Raise `ProvenanceError` unless every path in the commit stays where it belongs."""
    index = commit.record.index
    for table, path in commit.parts.items():
        check_part_path(path, table, index)
    for table, reject in commit.rejects.items():
        check_reject_path(reject.path, table, index)
    for table, sketch in commit.sketches.items():
        check_sketch_path(sketch.path, table, index)
