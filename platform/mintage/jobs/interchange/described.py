"""What there is to tell of a version before it is signed: the same for every form it is told in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import TextIOWrapper

from mintage.contracts import DatasetSchema
from mintage.errors import ProvenanceError
from mintage.evaluation.results import Report
from mintage.provenance.attachments import Attached
from mintage.provenance.facts import Facts
from mintage.provenance.layout import RECORDS_PER_FILE, checksums_path, commit_path, records_path
from mintage.provenance.lineage import Lineage
from mintage.provenance.records import MAX_RECORD_BYTES, CommitRecord, ShardRecord
from mintage.provenance.statements import Folded
from mintage.spec import DatasheetSpec
from mintage.store import ObjectStore

MAX_LISTED = 1000
"""Parts of a table that are named one by one; more are only counted."""

_MAX_LINE = 2048
_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What manifest-sha256.txt of a version holds."""

    file: Attached
    """The digest and size of the list itself."""
    parts: Mapping[str, tuple[str, ...]]
    """Paths of each table's parts in shard order, at most `MAX_LISTED`."""
    counts: Mapping[str, int]
    """Parts of each table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A version, as it is told."""

    version: int
    facts: Facts
    folded: Folded
    schema: DatasetSchema
    listing: Listing
    made: str
    """Day when the last shard was made, YYYY-MM-DD in UTC; the same at every try to sign the version."""
    datasheet: DatasheetSpec
    report: Report | None
    attached: Mapping[str, Attached]
    """The files of the report by name."""
    plan_digest: str
    plan_path: str
    shards: int
    """Shards of the plan; a version that was appended to has more, those of earlier plans."""
    connector: str
    """What wrote the parts, such as `parquet`."""
    lineage: Lineage
    """Where its rows come from, those of earlier plans too."""

    @property
    def title(self) -> str:
        """The title that was given, or the name."""
        return self.datasheet.title or self.facts.name

    @property
    def rows(self) -> Mapping[str, int]:
        """Rows of each table."""
        return self.folded.totals.rows

    @property
    def mintage(self) -> str:
        """The version of Mintage that made it."""
        return self.facts.builder.versions.get("mintage", "unknown")


def read_listing(store: ObjectStore, version: int, tables: tuple[str, ...]) -> Listing:
    """Read manifest-sha256.txt of a version, line by line."""
    path = checksums_path(version)
    parts: dict[str, list[str]] = {table: [] for table in tables}
    counts = dict.fromkeys(tables, 0)
    digest, size = hashlib.sha256(), 0
    with TextIOWrapper(store.open_read(path), encoding="utf-8", newline="\n") as file:
        while line := file.readline(_MAX_LINE):
            data = line.encode("utf-8")
            digest.update(data)
            size += len(data)
            part = line.rstrip("\n").partition("  ")[2]
            table = part.split("/")[1] if part.count("/") == 2 else ""
            if table not in counts:
                raise ProvenanceError(f"{path} names {part[:200]!r}, which is a part of no table")
            counts[table] += 1
            if counts[table] <= MAX_LISTED:
                parts[table].append(part)
    file_ = Attached(sha256=digest.hexdigest(), bytes=size)
    return Listing(file=file_, parts={table: tuple(paths) for table, paths in parts.items()}, counts=counts)


def last_day(store: ObjectStore, version: int, size: int) -> str:
    """The day on which the last shard of a version was committed, YYYY-MM-DD."""
    number = (size - 1) // RECORDS_PER_FILE
    with store.open_read(records_path(version, number)) as file:
        line = b""
        while following := file.readline(MAX_RECORD_BYTES + 2):
            line = following
    index = ShardRecord.from_bytes(line.removesuffix(b"\n")).index
    commit = CommitRecord.from_bytes(store.read(commit_path(index), max_bytes=MAX_RECORD_BYTES))
    return commit.finished[:10]


def short(digest: str) -> str:
    """The digits of a digest without the name of its algorithm."""
    return digest.removeprefix(_PREFIX)
