"""A data set of ours as a source: its committed rows, each part checked against what was signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import pyarrow as pa

from mintage.contracts import SCAN_ROWS, TableReader
from mintage.errors import ObjectMissingError, ProvenanceError, SourceError
from mintage.jobs.result import Result
from mintage.jobs.source_attestations import place_at
from mintage.operators.rules import TAGS
from mintage.provenance.canonical import canonical_json
from mintage.provenance.digests import digest_from_raw, digest_of
from mintage.provenance.heads import latest_head
from mintage.provenance.manifest import PartInfo, record_lines
from mintage.provenance.merkle import MerkleTree, leaf_hash
from mintage.store import ObjectStore, expand_uri

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class DatasetReader(TableReader):
    """One table of a signed data set, or a single part of it, in shard order.

    What is read is what the manifest names, so nothing that was not committed. `digest` reads every byte and
    holds it against the signed root; who signed it is for lineage to judge.
    """

    dataset: Result
    table: str
    part: str | None = None
    """Path of the one part that is read; None for all of the table."""

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch; what rules noted about rows is left out."""
        stored = self.dataset.manifest.statement.schema.table(self.table).arrow()
        return pa.schema([field for field in stored if field.name != TAGS])

    @cached_property
    def parts(self) -> tuple[PartInfo, ...]:
        """The parts that are read, as the manifest has them."""
        parts = self.dataset.manifest.parts(self.table)
        return tuple(one for one in parts if self.part in (None, one.path))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(part.rows for part in self.parts)

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows, at most `batch_rows` at a time."""
        wanted = self.schema.names if columns is None else list(columns)
        for name in wanted:
            if name not in self.schema.names:
                known = ", ".join(self.schema.names[:20])
                raise SourceError(f"there is no column {name!r}", f"known columns: {known}")
        for batch in self.dataset.batches(self.table, self.parts):
            for start in range(0, batch.num_rows, batch_rows):
                yield batch.slice(start, batch_rows).select(wanted)

    def digest(self) -> str:
        """`sha256:<hex>` of the root, the table and the part; raises `SourceError` when a byte is another."""
        manifest = self.dataset.manifest
        if (found := _root(self.dataset)) != manifest.head.root:
            raise SourceError(
                f"the records of {self.dataset.store.uri} have the root {found}, not {manifest.head.root}",
                "it was altered: see what with `mintage verify`",
            )
        for part in self.parts:
            _check_part(self.dataset.store, part)
        identity = {
            "format": "mintage-dataset-table/1",
            "root": manifest.head.root,
            "table": self.table,
            "part": [part.sha256 for part in self.parts] if self.part else None,
        }
        return digest_of(canonical_json(identity))

    def marks(self) -> tuple[dict[str, str], ...]:
        """What the data set says of its own generation, whoever signed it."""
        return (mark_of_dataset(self.dataset),)


class Inside(NamedTuple):
    """A place in a data set: its folder, and the path below it (`""`: the folder itself)."""

    store: ObjectStore
    path: str


def find_dataset(uri: str, storage: Mapping[str, object] | None = None) -> Inside | None:
    """The data set that a location names, or names a part of; None where there is none.

    Nothing is asked of places that cannot be one: only folders, and what lies below a folder `data`.
    """
    location = expand_uri(uri.strip())
    steps = location.split("/data/")
    for at in range(1, len(steps)):
        store = ObjectStore.open("/data/".join(steps[:at]) or "/", options=storage)
        if _has_head(store):
            return Inside(store, "data/" + "/data/".join(steps[at:]).rstrip("/"))
    if any(letter in location for letter in "*?["):
        return None
    file = place_at(location, storage)
    if file is not None and file.store.exists(file.path):
        return None
    store = ObjectStore.open(location, options=storage)
    return Inside(store, "") if _has_head(store) else None


def open_dataset(inside: Inside, table: str, storage: Mapping[str, object] | None = None) -> DatasetReader:
    """A reader of the table (of the only one, when none is called so) or of the part that was named.

    Raises `SourceError` for a part that the newest version does not have.
    """
    dataset = Result.open(inside.store.uri, storage=storage)
    names = dataset.manifest.statement.schema.names
    if not inside.path:
        if table not in names and len(names) > 1:
            raise SourceError(
                f"{inside.store.uri} has the tables {', '.join(names)}, and none called {table!r}",
                "name them with source.tables",
            )
        return DatasetReader(dataset=dataset, table=table if table in names else next(iter(names)))
    _, name, rest = f"{inside.path}/".split("/", 2)
    part = inside.path if rest else None
    reader = DatasetReader(dataset=dataset, table=name, part=part) if name in names else None
    if reader is None or not reader.parts:
        raise SourceError(
            f"{inside.path[:200]} is no committed part of the newest version of {inside.store.uri}",
            "name the folder of the data set, or one of its parts",
        )
    return reader


def mark_of_dataset(dataset: Result) -> dict[str, str]:
    """What a data set says of its own generation, unverified: the least that what it made can be."""
    return {
        "synthetic": "true",
        "generation_at_least": str(max(1, dataset.manifest.statement.lineage.at_least)),
    }


def _has_head(store: ObjectStore) -> bool:
    try:
        return latest_head(store) is not None
    except ObjectMissingError:
        return False
    except ProvenanceError:
        return True  # a head that cannot be read is one, and says why when it is opened


def _root(dataset: Result) -> str:
    """The root over the records as they lie there; every line is held against it, so none can be altered."""
    manifest, tree = dataset.manifest, MerkleTree()
    for line in record_lines(dataset.store, manifest.head.version, manifest.head.size):
        tree.append(leaf_hash(line))
    tree.finish()
    return digest_from_raw(tree.root())


def _check_part(store: ObjectStore, part: PartInfo) -> None:
    digest = hashlib.sha256()
    try:
        with store.open_read(part.path) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except ObjectMissingError as exc:
        raise SourceError(f"{part.path} of {store.uri} is missing", "restore it from a copy") from exc
    if digest.hexdigest() != part.sha256:
        raise SourceError(
            f"{part.path} of {store.uri} is not what was signed",
            "it was altered: see what with `mintage verify`",
        )
