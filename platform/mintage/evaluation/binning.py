"""The grid on which all rows of one table are counted: made once, from the real table.

    binning = make_binning(source.scan("people"), schema.table("people"))
    sketch = TableSketch(binning)          one for each shard, each for the same grid

The grid travels with the data set, so it tells of the real table only what at least five of its rows
have in common: edges are averages of five neighbouring values or values that five rows hold, levels are
those of five rows or more. All else is counted below, above, between, or as "other".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mintage.contracts import ColumnSchema, Semantics, TableSchema
from mintage.errors import ProvenanceError
from mintage.evaluation._binning_edges import PROTECTED_ROWS, Grid, make_grid
from mintage.evaluation._binning_pairs import (
    ALL_PAIRS_COLUMNS,
    CANDIDATE_ROWS,
    MOST_CELLS,
    MOST_PAIRS,
    all_pairs,
    candidates,
    choose_pairs,
    fit_sides,
    share_cells,
)
from mintage.evaluation._binning_sample import sample_rows
from mintage.evaluation._sketch_values import is_number_like, is_text, numbers, texts

Floats = npt.NDArray[np.float64]
Kind = Literal["continuous", "discrete"]

MAX_BINNING_BYTES = 64 * 2**20
"""Size of a grid as it is stored."""
COARSE_BINS = 10
"""Equal-width bins of a continuous column in pairs; outer ones are open."""

_MOST_EDGES = 2**21
_EDGES_PER_BIN = 3  # a value with a bin of its own takes two, and stands beside a third
_MOST_LEVELS = 4096
_MOST_TABLE_LEVELS = 2**18
_MOST_LEVEL_CHARACTERS = 1024
_MOST_CHARACTERS = 2**23
_MOST_COLUMNS = 2**17
_IDENTIFIER_SHARE = 0.9
_IDENTIFIER_ROWS = 100
_CONTINUOUS = (Semantics.NUMERIC, Semantics.DATETIME)
_DISCRETE = (Semantics.CATEGORY, Semantics.BOOLEAN)


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _StoredColumn(_Stored):
    name: str
    semantics: Literal["numeric", "datetime", "category", "boolean"]
    edges: list[float] | None = None
    low: float = 0.0
    high: float = 0.0
    centre: float = 0.0
    unit: Annotated[float, Field(gt=0)] = 1.0
    whole: bool = False
    levels: list[Annotated[str, Field(max_length=_MOST_LEVEL_CHARACTERS)]] | None = None


class _StoredBinning(_Stored):
    format: Literal["mintage-binning/1"]
    table: str
    columns: Annotated[list[_StoredColumn], Field(min_length=1, max_length=_MOST_COLUMNS)]
    pairs: Annotated[list[tuple[int, int, int, int]], Field(max_length=MOST_PAIRS)]
    skipped: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBins:
    """How one column is counted: on a grid (continuous) or by levels (discrete)."""

    name: str
    semantics: Semantics
    grid: Grid | None = None
    levels: tuple[str, ...] = ()
    """The most frequent first."""

    @property
    def kind(self) -> Kind:
        """`continuous` or `discrete`."""
        return "discrete" if self.grid is None else "continuous"

    @property
    def codes(self) -> int:
        """Counters of the column: missing, then its bins in order, or its levels and the others."""
        return len(self.levels) + 2 if self.grid is None else len(self.grid.edges) + 2

    @property
    def pair_codes(self) -> int:
        """Codes of the column in pairs with room for all: missing, then coarse bins, or levels and others."""
        return self.codes if self.grid is None else COARSE_BINS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two columns, by position, that are counted together, and how many codes each has there."""

    left: int
    right: int
    left_codes: int
    right_codes: int

    @property
    def cells(self) -> int:
        """Counters of the pair; 0 for two continuous columns, of which products are summed."""
        return self.left_codes * self.right_codes


@dataclass(frozen=True, kw_only=True)
class Binning:
    """The grid of one table; equal tables, equal bytes."""

    table: str
    columns: tuple[ColumnBins, ...]
    pairs: tuple[Pair, ...]
    skipped: Mapping[str, str]
    """Columns that are not counted, and why."""

    @property
    def all_pairs(self) -> int:
        """How many pairs the columns have; no more than `pairs` of them are counted."""
        return len(self.columns) * (len(self.columns) - 1) // 2

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of `to_bytes()`."""
        return f"sha256:{hashlib.sha256(self.to_bytes()).hexdigest()}"

    @cached_property
    def column_offsets(self) -> npt.NDArray[np.int64]:
        """Where the counters of each column begin [columns + 1]; the last is how many there are."""
        return _offsets([column.codes for column in self.columns])

    @cached_property
    def pair_offsets(self) -> npt.NDArray[np.int64]:
        """Where the counters of each pair begin [pairs + 1]."""
        return _offsets([pair.cells for pair in self.pairs])

    def to_bytes(self) -> bytes:
        """JSON, in one spelling."""
        stored = _StoredBinning(
            format="mintage-binning/1",
            table=self.table,
            columns=[_stored_column(column) for column in self.columns],
            pairs=[(pair.left, pair.right, pair.left_codes, pair.right_codes) for pair in self.pairs],
            skipped=dict(sorted(self.skipped.items())),
        )
        return stored.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The grid that `to_bytes` wrote. Raises `ProvenanceError` for anything else."""
        if len(data) > MAX_BINNING_BYTES:
            raise ProvenanceError(
                f"a binning of {len(data)} bytes is larger than the {MAX_BINNING_BYTES} allowed"
            )
        try:
            stored = _StoredBinning.model_validate_json(data)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            raise ProvenanceError(f"this is no binning: {first['msg']}", "restore it from a copy") from exc
        binning = cls(
            table=stored.table,
            columns=tuple(_column(column) for column in stored.columns),
            pairs=tuple(_pair(pair) for pair in stored.pairs),
            skipped=stored.skipped,
        )
        _check(binning)
        return binning


def make_binning(
    batches: Iterable[pa.RecordBatch], schema: TableSchema, kinds: Mapping[str, Semantics] | None = None
) -> Binning | None:
    """The grid of a table, from one pass over its real rows; None when no column of it can be counted.

    `schema` says what its columns are and mean; `kinds` overrides the meanings. Columns that either
    side lacks, keys, binary, free text, and text of which nearly every row has its own are skipped. Of
    long tables a sample is looked at, the same whenever the rows are the same.
    """
    real = sample_rows(batches)
    if real is None:
        return None
    measured: list[ColumnBins] = []
    skipped: dict[str, str] = {}
    known = set(real.column_names)
    for column in schema.columns:
        if column.name not in known:
            skipped[column.name] = "the real table does not have it"
            continue
        made = _make_column(column, schema, real, kinds or {})
        if isinstance(made, str):
            skipped[column.name] = made
        else:
            measured.append(made)
    if not measured:
        return None
    pairs = _make_pairs(measured, real)
    return Binning(table=schema.name, columns=tuple(measured), pairs=pairs, skipped=skipped)


def _make_column(
    column: ColumnSchema, schema: TableSchema, real: pa.Table, kinds: Mapping[str, Semantics]
) -> ColumnBins | str:
    """How a column is counted, or why it is not."""
    array, columns = _whole(real.column(column.name)), max(16, real.num_columns)
    semantics = kinds.get(column.name, column.semantics)
    if reason := _unfit(column.name, schema, semantics, (array.type, column.type)):
        return reason
    if semantics in _CONTINUOUS and not pa.types.is_null(array.type):
        values = np.sort(numbers(array))
        present = values[: np.count_nonzero(~np.isnan(values))]
        grid = make_grid(present, _MOST_EDGES // (_EDGES_PER_BIN * columns))
        return ColumnBins(name=column.name, semantics=semantics, grid=grid)
    counted = _count_levels(array)
    rows = sum(counted.values())
    if rows >= _IDENTIFIER_ROWS and len(counted) > _IDENTIFIER_SHARE * rows and column.name not in kinds:
        return "nearly every row has a value of its own"
    return ColumnBins(
        name=column.name,
        semantics=semantics if semantics in _DISCRETE else Semantics.CATEGORY,
        levels=_levels(counted, columns),
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array


def _unfit(
    name: str, schema: TableSchema, semantics: Semantics, types: tuple[pa.DataType, pa.DataType]
) -> str:
    """Why a column is not counted; empty when it is."""
    keys = {*schema.primary_key, *(column for key in schema.foreign_keys for column in key.columns)}
    if semantics is Semantics.KEY or name in keys:
        return "it is a key"
    if any(pa.types.is_null(type_) for type_ in types):
        return ""
    if semantics not in (*_CONTINUOUS, *_DISCRETE):
        return f"{semantics.value} is not counted"
    if semantics in _CONTINUOUS and not all(is_number_like(type_) for type_ in types):
        return f"{types[0]} in the real table and {types[1]} in the other are not both numbers"
    if not all(is_number_like(type_) or is_text(type_) for type_ in types):
        return f"columns of the type {types[0]} are not counted"
    return ""


def _count_levels(array: pa.Array) -> dict[str, int]:
    if pa.types.is_null(array.type):
        return {}
    counted = pc.value_counts(texts(array).drop_null())
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))


def _levels(counted: Mapping[str, int], columns: int) -> tuple[str, ...]:
    """The levels that may be told, most frequent first, as far as a table of so many columns has room."""
    told = [level for level, rows in counted.items() if rows >= PROTECTED_ROWS]
    short = sorted(
        (level for level in told if len(level) <= _MOST_LEVEL_CHARACTERS),
        key=lambda level: (-counted[level], level),
    )[: min(_MOST_LEVELS, _MOST_TABLE_LEVELS // columns)]
    length = np.cumsum([len(level) for level in short])
    return tuple(short[: int(np.searchsorted(length, _MOST_CHARACTERS // columns, side="right"))])


def _make_pairs(columns: list[ColumnBins], real: pa.Table) -> tuple[Pair, ...]:
    if len(columns) <= ALL_PAIRS_COLUMNS:
        places = all_pairs(len(columns))
    else:
        looked_at = candidates(len(columns))
        features = [_features(columns[place], real) for place in looked_at]
        places = choose_pairs(len(columns), looked_at, features)
    joint = [
        (left, right) for left, right in places if "discrete" in (columns[left].kind, columns[right].kind)
    ]
    cells = dict(
        zip(
            joint, share_cells([columns[a].pair_codes * columns[b].pair_codes for a, b in joint]), strict=True
        )
    )
    return tuple(_sized(columns, place, cells.get(place)) for place in places)


def _sized(columns: list[ColumnBins], place: tuple[int, int], cells: int | None) -> Pair:
    if cells is None:
        return Pair(left=place[0], right=place[1], left_codes=0, right_codes=0)
    sides = (columns[place[0]], columns[place[1]])
    left, right = fit_sides(
        (sides[0].pair_codes, sides[1].pair_codes), (_least(sides[0]), _least(sides[1])), cells
    )
    return Pair(left=place[0], right=place[1], left_codes=left, right_codes=right)


def _least(column: ColumnBins) -> int:
    return 2 if column.kind == "discrete" else COARSE_BINS + 1


def _features(column: ColumnBins, real: pa.Table) -> Floats:
    """Numbers that stand for a column when associations are looked for [rows, 1 or 2]."""
    array = _whole(real.column(column.name)[:CANDIDATE_ROWS])
    if column.kind == "continuous":
        values = numbers(array)
        ranks = np.searchsorted(np.sort(values[~np.isnan(values)]), values).astype(np.float64)
        return np.where(np.isnan(values), ranks.mean() if len(ranks) else 0.0, ranks)[:, None]
    text = texts(array)
    marks = [pc.equal(text, level).fill_null(fill_value=False) for level in column.levels[:2]]
    return np.stack(
        [mark.to_numpy(zero_copy_only=False).astype(np.float64) for mark in marks] or [np.zeros(len(array))],
        axis=1,
    )


def _offsets(sizes: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _stored_column(column: ColumnBins) -> _StoredColumn:
    common = {"name": column.name, "semantics": column.semantics.value}
    if (grid := column.grid) is None:
        return _StoredColumn.model_validate({**common, "levels": list(column.levels)})
    plain = {name: getattr(grid, name) for name in ("low", "high", "centre", "unit", "whole")}
    return _StoredColumn.model_validate({**common, **plain, "edges": grid.edges.tolist()})


def _column(stored: _StoredColumn) -> ColumnBins:
    semantics = Semantics(stored.semantics)
    if (stored.edges is None) == (stored.levels is None) or (semantics in _CONTINUOUS) != (
        stored.edges is not None
    ):
        raise ProvenanceError(f"a binning counts {stored.name!r} neither by edges nor by levels")
    if stored.edges is None:
        return ColumnBins(name=stored.name, semantics=semantics, levels=tuple(stored.levels or ()))
    grid = Grid(
        edges=np.array(stored.edges, np.float64),
        low=stored.low,
        high=stored.high,
        centre=stored.centre,
        unit=stored.unit,
        whole=stored.whole,
    )
    return ColumnBins(name=stored.name, semantics=semantics, grid=grid)


def _pair(stored: tuple[int, int, int, int]) -> Pair:
    return Pair(left=stored[0], right=stored[1], left_codes=stored[2], right_codes=stored[3])


def _check(binning: Binning) -> None:
    """Raise `ProvenanceError` for a grid that nothing can be counted on."""
    names = [column.name for column in binning.columns]
    problem = ""
    if len(set(names)) < len(names):
        problem = "it has a column twice"
    elif any(np.any(np.diff(c.grid.edges) <= 0) for c in binning.columns if c.grid is not None):
        problem = "its edges do not ascend"
    elif any(len(set(column.levels)) < len(column.levels) for column in binning.columns):
        problem = "it has a level twice"
    elif any(later <= earlier for earlier, later in pairwise([(p.left, p.right) for p in binning.pairs])):
        problem = "its pairs are not in order"
    elif not all(_is_pair(binning.columns, pair) for pair in binning.pairs):
        problem = "it has a pair of columns that are not there"
    elif binning.pair_offsets[-1] > 4 * MOST_CELLS or binning.column_offsets[-1] > 8 * _MOST_EDGES:
        problem = "it has too many counters"
    if problem:
        raise ProvenanceError(f"a binning is wrong: {problem}", "restore it from a copy")


def _is_pair(columns: tuple[ColumnBins, ...], pair: Pair) -> bool:
    if not 0 <= pair.left < pair.right < len(columns):
        return False
    left, right = columns[pair.left], columns[pair.right]
    if left.kind == right.kind == "continuous":
        return pair.left_codes == pair.right_codes == 0
    return (
        _least(left) <= pair.left_codes <= left.pair_codes
        and _least(right) <= pair.right_codes <= right.pair_codes
    )
