"""What a run leaves in the hands of its caller: the data set, its manifest, a summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import polars as pl
import pyarrow as pa
from pyarrow import dataset

from mintage.engine.bench import read_sink
from mintage.errors import PluginError, ProvenanceError, SpecError
from mintage.evaluation.results import Report
from mintage.jobs.report_files import read_report
from mintage.provenance.heads import find_head
from mintage.provenance.manifest import Manifest, PartInfo, read_manifest
from mintage.store import ObjectStore

if TYPE_CHECKING:
    import ray.data

    from mintage.engine.stream.dataset import Stream


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished data set. Readers get the parts that the manifest names, never a listing of a folder.

    `summary` has run_id, dataset, root, version, tables (rows of each), rows, rejected and tagged
    (rows by reason), seconds, phases (seconds of each), rows_per_second, usage (what this call took, and
    its price), workers, resumed_shards, audited (probes as they were signed), key_id, key_path and
    signers (both of them for each key); `open` knows only the first half of it.
    """

    store: ObjectStore
    manifest: Manifest
    summary: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def open(
        cls, uri: str, *, storage: Mapping[str, object] | None = None, version: int | None = None
    ) -> Self:
        """A version of a data set that exists, the newest one when none is named.

        Its signature is checked by `mintage.verify`. Raises `ProvenanceError` when there is no such version.
        """
        store = ObjectStore.open(uri, options=storage)
        head = find_head(store, version)
        if head is None:
            raise ProvenanceError(
                f"{store.uri} holds no attested data set", "finish the job with mintage.run"
            )
        return cls(store=store, manifest=read_manifest(store, head))

    def scan(self, table: str | None = None) -> pl.LazyFrame:
        """A table (the root table when none is named) as a lazy frame over its parts.

        Parquet parts are read lazily; those of other formats are read into memory here.
        """
        name = table or self.root
        if self._is_parquet and self.store.scheme == "file":
            return pl.scan_parquet(self.uris(name), missing_columns="raise")
        if self._is_parquet:
            return pl.scan_pyarrow_dataset(self._dataset(name))
        frame = pl.from_arrow(pa.Table.from_batches(self.batches(name), self._arrow_schema(name)))
        assert isinstance(frame, pl.DataFrame)
        return frame.lazy()

    def batches(
        self, table: str | None = None, parts: Iterable[PartInfo] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a table, or of some of its parts, in shard order, whatever the format of the parts."""
        name = table or self.root
        connector = read_sink(self.store, self.manifest.statement.segments.newest.first)
        for part in self.manifest.parts(name) if parts is None else parts:
            with self.store.open_read(part.path) as stream:
                yield from connector.scan_part(stream, self._arrow_schema(name))

    def to_ray_dataset(self, table: str | None = None) -> ray.data.Dataset:
        """A table as a Ray Dataset over its Parquet parts; needs the extra `mintage[data]`."""
        if not self._is_parquet:
            raise SpecError("a Ray Dataset reads Parquet parts", "use sink.format: parquet, or scan()")
        try:
            import ray.data
        except ImportError as exc:
            raise PluginError("Ray Data is not installed", "pip install 'mintage[data]'") from exc
        filesystem, root = self.store.filesystem()
        paths = [f"{root}/{part.path}" for part in self.manifest.parts(table or self.root)]
        return ray.data.read_parquet(paths, filesystem=filesystem)

    def stream(
        self,
        table: str | None = None,
        *,
        rank: int = 0,
        world: int = 1,
        batch_rows: int = 1024,
        columns: Sequence[str] | None = None,
        epochs: int | None = 1,
        ahead_rows: int = 65_536,
    ) -> Stream[pa.RecordBatch]:
        """The rows of a table in batches for a training loop, as `mintage.stream` gives them.

        A batch has the key and the rows that it has in a stream of the job; every epoch has the same rows.
        """
        from mintage.engine.stream.dataset import StreamOptions
        from mintage.jobs.streaming import stream_version

        options = StreamOptions(
            rank=rank,
            world=world,
            batch_rows=batch_rows,
            columns=None if columns is None else tuple(columns),
            epochs=epochs,
            ahead_rows=ahead_rows,
        )
        return stream_version(self.manifest, table or self.root, options)

    @property
    def root(self) -> str:
        """The name of the root table."""
        return self.manifest.statement.schema.root

    def report(self) -> Report | None:
        """What was measured of the data set; None when nothing was. It is checked against the manifest.

        Raises `ProvenanceError` when it is not the report that was signed.
        """
        value = self.manifest.report()
        return None if value is None else read_report(value)

    def uris(self, table: str | None = None) -> list[str]:
        """Where the parts of a table lie, in shard order."""
        return [f"{self.store.uri}/{part.path}" for part in self.manifest.parts(table or self.root)]

    @property
    def _is_parquet(self) -> bool:
        return self.uris()[0].endswith(".parquet")

    def _dataset(self, table: str) -> dataset.Dataset:
        filesystem, root = self.store.filesystem()
        paths = [f"{root}/{part.path}" for part in self.manifest.parts(table)]
        return dataset.dataset(
            paths, filesystem=filesystem, schema=self._arrow_schema(table), format="parquet"
        )

    def _arrow_schema(self, table: str) -> pa.Schema:
        return self.manifest.statement.schema.table(table).arrow()
