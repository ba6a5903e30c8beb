"""`mintage.impute`: fill the nulls of a table by drawing from a model, given everything else in the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa

from mintage.contracts import ImputeRequest, Model, TableReader, TableSchema
from mintage.engine.models import load_model, trust_installed
from mintage.engine.parts import PartBuilder
from mintage.errors import GenerationError, ObjectExistsError, SpecError
from mintage.jobs.sources import make_connector, open_reader
from mintage.jobs.stored_models import model_in_use
from mintage.plugins import connector, connector_for
from mintage.spec import IN_MEMORY, nearest
from mintage.store import ObjectStore

BATCH_ROWS = 16_384
"""Rows filled at a time. Part of what a seed means: the numbers drawn are keyed by the batch."""

_MAX_SEED = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputed:
    """What was done: rows read, cells filled and cells left null, by column; where it was written.

    `table` holds the rows when they were asked for in Python, and is None when they were written.
    """

    rows: int
    filled: Mapping[str, int]
    left_null: Mapping[str, int]
    uri: str | None
    table: pa.Table | None

    def to_json(self) -> dict[str, object]:
        """All but the rows."""
        return {
            "rows": self.rows, "filled": dict(self.filled), "left_null": dict(self.left_null), "uri": self.uri
        }  # fmt: skip


def impute(
    table: object,
    *,
    model: str | Path | Model,
    to: str | Path | None = None,
    columns: Sequence[str] = (),
    renew: Sequence[str] = (),
    seed: int = 0,
    storage: Mapping[str, object] | None = None,
) -> Imputed:
    """Fill the nulls of `table`; all other cells, the rows and their order stay as they are.

    Args:
        table: A path or URI, or a pandas, polars or Arrow table.
        model: The folder of a data set that Mintage made, whose model fills; or a fitted model.
        to: A file to write, which must not be there yet; without it the rows come back in Python.
        columns: Columns whose nulls are filled; without any, all that the model learned.
        renew: Columns that are drawn in every row, null or not.
        seed: Root of all randomness: the same table, model and seed give the same cells.
        storage: Options of the store that holds the model.

    A cell that cannot be drawn within the model's constraints stays null, and is counted. Raises
    `GenerationError` when the model cannot fill cells, `ConditionError` for a table whose columns are not
    those it learned, `SpecError` for columns that are not there.
    """
    if not 0 <= seed <= _MAX_SEED:
        raise SpecError(f"seed: must be from 0 to {_MAX_SEED}, got {seed}", "give another seed")
    fitted = model if isinstance(model, Model) else _load(str(model), storage or {})
    reader = _open(table)
    asked = _asked(fitted, reader, columns, renew)
    counts = _Counts(asked)
    batches = _filled(fitted, reader, asked, seed, counts)
    uri, rows = None, None
    if to is None:
        rows = pa.Table.from_batches(batches, reader.schema)
    else:
        uri = _write(batches, reader.schema, str(to))
    return Imputed(rows=counts.rows, filled=counts.filled, left_null=counts.left_null, uri=uri, table=rows)


class _Counts:
    """Cells filled and left, by column."""

    def __init__(self, asked: ImputeRequest) -> None:
        self.rows = 0
        self.filled = dict.fromkeys((*asked.columns, *asked.renewed), 0)
        self.left_null = dict(self.filled)
        self._renewed = set(asked.renewed)

    def add(self, before: pa.RecordBatch, after: pa.RecordBatch) -> None:
        self.rows += before.num_rows
        for name in self.filled:
            left = after.column(name).null_count
            wanted = before.num_rows if name in self._renewed else before.column(name).null_count
            self.filled[name] += wanted - left
            self.left_null[name] += left


def _load(uri: str, storage: Mapping[str, object]) -> Model:
    store = ObjectStore.open(uri, options=storage)
    return load_model(store, trust_installed(model_in_use(store)).ref)


def _open(table: object) -> TableReader:
    if isinstance(table, str | Path):
        return open_reader(str(table), path="table")
    return make_connector(connector(IN_MEMORY), {}, "table").read(table)


def _asked(model: Model, reader: TableReader, columns: Sequence[str], renew: Sequence[str]) -> ImputeRequest:
    if len(model.schema.tables) != 1:
        raise GenerationError(
            f"the model makes {len(model.schema.tables)} tables; cells are filled in the rows of one",
            "fit a model of this table alone",
        )
    known = [name for name in model.schema.root_table.names if name in reader.schema.names]
    for name in (*columns, *renew):
        if name not in known:
            raise SpecError(
                f"column {name!r} cannot be filled: it is not in both the table and the model",
                nearest(name, known),
            )
    wanted = tuple(columns) or (() if renew else tuple(known))
    return ImputeRequest(seed=0, batch=0, columns=wanted, renewed=tuple(renew))


def _filled(
    model: Model, reader: TableReader, asked: ImputeRequest, seed: int, counts: _Counts
) -> Iterator[pa.RecordBatch]:
    for number, batch in enumerate(_even(reader.scan(batch_rows=BATCH_ROWS))):
        request = ImputeRequest(seed=seed, batch=number, columns=asked.columns, renewed=asked.renewed)
        after = model.impute(batch, request)
        if after.num_rows != batch.num_rows or not after.schema.equals(batch.schema):
            name = type(model).__name__
            raise GenerationError(
                f"{name} gave back other columns, or {after.num_rows} rows for {batch.num_rows}",
                "report this to the author of the generator",
            )
        counts.add(batch, after)
        yield after


def _even(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `BATCH_ROWS`: how a file is cut must not change what is drawn."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        while rows + batch.num_rows >= BATCH_ROWS:
            part = batch.slice(0, BATCH_ROWS - rows)
            yield pa.concat_batches([*waiting, part])
            batch, waiting, rows = batch.slice(part.num_rows), [], 0
        if batch.num_rows:
            waiting.append(batch)
            rows += batch.num_rows
    if waiting:
        yield pa.concat_batches(waiting)


_MARK = {"synthetic": "partly", "generation": "unknown", "generation_at_least": "1"}
"""What a filled table says of its own origin: cells of it were drawn, so it is no real table any more."""


def _write(batches: Iterator[pa.RecordBatch], schema: pa.Schema, uri: str) -> str:
    """One file, complete or not there at all; raises `ObjectExistsError` when there is one of that name."""
    place = PurePosixPath(uri)
    folder = uri[: -len(place.name)].rstrip("/") or "."
    kind = make_connector(connector_for(uri), {}, "to")
    table = TableSchema.of(place.stem, schema)
    store = ObjectStore.open(folder)
    if store.exists(place.name):
        raise ObjectExistsError(f"{uri} is there already", "name another file, or remove it")
    with PartBuilder(store, place.name, table, kind, mark=_MARK) as part:
        for batch in batches:
            part.add(pa.RecordBatch.from_arrays(batch.columns, schema=table.arrow()))
        part.finish()
    return uri
