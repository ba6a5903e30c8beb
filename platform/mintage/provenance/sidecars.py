"""Reading what was counted while minting: the sketches that commits name, each checked by its digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from mintage.errors import ObjectMissingError, ProvenanceError
from mintage.provenance._capped import read_capped
from mintage.provenance._ordered import ordered_map
from mintage.provenance.digests import sha256_hex
from mintage.provenance.layout import check_sketch_path
from mintage.provenance.records import CommitRecord, SketchRecord
from mintage.store import ObjectStore

_HINT = "restore it from a copy, or evaluate the data set from its rows"


def read_sidecars(
    store: ObjectStore,
    commits: Iterable[CommitRecord],
    *,
    tables: Iterable[str],
    max_bytes: int,
    workers: int,
) -> Iterator[tuple[CommitRecord, dict[str, bytes]]]:
    """Yield each commit and the bytes of its sketches by table, in the order of the commits.

    Raises `ProvenanceError` when a commit names no sketch of one of `tables`, or names one that is
    missing, larger than `max_bytes`, or not what the commit says.
    """
    read = partial(_read_all, store, tuple(tables), max_bytes)
    return ordered_map(read, commits, workers=workers)


def _read_all(
    store: ObjectStore, tables: tuple[str, ...], max_bytes: int, commit: CommitRecord
) -> tuple[CommitRecord, dict[str, bytes]]:
    index = commit.record.index
    if lacking := [table for table in tables if table not in commit.sketches]:
        raise ProvenanceError(f"the commit of shard {index} names no sketch of table {lacking[0]!r}", _HINT)
    return commit, {table: _read(store, commit.sketches[table], table, index, max_bytes) for table in tables}


def _read(store: ObjectStore, sketch: SketchRecord, table: str, index: int, max_bytes: int) -> bytes:
    check_sketch_path(sketch.path, table, index)
    try:
        data = read_capped(store, sketch.path, max_bytes)
    except ObjectMissingError as exc:
        raise ProvenanceError(f"{sketch.path} is missing, which shard {index} names", _HINT) from exc
    if len(data) != sketch.bytes or sha256_hex(data) != sketch.sha256:
        raise ProvenanceError(f"{sketch.path} is not what shard {index} was committed with", _HINT)
    return data
