"""The grid on which all rows of one table are counted: made once, from the real table.

    binning = make_binning(source.scan("people"), schema.table("people"))
    sketch = TableSketch(binning)          one for each shard, each for the same grid

The grid travels with the data set, so it tells of the real table only what at least five of its rows
have in common: edges are averages of five neighbouring values or values that five rows hold, levels are
those of five rows or more. All else is counted below, above, between, or as "other".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mintage.contracts import ColumnSchema, Semantics, TableSchema
from mintage.evaluation._binning_edges import PROTECTED_ROWS, make_grid
from mintage.evaluation._binning_pairs import (
    ALL_PAIRS_COLUMNS,
    CANDIDATE_ROWS,
    all_pairs,
    candidates,
    choose_pairs,
    fit_sides,
    share_cells,
)
from mintage.evaluation._binning_sample import sample_rows
from mintage.evaluation._binning_table import (
    COARSE_BINS,
    CONTINUOUS,
    DISCRETE,
    MOST_EDGES,
    MOST_LEVEL_CHARACTERS,
    Binning,
    ColumnBins,
    Pair,
)
from mintage.evaluation._sketch_values import is_number_like, is_text, numbers, texts

__all__ = ["COARSE_BINS", "Binning", "ColumnBins", "Pair", "make_binning"]

Floats = npt.NDArray[np.float64]

_EDGES_PER_BIN = 3  # a value with a bin of its own takes two, and stands beside a third
_MOST_LEVELS = 4096
_MOST_TABLE_LEVELS = 2**18
_MOST_CHARACTERS = 2**23
_IDENTIFIER_SHARE = 0.9
_IDENTIFIER_ROWS = 100


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
    if semantics in CONTINUOUS and not pa.types.is_null(array.type):
        values = np.sort(numbers(array))
        present = values[: np.count_nonzero(~np.isnan(values))]
        grid = make_grid(present, MOST_EDGES // (_EDGES_PER_BIN * columns))
        return ColumnBins(name=column.name, semantics=semantics, grid=grid)
    counted = _count_levels(array)
    rows = sum(counted.values())
    if rows >= _IDENTIFIER_ROWS and len(counted) > _IDENTIFIER_SHARE * rows and column.name not in kinds:
        return "nearly every row has a value of its own"
    return ColumnBins(
        name=column.name,
        semantics=semantics if semantics in DISCRETE else Semantics.CATEGORY,
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
    if semantics not in (*CONTINUOUS, *DISCRETE):
        return f"{semantics.value} is not counted"
    if semantics in CONTINUOUS and not all(is_number_like(type_) for type_ in types):
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
        (level for level in told if len(level) <= MOST_LEVEL_CHARACTERS),
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
        (sides[0].pair_codes, sides[1].pair_codes), (sides[0].least_codes, sides[1].least_codes), cells
    )
    return Pair(left=place[0], right=place[1], left_codes=left, right_codes=right)


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
