"""What is counted of the rows while they are minted: the grids, a sidecar for each shard, and their sum.

plan      a grid for each table, from the real rows, kept by digest
worker    a sketch for each table of a shard, named in its commit record
fold      the sketches of all commits, in shard order: every row once, none of them read again
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from mintage.contracts import DatasetSchema, Semantics, Source
from mintage.engine import layout
from mintage.engine.models import load_prepared, save_prepared
from mintage.errors import ProvenanceError
from mintage.evaluation.binning import Binning, make_binning
from mintage.evaluation.folded import FoldedTable
from mintage.evaluation.sketch import TableSketch
from mintage.plan import Plan
from mintage.provenance.commits import read_commits
from mintage.provenance.digests import sha256_hex
from mintage.provenance.sidecars import read_sidecars
from mintage.store import ObjectStore

_READERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSketch:
    """A sidecar that an attempt wrote, for its commit record."""

    path: str
    sha256: str
    bytes: int


def save_binnings(
    store: ObjectStore,
    source: Source | None,
    schema: DatasetSchema,
    kinds: Mapping[str, Semantics] | None = None,
) -> dict[str, str]:
    """Make the grids of the tables that the source has too, and keep them; their digests by table.

    `kinds` overrides what columns of the root table mean. Each table is read once; without a source
    there are no grids.
    """
    if source is None:
        return {}
    digests: dict[str, str] = {}
    for table in schema.tables:
        if table.name not in source.readers:
            continue
        said = kinds if table.name == schema.root else None
        binning = make_binning(source.scan(table.name), table, said)
        digest = save_prepared(store, binning.to_bytes()) if binning is not None else None
        if digest is not None:
            digests[table.name] = digest
    return digests


def load_binnings(store: ObjectStore, plan: Plan) -> dict[str, Binning]:
    """The grids of a plan. Raises `ProvenanceError` for one that is not as digested, or of another table."""
    binnings: dict[str, Binning] = {}
    for table, digest in plan.binnings.items():
        data = load_prepared(store, digest)
        binning = binnings[table] = Binning.from_bytes(data)
        if binning.table != table:
            raise ProvenanceError(
                f"the plan names the binning of {binning.table!r} for the table {table!r}",
                "restore plan.json from a copy",
            )
    return binnings


def write_sketches(
    store: ObjectStore, shard: int, attempt: str, sketches: Mapping[str, TableSketch]
) -> dict[str, WrittenSketch]:
    """Write the sidecars of an attempt, by table; when one fails, the others are removed again."""
    written: dict[str, WrittenSketch] = {}
    with ExitStack() as stack:
        for table, sketch in sketches.items():
            data, path = sketch.to_bytes(), layout.sketch_path(table, shard, attempt)
            stack.callback(store.discard, path)
            store.create(path, data)
            written[table] = WrittenSketch(path=path, sha256=sha256_hex(data), bytes=len(data))
        stack.pop_all()
    return written


def fold_sketches(store: ObjectStore, plan: Plan) -> dict[str, FoldedTable]:
    """The sketches of all shards, added up by table; empty when the plan has no grids.

    Raises `ProvenanceError` when a shard is not committed, or when a sketch is missing or altered.
    """
    binnings = load_binnings(store, plan)
    if not binnings:
        return {}
    folded = {table: FoldedTable(binning, plan.shards) for table, binning in binnings.items()}
    commits = read_commits(
        store,
        shards=plan.shards,
        plan_digest=plan.digest,
        run_id=plan.run_id,
        first=plan.first_shard,
        workers=_READERS,
    )
    sidecars = read_sidecars(
        store, commits, tables=binnings, max_bytes=TableSketch.MAX_BYTES, workers=_READERS
    )
    for commit, data in sidecars:
        for table, binning in binnings.items():
            sketch = TableSketch.from_bytes(data[table], binning)
            if sketch.rows != (rows := commit.record.tables[table].rows):
                raise ProvenanceError(
                    f"{commit.sketches[table].path} counts {sketch.rows} rows, but shard "
                    f"{commit.record.index} has {rows} in table {table!r}",
                    "restore it from a copy, or evaluate the data set from its rows",
                )
            folded[table].add(commit.record.index - plan.first_shard, sketch)
    return folded
