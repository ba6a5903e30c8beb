"""Setting rows of a source aside, before anything is learned, for those who judge what was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from mintage.contracts import SCAN_ROWS, Source, TableReader
from mintage.errors import SpecError
from mintage.jobs.sources import open_reader
from mintage.operators.row_hash import hash_rows
from mintage.spec import EvaluationSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A source in two parts that share no row: what is learned from, and what nothing learns from."""

    training: Source
    holdout: TableReader | None
    """Rows of the root table; None when nothing was set aside."""


def split_source(source: Source, spec: EvaluationSpec) -> Split:
    """Part a source as the spec asks; where it asks for nothing, all of it is learned from.

    Raises `SpecError` for a key that is not there, and for a source of several tables: setting rows
    of one aside would tear the keys of the others.
    """
    root = source.schema.root_table
    for column in spec.key:
        root.column(column)
    if spec.holdout is None:
        return Split(training=source, holdout=None)
    if spec.holdout.uri is not None:
        return Split(training=source, holdout=_open_apart(source, spec))
    if len(source.schema.tables) > 1:
        raise SpecError(
            "evaluation.holdout: a share cannot be set aside of a source with several tables",
            "name a table of held-out rows with evaluation.holdout: {uri: …}, or leave it out",
        )
    assert spec.holdout.share is not None
    reader = source.readers[root.name]
    columns = spec.key or root.names
    holdout = PartReader(reader=reader, share=spec.holdout.share, columns=columns, held_out=True)
    training = replace(source, readers={root.name: replace(holdout, held_out=False)})
    return Split(training=training, holdout=holdout)


def _open_apart(source: Source, spec: EvaluationSpec) -> TableReader:
    """The reader of a holdout that lies elsewhere; its columns must be the source's."""
    holdout = spec.holdout
    assert holdout is not None
    assert holdout.uri is not None
    options: Mapping[str, object] = {
        **holdout.options,
        **({"storage": holdout.storage} if holdout.storage else {}),
    }
    reader = open_reader(holdout.uri, kind=holdout.kind, options=options, path="evaluation.holdout")
    known, found = set(source.schema.root_table.names), set(reader.schema.names)
    if known != found:
        raise SpecError(
            "evaluation.holdout.uri: its columns are not the source's: "
            f"only there {sorted(found - known)[:5]}, only in the source {sorted(known - found)[:5]}",
            "give a table with the same columns",
        )
    return reader


@dataclass(frozen=True, kw_only=True)
class PartReader(TableReader):
    """The rows of a table that were set aside, or all the others.

    A row's side follows from a hash of its key (of the whole row, without one) and of nothing else:
    it is the same in every job, and rows of one subject are never torn apart.
    """

    reader: TableReader
    share: float
    columns: tuple[str, ...]
    """What is hashed."""
    held_out: bool

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch."""
        return self.reader.schema

    def scan(
        self, columns: Sequence[str] | None = None, batch_rows: int = SCAN_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of this side; batches may be smaller than `batch_rows`."""
        wanted = tuple(columns) if columns is not None else tuple(self.schema.names)
        read = wanted + tuple(name for name in self.columns if name not in wanted)
        for batch in self.reader.scan(read, batch_rows):
            side = batch.filter(pa.array(self._chosen(batch)))
            if side.num_rows:
                yield side.select(list(wanted))

    def digest(self) -> str:
        """The digest of the whole table: which rows stand on which side is in the run id."""
        return self.reader.digest()

    def _chosen(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        frame = pl.from_arrow(batch.select(list(self.columns)))
        assert isinstance(frame, pl.DataFrame)
        below = (hash_rows(frame.get_columns()) >> np.uint64(32)) < np.uint64(round(self.share * 2**32))
        chosen: npt.NDArray[np.bool_] = below if self.held_out else ~below
        return chosen
