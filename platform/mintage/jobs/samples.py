"""`mintage.review_page`: rows of a data set for a person to look at, from parts that are what was signed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import Connector, Semantics, TableSchema
from mintage.engine.bench import read_sink
from mintage.errors import ProvenanceError
from mintage.evaluation.report.wording import count
from mintage.evaluation.results import Report
from mintage.evaluation.samples import Subject, TableSample, make_sample_page, render_sample_page
from mintage.jobs.report_files import read_report
from mintage.jobs.reviewing import newest_version
from mintage.jobs.verification import trusted_keys
from mintage.provenance.committed import signed_commit, signed_part
from mintage.provenance.manifest import Manifest
from mintage.provenance.proven import proven_record
from mintage.provenance.statements import Head, Statement
from mintage.store import ObjectStore

MAX_SHARDS = 8
MAX_ROWS = 20_000
"""Rows that are read of each table."""

MAX_TABLES = 8
RANDOM_ROWS = 20
_MAX_VALUE = 512
"""Characters or bytes of a value that are kept: more are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPage:
    """A page that was written."""

    path: Path
    version: int
    statement: str
    seed: int

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "page": str(self.path),
            "version": self.version,
            "statement": self.statement,
            "seed": self.seed,
        }


def review_page(
    uri: str,
    *,
    out: Path | str = "review.html",
    seed: int | None = None,
    trusted: Sequence[Path | str] | None = None,
    storage: Mapping[str, object] | None = None,
) -> ReviewPage:
    """Write the page that a reviewer looks at: facts, worst columns and pairs, odd rows, rows at random.

    The signature of the newest version is checked first, with `trusted` (the local identity's key when
    there are none); then a few shards are drawn with `seed`, which is drawn itself when it is None, and
    their parts are checked against what was signed before a row is decoded. Raises `ProvenanceError`
    when something is not what was signed, and when `out` is there already.
    """
    target = Path(out)
    if target.exists():
        raise _taken(target)
    store = ObjectStore.open(uri, options=storage)
    head, statement = newest_version(store, trusted_keys(trusted))
    drawn = secrets.randbits(32) if seed is None else seed
    manifest = Manifest(head=head, statement=statement, store=store)
    value = manifest.report()
    report = None if value is None else read_report(value)
    samples = _read_samples(store, statement, drawn)
    subject = Subject(
        name=statement.name,
        version=head.version,
        statement=head.statement,
        facts=_facts(head, statement, report),
        seed=drawn,
    )
    _write(target, render_sample_page(make_sample_page(subject, report, samples)))
    return ReviewPage(path=target, version=head.version, statement=head.statement, seed=drawn)


def _facts(head: Head, statement: Statement, report: Report | None) -> dict[str, str]:
    """What the signed statement says, in words."""
    predicate = cast("Mapping[str, object]", statement.json["predicate"])
    lineage, privacy = (_mapping(predicate.get(key)) for key in ("lineage", "privacy"))
    tables = statement.predicate.tables
    return {
        "Rows": ", ".join(f"{name} {count(table.rows)}" for name, table in tables.items()),
        "Shards": count(head.size),
        "Made by": f"{predicate.get('kind')}",
        "Source": str(predicate.get("source") or "none"),
        "Generation": f"{lineage.get('generation', 'unknown')} (0 is real)",
        "Share of real data in its lineage": str(lineage.get("realFraction", "unknown")),
        "Privacy claimed": str(privacy.get("claim", "unknown")),
        "Measured": "yes, and signed" if report else "no",
        "Root": head.root,
        "Statement": head.statement,
    }


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _read_samples(store: ObjectStore, statement: Statement, seed: int) -> list[TableSample]:
    """Rows of every table from a few shards that are drawn with the seed."""
    random = np.random.default_rng(seed)
    size = statement.predicate.tree.size
    places = sorted(random.choice(size, size=min(size, MAX_SHARDS), replace=False).tolist())
    shards = [statement.segments.shard_at(place) for place in places]
    root = statement.schema.root
    tables = sorted(statement.schema.tables, key=lambda table: table.name != root)[:MAX_TABLES]
    read = _Reader(store=store, statement=statement, sink=read_sink(store))
    return [_sample(read, table, shards, random) for table in tables]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads the first rows of parts that were found to be what was signed."""

    store: ObjectStore
    statement: Statement
    sink: Connector

    def rows(self, table: TableSchema, shard: int, most: int) -> pa.Table:
        """At most `most` rows of a table in a shard, long values cut."""
        record = proven_record(self.store, self.statement, shard)
        segment = self.statement.segments.holding(shard)
        if segment is None or table.name not in record.tables:
            raise ProvenanceError(f"shard {shard} has no part of the table {table.name!r}")
        commit = signed_commit(self.store, record, segment.plan, segment.run_id)
        with signed_part(self.store, commit.parts[table.name], record.tables[table.name]) as stream:
            batches = list(self._take(table, self.sink.scan_part(stream, table.arrow()), most))
        return pa.Table.from_batches(batches) if batches else _cut(table.arrow().empty_table())

    def _take(
        self, table: TableSchema, batches: Iterator[pa.RecordBatch], most: int
    ) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if most <= 0:
                return
            kept = _cut(pa.Table.from_batches([batch.slice(0, most)], schema=table.arrow()))
            most -= kept.num_rows
            yield from kept.to_batches()


def _sample(
    reader: _Reader, table: TableSchema, shards: Sequence[int], random: np.random.Generator
) -> TableSample:
    share = -(-MAX_ROWS // len(shards))
    parts = [reader.rows(table, shard, share) for shard in shards]
    places = [
        f"shard {shard}, row {row}"
        for shard, part in zip(shards, parts, strict=True)
        for row in range(part.num_rows)
    ]
    rows = pa.concat_tables(parts)
    chosen = random.choice(rows.num_rows, size=min(rows.num_rows, RANDOM_ROWS), replace=False)
    return TableSample(
        name=table.name,
        rows=rows,
        places=places,
        random=sorted(chosen.tolist()),
        total=reader.statement.predicate.tables[table.name].rows,
        keys=_keys(table),
    )


def _keys(table: TableSchema) -> frozenset[str]:
    """Columns that tell rows apart, or name rows of other tables."""
    named = {column for key in table.foreign_keys for column in key.columns}
    meant = {column.name for column in table.columns if column.semantics is Semantics.KEY}
    return frozenset(named | meant | set(table.primary_key))


def _cut(table: pa.Table) -> pa.Table:
    """The table with text and bytes cut, and dictionaries decoded: so many rows never fill the memory."""
    columns = [_cut_column(column) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def _cut_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    type_ = column.type
    if pa.types.is_dictionary(type_):
        return _cut_column(column.cast(type_.value_type))
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return pc.utf8_slice_codeunits(column, 0, _MAX_VALUE).cast(pa.string())
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return pc.binary_slice(column, 0, _MAX_VALUE).cast(pa.binary())
    if pa.types.is_nested(type_):
        return pc.list_slice(column, 0, 20) if not pa.types.is_fixed_size_list(type_) else column
    return column


def _write(target: Path, page: bytes) -> None:
    try:
        with target.open("xb") as file:
            file.write(page)
    except FileExistsError as exc:
        raise _taken(target) from exc
    except OSError as exc:
        raise ProvenanceError(
            f"the page cannot be written to {target}: {exc.strerror or exc}",
            "choose another place with --out",
        ) from exc


def _taken(target: Path) -> ProvenanceError:
    return ProvenanceError(
        f"{target} exists, and nothing is overwritten", "remove it, or choose another place with --out"
    )
